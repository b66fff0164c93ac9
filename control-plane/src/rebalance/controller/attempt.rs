//! One rebalance, from its first drain: does it help?

mod closes;

use super::Situation;
use crate::model::Weight;
use crate::rebalance::landing::{Forecast, Landing};
use closes::Closes;
use evenkeel_filter_core::Time;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Closes per connection after which a rebalance is given up.
const MOST_CLOSES: f64 = 1.5;
/// Until it is known that connections land where they are missing, only this part of them is risked.
const PROBE: f64 = 0.1;
/// Of few connections twice as much is risked, between these two: fewer show nothing.
const SMALL_PROBE: RangeInclusive<f64> = 20.0..=40.0;
/// Members have drained, and clients have come back, within this time.
const PATIENCE: Duration = Duration::from_secs(15);
/// An order is carried out, and reported, well within this time.
const DELAY: Duration = Duration::from_secs(5);
/// Of so many, a quarter at least.
const SOME: f64 = 10.0;

/// What was done and what came of it.
#[derive(Debug)]
pub struct Attempt {
    connections: f64,
    first_order: Option<Time>,
    last_order: Option<Time>,
    /// Load that was ordered.
    ordered: f64,
    /// Connections that were ordered and have not been seen to land anywhere.
    at_risk: f64,
    closes: Closes,
    landing: Landing,
    forecast: Forecast,
    /// Since when it holds.
    forecast_at: Option<Time>,
    /// Whom the forecast is for.
    members: Vec<IpAddr>,
}

impl Attempt {
    /// Nothing done yet, with so many connections in the group.
    pub fn new(connections: f64, belief: f64) -> Self {
        Self {
            connections,
            first_order: None,
            last_order: None,
            ordered: 0.0,
            at_risk: 0.0,
            closes: Closes::default(),
            landing: Landing::believing(belief),
            forecast: Forecast::default(),
            forecast_at: None,
            members: Vec::new(),
        }
    }

    /// Takes in what has happened since the last step.
    pub fn observe(&mut self, now: Time, situation: &Situation) {
        // Some may not have been reported when it began.
        self.connections = self.connections.max(situation.connections);
        self.closes.observe(now, situation);
        if self.is_forecast_for(situation) {
            let accepted: Vec<f64> = situation.members.iter().map(|member| member.accepted).collect();
            self.landing.observe(&accepted, &self.forecast);
            self.at_risk = (self.at_risk - accepted.iter().sum::<f64>()).max(0.0);
        }
        if self.landing.is_confirmed() {
            self.at_risk = 0.0;
        }
    }

    /// Whether there is no forecast for these members, or one of more than an interval ago: balancers get other weights
    /// once per interval.
    pub fn needs_forecast(&self, now: Time, situation: &Situation) -> bool {
        let is_due = self.forecast_at.is_none_or(|at| now >= at.plus(situation.interval));
        is_due || !self.is_forecast_for(situation)
    }

    /// From now on new connections should land like this.
    pub fn forecast(&mut self, now: Time, situation: &Situation, forecast: Forecast) {
        self.forecast_at = Some(now);
        self.members = situation.members.iter().map(|member| member.address).collect();
        self.forecast = forecast;
    }

    /// Where new connections land, if that was forecast for these members.
    pub fn landing(&self, situation: &Situation) -> Option<Vec<f64>> {
        self.is_forecast_for(situation).then(|| self.landing.parts(&self.forecast))
    }

    /// The weights of the forecast.
    pub fn weights(&self) -> &[Weight] {
        &self.forecast.weights
    }

    fn is_forecast_for(&self, situation: &Situation) -> bool {
        self.members.iter().eq(situation.members.iter().map(|member| &member.address))
    }

    /// How far balancers follow the weights.
    pub fn belief(&self) -> f64 {
        self.landing.belief()
    }

    /// Members may drain so much more load, of so many connections.
    pub fn ordered(&mut self, now: Time, load: f64, connections: f64) {
        if connections > 0.0 {
            self.ordered += load;
            self.at_risk += connections;
            self.first_order.get_or_insert(now);
            self.last_order = Some(now);
        }
    }

    /// How many connections may be risked now. Those that have not come by now went to where nobody reports, or nowhere:
    /// [`Self::failure`] has the last word on these, and if it lets them pass, the next ones may be risked.
    pub fn room(&self, now: Time) -> f64 {
        if self.landing.is_doubtful() {
            return 0.0;
        }
        if self.landing.is_confirmed() {
            return f64::INFINITY;
        }
        let may_come = self.last_order.is_some_and(|last| now < last.plus(DELAY).plus(PATIENCE));
        let at_risk = if may_come { self.at_risk } else { 0.0 };
        (probe(self.connections) - at_risk).max(0.0)
    }

    /// Why there is no sense in going on, if there is none.
    pub fn failure(&self, now: Time) -> Option<String> {
        self.land_elsewhere()
            .or_else(|| self.are_too_many())
            .or_else(|| self.are_light())
            .or_else(|| self.do_not_go(now))
            .or_else(|| self.do_not_come_back())
    }

    fn land_elsewhere(&self) -> Option<String> {
        let reason = || {
            let accepted = self.landing.accepted();
            format!(
                "{accepted:.0} connections have come and hardly any to the members that have too few: the balancer may \
                 choose by the client's address"
            )
        };
        self.landing.is_refuted().then(reason)
    }

    fn are_too_many(&self) -> Option<String> {
        let (closes, connections) = (self.closes.total(), self.connections);
        let reason = || format!("{closes:.0} closes of {connections:.0} connections have not made them even");
        (closes > MOST_CLOSES * connections).then(reason)
    }

    fn are_light(&self) -> Option<String> {
        let closes = self.closes.total();
        let reason = || format!("only light connections go, {closes:.0} so far: the others may be too heavy to move");
        (closes >= SOME && self.closes.load() < self.closes.load_on_average() / 4.0).then(reason)
    }

    fn do_not_go(&self, now: Time) -> Option<String> {
        let (ordered, drained) = (self.ordered, self.closes.load());
        let reason = || {
            format!(
                "the members have drained {drained:.0} of {ordered:.0} connections: the others may be too heavy to move"
            )
        };
        let impatient = self.first_order.is_some_and(|first| now >= first.plus(PATIENCE));
        (impatient && ordered >= SOME && drained < ordered / 4.0).then(reason)
    }

    fn do_not_come_back(&self) -> Option<String> {
        let (due, accepted) = (self.closes.due(), self.landing.accepted());
        let reason = || format!("of {due:.0} drained connections {accepted:.0} have come back: streams may not end");
        (due >= SOME && accepted < due / 4.0).then(reason)
    }
}

/// How many of `total` connections are risked at one time while it is not known where they land.
fn probe(total: f64) -> f64 {
    (PROBE * total).max((2.0 * PROBE * total).clamp(*SMALL_PROBE.start(), *SMALL_PROBE.end()))
}

#[cfg(test)]
mod tests;
