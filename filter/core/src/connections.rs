//! The table of one worker's accepted connections, and the decision which of them drain.
//!
//! A connection is *live* until it is due, then *draining*: it is told to go with its next response, serves what it
//! still gets, and leaves the table when it is closed. [`Connections::tick`] decides by age, [`Connections::request`]
//! by requests, [`Connections::choose`] when a number of connections has to go; who calls them carries the decision out.

mod choice;
mod connection;
mod request_rate;

use std::time::Duration;

use rustc_hash::FxHashMap;

pub use self::choice::{Allowance, Choice};
use self::connection::{Connection, State};
use crate::caps::Draw;
use crate::settings::Inbound;
use crate::time::Time;

/// How often request rates are measured at most.
const RATE_PERIOD: Duration = Duration::from_millis(500);

/// What the proxy calls a connection; unique among the open ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// What a request means for its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The connection stays as it is.
    Keep,
    /// The response to this very request tells the client to go.
    Drain,
}

/// What a tick means for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The next response tells the client to go.
    Drain,
    /// Only streams that do not end hold the connection, for longer than the policy allows: close it.
    Close,
}

/// Why a connection drains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `maxAge`.
    Age,
    /// `maxRequests`.
    Requests,
    /// To even out the group.
    Rebalance,
}

/// What becomes of connections that are beyond a limit at the moment when it is lowered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overdue {
    /// They are due as any other.
    #[default]
    AtOnce,
    /// They wait until [`Connections::choose`] has room for them.
    Limited,
}

/// What happened so far. Gauges are what holds now, the others only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Connections that are open and not draining (gauge).
    pub live: u64,
    /// Connections that are open and draining (gauge).
    pub draining: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Requests begun on known connections.
    pub requests: u64,
    /// Drains because of `maxAge`.
    pub drains_by_age: u64,
    /// Drains because of `maxRequests`.
    pub drains_by_requests: u64,
    /// Drains to even out the group.
    pub drains_by_rebalance: u64,
    /// Streams ended by closing their connection after `streamGrace`.
    pub streams_closed: u64,
}

/// The accepted connections of one worker under one plugin's settings.
#[derive(Debug)]
pub struct Connections {
    inbound: Inbound,
    table: FxHashMap<ConnectionId, Connection>,
    load: Load,
    /// Connections that wait for [`Connections::choose`].
    overdue: u64,
    rates_measured: Time,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            inbound: Inbound::default(),
            table: FxHashMap::default(),
            load: Load::default(),
            overdue: 0,
            rates_measured: Time::from_nanoseconds(0),
        }
    }
}

impl Connections {
    /// Puts new settings in force, for connections that are already open as well.
    pub fn configure(&mut self, now: Time, inbound: Inbound, overdue: Overdue) {
        self.inbound = inbound;
        self.overdue = 0;
        for connection in self.table.values_mut() {
            connection.limit(&inbound);
            if overdue == Overdue::Limited {
                self.overdue += u64::from(connection.hold_back_if_overdue(now));
            }
        }
    }

    /// A connection was accepted at `now` and drew `draw`.
    pub fn opened(&mut self, id: ConnectionId, now: Time, draw: Draw) {
        self.table.insert(id, Connection::new(now, draw, &self.inbound));
        self.load.accepted += 1;
        self.load.live += 1;
    }

    /// A request began on a connection. Requests of connections that the table does not know are left alone.
    pub fn request(&mut self, id: ConnectionId, now: Time) -> Verdict {
        let Some(connection) = self.table.get_mut(&id) else { return Verdict::Keep };
        self.load.requests += 1;
        if !connection.request(now) {
            return Verdict::Keep;
        }
        self.load.drain_begins(Reason::Requests);
        Verdict::Drain
    }

    /// The responses of a connection tell that it has had `requests` in all. Of those that [`Connections::request`] was told
    /// of nothing is told here.
    pub fn had_requests(&mut self, id: ConnectionId, requests: u32) -> Verdict {
        let Some(connection) = self.table.get_mut(&id) else { return Verdict::Keep };
        self.load.requests += u64::from(requests.saturating_sub(connection.requests));
        if !connection.had_requests(requests) {
            return Verdict::Keep;
        }
        self.load.drain_begins(Reason::Requests);
        Verdict::Drain
    }

    /// Whether a connection was told to go, or is to be told with its next response.
    pub fn is_draining(&self, id: ConnectionId) -> bool {
        self.table.get(&id).is_some_and(|connection| !connection.is_live())
    }

    /// A stream that [`Connections::request`] was told of ended.
    pub fn stream_ended(&mut self, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(&id) {
            connection.stream_ended();
        }
    }

    /// A connection was closed, by whomever.
    pub fn closed(&mut self, id: ConnectionId) {
        let Some(connection) = self.table.remove(&id) else { return };
        self.overdue -= u64::from(matches!(connection.state, State::Overdue(_)));
        let gauge = if connection.is_live() { &mut self.load.live } else { &mut self.load.draining };
        *gauge -= 1;
    }

    /// Who is due at `now`. Each connection is named once per [`Action`].
    pub fn tick(&mut self, now: Time) -> Vec<(ConnectionId, Action)> {
        let (load, grace) = (&mut self.load, self.inbound.stream_grace);
        let due = |(id, connection): (&ConnectionId, &mut Connection)| Some((*id, connection.tick(now, grace, load)?));
        self.table.iter_mut().filter_map(due).collect()
    }

    /// The connections of a [`Choice`] drain from `now` on.
    pub fn drain(&mut self, now: Time, choice: &Choice) {
        for id in choice.ids() {
            let Some(connection) = self.table.get_mut(&id).filter(|connection| connection.is_live()) else { continue };
            let reason = match connection.state {
                State::Overdue(reason) => reason,
                _ => Reason::Rebalance,
            };
            self.overdue -= u64::from(reason != Reason::Rebalance);
            connection.state = State::Draining { since: now };
            self.load.drain_begins(reason);
        }
    }

    /// Brings the request rates up to date, twice a second at most.
    pub fn measure_request_rates(&mut self, now: Time) {
        if now < self.rates_measured.plus(RATE_PERIOD) {
            return;
        }
        self.rates_measured = now;
        for connection in self.table.values_mut() {
            connection.request_rate.measure(now, connection.requests);
        }
    }

    /// Requests per second on live connections, in thousandths, as of [`Connections::measure_request_rates`].
    pub fn request_rate(&self) -> u64 {
        let live = self.table.values().filter(|connection| connection.is_live());
        live.map(|connection| connection.request_rate.thousandths()).sum()
    }

    /// What happened so far.
    pub fn load(&self) -> Load {
        self.load
    }

    /// Whether connections wait for [`Connections::choose`] because a limit was lowered.
    pub fn has_overdue(&self) -> bool {
        self.overdue > 0
    }

    /// Whether no connection is open.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

impl Load {
    fn drain_begins(&mut self, reason: Reason) {
        self.live -= 1;
        self.draining += 1;
        match reason {
            Reason::Age => self.drains_by_age += 1,
            Reason::Requests => self.drains_by_requests += 1,
            Reason::Rebalance => self.drains_by_rebalance += 1,
        }
    }
}

#[cfg(test)]
mod tests;
