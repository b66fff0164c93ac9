//! The table of one worker's accepted connections, and the decision which of them drain.
//!
//! A connection is *live* until it is due, then *draining*: it is told to go with its next response, serves what it
//! still gets, and leaves the table when it is closed. [`Connections::tick`] decides by age, [`Connections::request`]
//! by requests; who calls them carries the decision out.

use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::caps::{Draw, age_limit, request_limit};
use crate::settings::{Inbound, RequestCount};
use crate::time::Time;

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
    /// Streams ended by closing their connection after `streamGrace`.
    pub streams_closed: u64,
}

/// The accepted connections of one worker under one plugin's settings.
#[derive(Debug, Default)]
pub struct Connections {
    inbound: Inbound,
    table: FxHashMap<ConnectionId, Connection>,
    load: Load,
}

#[derive(Debug)]
struct Connection {
    opened: Time,
    draw: Draw,
    age_limit: Time,
    request_limit: u32,
    requests: u32,
    streams: u32,
    newest_stream: Time,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    /// The response of one request carries the drain; the next tick makes every response carry it, in case that
    /// request takes long.
    DrainingOneResponse,
    Draining {
        since: Time,
    },
    Closing,
}

impl Connections {
    /// Puts new settings in force, for connections that are already open as well.
    pub fn configure(&mut self, inbound: Inbound) {
        self.inbound = inbound;
        for connection in self.table.values_mut() {
            connection.limit(&inbound);
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
        connection.requests = connection.requests.saturating_add(1);
        connection.streams += 1;
        connection.newest_stream = now;
        if connection.state != State::Live || connection.requests < connection.request_limit {
            return Verdict::Keep;
        }
        connection.state = State::DrainingOneResponse;
        self.load.drains_by_requests += 1;
        self.load.start_draining();
        Verdict::Drain
    }

    /// A stream that [`Connections::request`] was told of ended.
    pub fn stream_ended(&mut self, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(&id) {
            connection.streams = connection.streams.saturating_sub(1);
        }
    }

    /// A connection was closed, by whomever.
    pub fn closed(&mut self, id: ConnectionId) {
        match self.table.remove(&id).map(|connection| connection.state) {
            Some(State::Live) => self.load.live -= 1,
            Some(_) => self.load.draining -= 1,
            None => {}
        }
    }

    /// Who is due at `now`. Each connection is named once per [`Action`].
    pub fn tick(&mut self, now: Time) -> Vec<(ConnectionId, Action)> {
        let (load, grace) = (&mut self.load, self.inbound.stream_grace);
        let due = |(id, connection): (&ConnectionId, &mut Connection)| Some((*id, connection.tick(now, grace, load)?));
        self.table.iter_mut().filter_map(due).collect()
    }

    /// What happened so far.
    pub fn load(&self) -> Load {
        self.load
    }

    /// Whether no connection is open.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

impl Connection {
    fn new(now: Time, draw: Draw, inbound: &Inbound) -> Self {
        let mut connection = Self {
            opened: now,
            draw,
            age_limit: Time::NEVER,
            request_limit: u32::MAX,
            requests: 0,
            streams: 0,
            newest_stream: now,
            state: State::Live,
        };
        connection.limit(inbound);
        connection
    }

    fn limit(&mut self, inbound: &Inbound) {
        let age = |max_age| self.opened.plus(age_limit(max_age, inbound.jitter, self.draw));
        let requests = |count: RequestCount| request_limit(count.get(), inbound.jitter, self.draw);
        self.age_limit = inbound.max_age.map_or(Time::NEVER, age);
        self.request_limit = inbound.max_requests.map_or(u32::MAX, requests);
    }

    fn tick(&mut self, now: Time, grace: Option<Duration>, load: &mut Load) -> Option<Action> {
        match self.state {
            State::Live if now >= self.age_limit => {
                load.drains_by_age += 1;
                load.start_draining();
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

impl Load {
    fn start_draining(&mut self) {
        self.live -= 1;
        self.draining += 1;
    }
}

#[cfg(test)]
mod tests;
