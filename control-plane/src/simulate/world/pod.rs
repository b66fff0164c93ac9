//! A pod with its Envoy, as it really is.

use super::super::clients::Clients;
use super::super::envoy::Envoy;
use evenkeel_filter_core::{ConnectionId, Time};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeSet;

/// A pod.
#[derive(Debug)]
pub struct Pod {
    /// Its Envoy.
    pub envoy: Envoy,
    /// Whether it still exists.
    pub running: bool,
    /// Whether it is ready, as long as it exists.
    pub ready: bool,
    /// Whether it can reach the control plane.
    pub reachable: bool,
    /// Its weight.
    pub weight: u8,
    clients: BTreeSet<u32>,
    /// Live connections, and the requests per second on them.
    live: u64,
    request_rate: f64,
    looked: Time,
}

impl Pod {
    /// A ready pod.
    pub fn new(now: Time, envoy: Envoy) -> Self {
        let clients = BTreeSet::new();
        Self {
            envoy,
            running: true,
            ready: true,
            reachable: true,
            weight: 1,
            clients,
            live: 0,
            request_rate: 0.0,
            looked: now,
        }
    }

    /// Whether it gets connections.
    pub fn is_ready(&self) -> bool {
        self.running && self.ready
    }

    /// Open connections.
    pub fn open(&self) -> u64 {
        self.clients.len() as u64
    }

    /// Live connections.
    pub fn live(&self) -> u64 {
        self.live
    }

    /// Requests per second on live connections.
    pub fn request_rate(&self) -> f64 {
        self.request_rate
    }

    /// Who is connected.
    pub fn clients(&self) -> Vec<u32> {
        self.clients.iter().copied().collect()
    }

    /// A client has connected.
    pub fn opened(&mut self, now: Time, client: u32, rate: f64) {
        self.envoy.opened(ConnectionId(client), now);
        self.clients.insert(client);
        self.live += 1;
        self.request_rate += rate;
    }

    /// A connection drains.
    pub fn drained(&mut self, rate: f64) {
        self.live -= 1;
        self.request_rate -= rate;
    }

    /// A connection is gone.
    pub fn closed(&mut self, client: u32, rate: f64, draining: bool) {
        self.envoy.closed(ConnectionId(client));
        self.clients.remove(&client);
        if !draining {
            self.drained(rate);
        }
    }

    /// The requests since it was looked last.
    pub fn requests(&mut self, now: Time, clients: &Clients, chance: &mut StdRng) {
        let seconds = now.since(self.looked).as_secs_f64();
        self.looked = now;
        for &client in &self.clients {
            let requests = clients.kind(client).request_rate * seconds + chance.random::<f64>();
            self.envoy.requests(ConnectionId(client), now, requests as u32);
        }
    }
}
