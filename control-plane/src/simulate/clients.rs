//! Modelled clients: each has one connection and wants to have it always.

use super::scenario::{self, Scenario};
use rand::Rng;
use rand::rngs::StdRng;
use std::time::Duration;

/// All clients. Their numbers are also the ids of their connections.
#[derive(Debug)]
pub struct Clients {
    kinds: Vec<scenario::Clients>,
    clients: Vec<Client>,
}

/// One client.
#[derive(Clone, Debug)]
struct Client {
    kind: u16,
    source: u32,
    pod: Option<usize>,
    draining: bool,
    /// Counts its connections, so that what was planned for an older one can be told.
    connection: u32,
}

impl Clients {
    /// None is connected.
    pub fn new(scenario: &Scenario) -> Self {
        let mut clients = Vec::new();
        for (kind, group) in scenario.clients.iter().enumerate() {
            let first = clients.len() as u32;
            let source = |number: u32| first + group.sources.map_or(number, |sources| number % sources.max(1));
            clients.extend((0..group.connections).map(|number| Client {
                kind: kind as u16,
                source: source(number),
                pod: None,
                draining: false,
                connection: 0,
            }));
        }
        Self { kinds: scenario.clients.clone(), clients }
    }

    /// How many there are.
    pub fn len(&self) -> u32 {
        self.clients.len() as u32
    }

    /// What a client is like.
    pub fn kind(&self, client: u32) -> &scenario::Clients {
        &self.kinds[usize::from(self.clients[client as usize].kind)]
    }

    /// Where it comes from.
    pub fn source(&self, client: u32) -> u32 {
        self.clients[client as usize].source
    }

    /// The number of its connection.
    pub fn connection(&self, client: u32) -> u32 {
        self.clients[client as usize].connection
    }

    /// Whether its connection drains.
    pub fn is_draining(&self, client: u32) -> bool {
        self.clients[client as usize].draining
    }

    /// It is connected to a pod.
    pub fn connected(&mut self, client: u32, pod: usize) {
        let client = &mut self.clients[client as usize];
        (client.pod, client.draining) = (Some(pod), false);
        client.connection = client.connection.wrapping_add(1);
    }

    /// Its connection drains.
    pub fn drains(&mut self, client: u32) {
        self.clients[client as usize].draining = true;
    }

    /// Its connection is gone. To which pod it was.
    pub fn disconnected(&mut self, client: u32) -> Option<usize> {
        self.clients[client as usize].pod.take()
    }

    /// How long its connection lives when nobody ends it.
    pub fn life(&self, client: u32, chance: &mut StdRng) -> Option<Duration> {
        self.kind(client).lifetime.map(|mean| exponential(mean.as_secs_f64(), chance))
    }

    /// How long until its next request.
    pub fn next_request(&self, client: u32, chance: &mut StdRng) -> Duration {
        exponential(1.0 / self.kind(client).request_rate, chance)
    }

    /// How long until it is back.
    pub fn comes_back(&self, client: u32, chance: &mut StdRng) -> Duration {
        self.kind(client).reconnect.mul_f64(chance.random_range(0.5..1.5))
    }
}

fn exponential(mean: f64, chance: &mut StdRng) -> Duration {
    let draw: f64 = chance.random();
    Duration::from_secs_f64((-(1.0 - draw).ln() * mean).min(1e9))
}
