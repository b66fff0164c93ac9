//! One accepted connection: its own limits, what it did, and how far its end has come.

use std::time::Duration;

use super::request_rate::RequestRate;
use super::{Action, Load, Reason};
use crate::caps::{Draw, age_limit, request_limit};
use crate::settings::{Inbound, RequestCount};
use crate::time::Time;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) opened: Time,
    draw: Draw,
    age_limit: Time,
    request_limit: u32,
    pub(super) requests: u32,
    streams: u32,
    newest_stream: Time,
    pub(super) request_rate: RequestRate,
    pub(super) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Live,
    /// Live, beyond a limit that new settings have lowered: it goes when its turn comes, not at once.
    Overdue(Reason),
    /// The response of one request carries the drain; the next tick makes every response carry it, in case that
    /// request takes long.
    DrainingOneResponse,
    Draining {
        since: Time,
    },
    Closing,
}

impl Connection {
    pub(super) fn new(now: Time, draw: Draw, inbound: &Inbound) -> Self {
        let mut connection = Self {
            opened: now,
            draw,
            age_limit: Time::NEVER,
            request_limit: u32::MAX,
            requests: 0,
            streams: 0,
            newest_stream: now,
            request_rate: RequestRate::new(now),
            state: State::Live,
        };
        connection.limit(inbound);
        connection
    }

    /// Takes the limits from these settings.
    pub(super) fn limit(&mut self, inbound: &Inbound) {
        let age = |max_age| self.opened.plus(age_limit(max_age, inbound.jitter, self.draw));
        let requests = |count: RequestCount| request_limit(count.get(), inbound.jitter, self.draw);
        self.age_limit = inbound.max_age.map_or(Time::NEVER, age);
        self.request_limit = inbound.max_requests.map_or(u32::MAX, requests);
        if matches!(self.state, State::Overdue(_)) {
            self.state = State::Live;
        }
    }

    /// Makes a live connection that is beyond a limit by now wait for its turn; whether it does.
    pub(super) fn hold_back_if_overdue(&mut self, now: Time) -> bool {
        match self.overdue(now) {
            Some(reason) if self.state == State::Live => {
                self.state = State::Overdue(reason);
                true
            }
            _ => false,
        }
    }

    fn overdue(&self, now: Time) -> Option<Reason> {
        if now >= self.age_limit {
            return Some(Reason::Age);
        }
        (self.requests >= self.request_limit).then_some(Reason::Requests)
    }

    /// A request begins; whether its response has to carry the drain.
    pub(super) fn request(&mut self, now: Time) -> bool {
        self.streams += 1;
        self.newest_stream = now;
        self.had_requests(self.requests.saturating_add(1))
    }

    /// There have been so many requests; whether the response to the newest has to carry the drain.
    pub(super) fn had_requests(&mut self, requests: u32) -> bool {
        self.requests = self.requests.max(requests);
        let due = self.state == State::Live && self.requests >= self.request_limit;
        if due {
            self.state = State::DrainingOneResponse;
        }
        due
    }

    pub(super) fn stream_ended(&mut self) {
        self.streams = self.streams.saturating_sub(1);
    }

    /// Whether it counts as live.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, State::Live | State::Overdue(_))
    }

    pub(super) fn tick(&mut self, now: Time, grace: Option<Duration>, load: &mut Load) -> Option<Action> {
        match self.state {
            State::Live if now >= self.age_limit => {
                load.drain_begins(Reason::Age);
                self.state = State::Draining { since: now };
                Some(Action::Drain)
            }
            State::DrainingOneResponse => {
                self.state = State::Draining { since: now };
                Some(Action::Drain)
            }
            State::Draining { since } if self.is_held(now, since, grace?) => {
                load.streams_closed += u64::from(self.streams);
                self.state = State::Closing;
                Some(Action::Close)
            }
            _ => None,
        }
    }

    /// Held by streams that do not end: no stream is younger than the grace. A younger one is an ordinary request
    /// that was in flight, and an idle connection (no stream at all) is never closed.
    fn is_held(&self, now: Time, since: Time, grace: Duration) -> bool {
        self.streams > 0 && now >= since.plus(grace) && now >= self.newest_stream.plus(grace)
    }
}
