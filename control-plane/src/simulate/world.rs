//! Pods, clients, a balancer and the control plane in one simulated time.

mod events;
mod measure;
mod pod;

use super::balancer::Balancing;
use super::clients::Clients;
use super::control::{self, Control};
use super::engine::Agenda;
use super::envoy;
use super::outcome::Outcome;
use super::scenario::{Measure, Scenario};
use evenkeel_filter_core::{ConnectionId, Settings, Time};
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use measure::Measurements;
use pod::Pod;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// The pods are there and known to the control plane when the clients come.
const LEAD_IN: Duration = Duration::from_secs(20);
/// A client that finds no pod tries again after this.
const RETRY: Duration = Duration::from_secs(1);

/// Everything.
#[derive(Debug)]
pub struct World<'a> {
    scenario: &'a Scenario,
    settings: Settings,
    chance: StdRng,
    agenda: Agenda<Happening>,
    clients: Clients,
    pods: Vec<Pod>,
    balancing: Balancing,
    control: Control,
    /// Counts the control planes, so that what was planned for an older one can be told.
    generation: u32,
    weights: Vec<f64>,
    measurements: Measurements,
}

/// What can happen.
#[derive(Debug)]
enum Happening {
    ClientsConnect,
    Connect(u32),
    End { client: u32, connection: u32 },
    Tick(usize),
    Report { pod: usize, report: Box<ReportRequest> },
    Answer { pod: usize, sequence: u64, answer: Option<Directive> },
    Step { generation: u32 },
    Steer(Vec<f64>),
    Event(usize),
    Replace(usize),
    ControlPlaneIsBack,
    Reachable(usize),
    Ready(usize),
    Measure,
}

impl<'a> World<'a> {
    /// Before anything has happened.
    pub fn new(scenario: &'a Scenario, seed: u64) -> Self {
        let start = Time::from_nanoseconds(0);
        let mut world = Self {
            scenario,
            settings: envoy::settings(&control::group(), &scenario.rebalance).unwrap_or_default(),
            chance: StdRng::seed_from_u64(seed),
            agenda: Agenda::default(),
            clients: Clients::new(scenario),
            pods: Vec::new(),
            balancing: Balancing::new(scenario.balancer),
            control: Control::new(start, scenario),
            generation: 0,
            weights: Vec::new(),
            measurements: Measurements::new(scenario, seed),
        };
        world.begin(start);
        world
    }

    fn begin(&mut self, start: Time) {
        (0..self.scenario.pods).for_each(|_| self.add_pod(start));
        self.pods_changed(start);
        self.agenda.plan(start, Happening::Step { generation: 0 });
        self.agenda.plan(start.plus(LEAD_IN), Happening::ClientsConnect);
        self.agenda.plan(start.plus(LEAD_IN), Happening::Measure);
        for (index, event) in self.scenario.events.iter().enumerate() {
            self.agenda.plan(start.plus(LEAD_IN).plus(event.at), Happening::Event(index));
        }
    }

    /// Lets everything happen.
    pub fn play(mut self) -> Outcome {
        let end = Time::from_nanoseconds(0).plus(LEAD_IN).plus(self.scenario.duration);
        while let Some((now, happening)) = self.agenda.next(end) {
            self.happens(now, happening);
        }
        self.measurements.outcome(self.clients.len().into())
    }

    fn happens(&mut self, now: Time, happening: Happening) {
        match happening {
            Happening::ClientsConnect => (0..self.clients.len()).for_each(|client| self.connect(now, client)),
            Happening::Connect(client) => self.connect(now, client),
            Happening::End { client, connection } => self.end(now, client, connection),
            Happening::Tick(pod) => self.tick(now, pod),
            Happening::Report { pod, report } => self.report(now, pod, &report),
            Happening::Answer { pod, sequence, answer } => self.answer(now, pod, sequence, answer.as_ref()),
            Happening::Step { generation } => self.step(now, generation),
            Happening::Steer(weights) => self.steer(weights),
            Happening::Event(index) => self.event(now, index),
            Happening::Replace(pod) => self.replace(now, pod),
            Happening::ControlPlaneIsBack => self.control_plane_is_back(now),
            Happening::Reachable(pod) => self.pods[pod].reachable = true,
            Happening::Ready(pod) => self.set_ready(now, pod, true),
            Happening::Measure => self.measure(now),
        }
    }

    fn connect(&mut self, now: Time, client: u32) {
        let Some(pod) = self.balancing.choose(self.clients.source(client), &mut self.chance) else {
            return self.agenda.plan(now.plus(RETRY), Happening::Connect(client));
        };
        self.clients.connected(client, pod);
        self.pods[pod].opened(now, client, self.clients.kind(client).request_rate);
        self.balancing.changed(pod, self.pods[pod].open());
        if let Some(life) = self.clients.life(client, &mut self.chance) {
            self.plan_end(now.plus(life), client);
        }
    }

    fn plan_end(&mut self, at: Time, client: u32) {
        self.agenda.plan(at, Happening::End { client, connection: self.clients.connection(client) });
    }

    fn end(&mut self, now: Time, client: u32, connection: u32) {
        if self.clients.connection(client) == connection {
            self.disconnect(now, client);
        }
    }

    /// A connection is gone, and its client will be back.
    fn disconnect(&mut self, now: Time, client: u32) {
        let draining = self.clients.is_draining(client);
        let Some(pod) = self.clients.disconnected(client) else { return };
        self.pods[pod].closed(client, self.clients.kind(client).request_rate, draining);
        self.balancing.changed(pod, self.pods[pod].open());
        let back = now.plus(self.clients.comes_back(client, &mut self.chance));
        self.agenda.plan(back, Happening::Connect(client));
    }

    fn tick(&mut self, now: Time, pod: usize) {
        if !self.pods[pod].running {
            return;
        }
        if self.scenario.rebalance.signal == Measure::Requests {
            self.pods[pod].requests(now, &self.clients, &mut self.chance);
        }
        let Some(ticked) = self.pods[pod].envoy.tick(now, &mut self.chance) else { return };
        ticked.drained.iter().for_each(|connection| self.drain(now, pod, *connection));
        if let Some(report) = ticked.report {
            let report = Happening::Report { pod, report: Box::new(report) };
            self.agenda.plan(now.plus(self.scenario.network.delay), report);
        }
        self.agenda.plan(ticked.again, Happening::Tick(pod));
    }

    /// A connection that drains ends with its next request, unless its client or its streams do not care.
    fn drain(&mut self, now: Time, pod: usize, connection: ConnectionId) {
        let client = connection.0;
        let kind = self.clients.kind(client);
        let (rate, stays) = (kind.request_rate, kind.stays());
        self.clients.drains(client);
        self.pods[pod].drained(rate);
        if !stays {
            let next = now.plus(self.clients.next_request(client, &mut self.chance));
            self.plan_end(next, client);
        }
    }

    fn report(&mut self, now: Time, pod: usize, report: &ReportRequest) {
        let lost = !self.pods[pod].reachable || self.chance.random_bool(self.scenario.network.loss);
        if lost || !self.control.is_there() {
            return;
        }
        let answer = self.control.report(now, pod, report);
        let answer = Happening::Answer { pod, sequence: report.sequence, answer };
        self.agenda.plan(now.plus(self.scenario.network.delay), answer);
    }

    fn answer(&mut self, now: Time, pod: usize, sequence: u64, answer: Option<&Directive>) {
        self.pods[pod].envoy.answered(now, sequence, answer, &mut self.chance);
    }

    fn step(&mut self, now: Time, generation: u32) {
        if generation != self.generation {
            return;
        }
        let Some(due) = self.control.step(now) else { return };
        self.agenda.plan(due, Happening::Step { generation });
        let weights = control::weights_of(&self.ready_pods(), &self.control.weights());
        if weights != self.weights {
            self.weights.clone_from(&weights);
            self.agenda.plan(now.plus(self.scenario.network.delay), Happening::Steer(weights));
        }
        if let Some(status) = self.control.status(now) {
            self.measurements.state(now, status);
        }
    }

    fn steer(&mut self, weights: Vec<f64>) {
        let ready = self.ready_pods();
        if weights.len() == ready.len() {
            self.balancing.pods(ready, weights, &self.open());
        }
    }

    fn ready_pods(&self) -> Vec<usize> {
        (0..self.pods.len()).filter(|&pod| self.pods[pod].is_ready()).collect()
    }

    fn open(&self) -> Vec<u64> {
        self.pods.iter().map(Pod::open).collect()
    }
}
