//! One group over time: when connections move, how many of them now, and when it is over.
//!
//! A rebalance begins when a member or a weight is new and everything has stood still for a while (*armed*), or when the
//! group is uneven beyond chance for three intervals. It goes on until the group is even and nothing is on its way any
//! more, or until it is clear that it does not help. In between, and always otherwise, nothing is closed.

mod assessment;
mod attempt;
mod situation;

pub use assessment::Assessment;
pub use situation::{Decision, Member, Order, Orders, Situation};

use super::budget::Budget;
use super::landing::Forecast;
use super::law::{self, Goal};
use super::policy::{Mode, Policy};
use super::status::State;
use super::steering;
use attempt::Attempt;
use evenkeel_filter_core::Time;
use std::time::Duration;

/// Chance is told from a cause by this many intervals in a row.
const UNEVEN_INTERVALS: u32 = 3;
/// The first pause after an attempt that did not help. The next ones double.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What a group is doing, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What it is doing.
    pub state: State,
    /// Why, in words.
    pub reason: String,
}

impl Verdict {
    fn new(state: State, reason: impl Into<String>) -> Self {
        Self { state, reason: reason.into() }
    }
}

/// The pause after an attempt that did not help.
#[derive(Debug)]
struct Pause {
    until: Time,
    reason: String,
}

/// Decides for one group, step by step.
#[derive(Debug)]
pub struct Controller {
    /// A member or a weight is new, and the group has not been even since.
    armed: bool,
    changed: Time,
    uneven_intervals: u32,
    attempt: Option<Attempt>,
    pause: Option<Pause>,
    next_pause: Duration,
    budget: Budget,
    /// How far balancers follow our weights, as far as earlier attempts have shown. Overrating them costs time,
    /// underrating them costs connections.
    belief: f64,
    verdict: Verdict,
    since: Time,
}

impl Controller {
    /// Of a group that nothing is known about yet.
    pub fn new(now: Time) -> Self {
        Self {
            armed: false,
            changed: now,
            uneven_intervals: 0,
            attempt: None,
            pause: None,
            next_pause: FIRST_PAUSE,
            budget: Budget::default(),
            belief: 1.0,
            verdict: Verdict::new(State::Settling, "nothing has been reported yet"),
            since: now,
        }
    }

    /// What the group is doing, and since when.
    pub fn verdict(&self) -> (&Verdict, Time) {
        (&self.verdict, self.since)
    }

    /// The endpoints are others than before. What was going on waits until they stand still.
    pub fn endpoints_changed(&mut self, now: Time) {
        self.changed = now;
        self.pause = None;
        self.armed |= self.attempt.is_some();
        self.end_attempt();
    }

    /// There is something new to which connections should move: a member, or another weight.
    pub fn arm(&mut self, now: Time) {
        self.armed = true;
        self.endpoints_changed(now);
    }

    /// When the endpoints will have stood still for long enough, if something waits for that.
    pub fn settles(&self, policy: &Policy) -> Option<Time> {
        (self.verdict.state == State::Settling && self.armed).then(|| self.changed.plus(policy.settle))
    }

    /// What is to be done now.
    pub fn step(&mut self, now: Time, policy: &Policy, situation: &Situation) -> (Decision, Assessment) {
        if let Some(attempt) = &mut self.attempt {
            attempt.observe(now, situation);
        }
        let goal = Goal::of(policy);
        let assessment = Assessment::new(&goal, situation, self.attempt.as_ref().and_then(|a| a.landing(situation)));
        let verdict = self.judge(now, policy, situation, &assessment);
        self.enter(now, verdict);
        if self.verdict.state == State::Rebalancing {
            return self.rebalance(now, policy, situation, assessment);
        }
        self.end_attempt();
        let weights = steering::at_rest(&situation.weights());
        (Decision { orders: Orders::TakeBack, weights }, assessment)
    }

    fn enter(&mut self, now: Time, verdict: Verdict) {
        if verdict.state != self.verdict.state {
            self.since = now;
        }
        self.verdict = verdict;
    }

    fn judge(&mut self, now: Time, policy: &Policy, situation: &Situation, assessment: &Assessment) -> Verdict {
        if policy.paused {
            return Verdict::new(State::Paused, "an operator has paused it");
        }
        if let Some(reason) = &situation.learning {
            return Verdict::new(State::Settling, reason);
        }
        if let Some(reason) = situation.incomplete() {
            return Verdict::new(State::Incomplete, reason);
        }
        if assessment.balanced && situation.nothing_returns() && self.has_settled(now, policy) {
            return self.balanced(situation);
        }
        self.uneven(now, policy, situation, assessment)
    }

    fn has_settled(&self, now: Time, policy: &Policy) -> bool {
        !self.armed || now >= self.changed.plus(policy.settle)
    }

    fn balanced(&mut self, situation: &Situation) -> Verdict {
        self.armed = situation.warming;
        self.uneven_intervals = 0;
        self.pause = None;
        self.next_pause = FIRST_PAUSE;
        Verdict::new(State::Balanced, "every member has its share")
    }

    fn uneven(&mut self, now: Time, policy: &Policy, situation: &Situation, assessment: &Assessment) -> Verdict {
        if let Some(verdict) = self.stuck(now) {
            return verdict;
        }
        if !self.has_settled(now, policy) {
            let left = self.changed.plus(policy.settle).since(now).as_secs_f64().ceil();
            return Verdict::new(State::Settling, format!("members or weights have changed; {left} s to go"));
        }
        if self.attempt.is_none() && !self.armed && !self.is_uneven_beyond_chance(policy, situation, assessment) {
            return Verdict::new(State::Balanced, "not even, but by no more than chance");
        }
        if policy.mode == Mode::Observe {
            return Verdict::new(State::Observing, format!("if this were enforced: {}", assessment.words()));
        }
        self.attempt(now, situation, assessment)
    }

    fn stuck(&mut self, now: Time) -> Option<Verdict> {
        self.pause.take_if(|pause| now >= pause.until);
        self.pause.as_ref().map(|pause| Verdict::new(State::Stuck, &pause.reason))
    }

    fn is_uneven_beyond_chance(&mut self, policy: &Policy, situation: &Situation, assessment: &Assessment) -> bool {
        let uneven = Goal::of(policy).uneven_beyond_chance(&situation.live(), &assessment.shares);
        self.uneven_intervals = if uneven { self.uneven_intervals.saturating_add(1) } else { 0 };
        self.uneven_intervals >= UNEVEN_INTERVALS
    }

    fn attempt(&mut self, now: Time, situation: &Situation, assessment: &Assessment) -> Verdict {
        let belief = self.belief;
        let attempt = self.attempt.get_or_insert_with(|| Attempt::new(situation.connections, belief));
        if let Some(reason) = attempt.failure(now) {
            return self.give_up(now, &reason);
        }
        if !situation.attending {
            return Verdict::new(State::Rebalancing, "waiting until all members report at the short interval");
        }
        Verdict::new(State::Rebalancing, assessment.words())
    }

    fn give_up(&mut self, now: Time, reason: &str) -> Verdict {
        let reason = format!("{reason}; the next attempt is {} s later", self.next_pause.as_secs());
        self.pause = Some(Pause { until: now.plus(self.next_pause), reason: reason.clone() });
        self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
        self.uneven_intervals = 0;
        Verdict::new(State::Stuck, reason)
    }

    fn end_attempt(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.belief = attempt.belief();
        }
    }

    /// First the weights, then the drains that rely on them.
    fn rebalance(
        &mut self,
        now: Time,
        policy: &Policy,
        situation: &Situation,
        mut assessment: Assessment,
    ) -> (Decision, Assessment) {
        let Some(attempt) = &mut self.attempt else {
            return (Decision { orders: Orders::TakeBack, weights: None }, assessment);
        };
        if attempt.needs_forecast(now, situation) {
            attempt.forecast(now, situation, Self::forecast(situation, &assessment));
        }
        assessment.landing = attempt.landing(situation).unwrap_or_default();
        let orders = self.orders(now, policy, situation, &assessment);
        let weights = self.attempt.as_ref().map(|attempt| attempt.weights().to_vec());
        (Decision { orders: Orders::Allow(orders), weights }, assessment)
    }

    fn forecast(situation: &Situation, assessment: &Assessment) -> Forecast {
        // Not what will be missing when those on their way have landed: they have not, and land where these weights say.
        let missing = law::missing(&situation.live(), &assessment.shares);
        let weights = steering::towards(&missing);
        Forecast {
            receives: missing.iter().map(|missing| *missing > 0.0).collect(),
            blind: situation.blind(),
            steered: steering::parts(&weights, situation.silent.len()),
            weights,
        }
    }

    /// What each member may drain beyond what it may already.
    fn orders(&mut self, now: Time, policy: &Policy, situation: &Situation, assessment: &Assessment) -> Vec<Order> {
        let per_second = policy.max_rate * situation.connections;
        let budget = self.budget.refill(now, per_second, per_second * situation.step.as_secs_f64());
        let Some(attempt) = self.attempt.as_mut().filter(|_| situation.attending && !assessment.balanced) else {
            return vec![Order::default(); situation.members.len()];
        };
        let (goal, Assessment { expected, shares, landing, .. }) = (Goal::of(policy), assessment);
        let want = goal.want(expected, shares, landing, situation.returning);
        let budget = budget.min(attempt.room(now));
        let load = situation.whole_quanta(want, budget);
        let parts = law::spread(load as f64 / situation.quantum, expected, shares);
        let orders = situation.orders(law::apportion(load, &parts), budget);
        let (load, connections) = situation.sum(&orders);
        self.budget.spend(connections);
        attempt.ordered(now, load, connections);
        orders
    }
}
