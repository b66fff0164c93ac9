//! The section `rebalance` at work in one VM: its turns at the instance in shared data, reports, answers.

use std::time::Duration;

use evenkeel_filter_core::connections::{Choice, Connections};
use evenkeel_filter_core::rebalance::{Instance, Participant, Tick, Turn, WorkerId};
use evenkeel_filter_core::{Rebalance, Time};
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use prost::Message;

use crate::grpc::{self, Call, Failure};
use crate::host::{CallId, Host, Severity};

/// The service and the method of `evenkeel/rebalance/v1/rebalance.proto`.
const SERVICE: &str = "evenkeel.rebalance.v1.Rebalance";
const METHOD: &str = "Report";
/// What the keys of instances start with. The number changes with what is written there: VMs of an older module, which live
/// on while their connections do, then have an instance of their own.
const KEY: &str = "evenkeel.rebalance.1/";
/// A step that other VMs have kept from being written so often waits for the next tick.
const ATTEMPTS: usize = 10;
/// The addresses of an Istio proxy's pod, with commas between them.
const ADDRESSES: &str = "xds\0node\0metadata\0INSTANCE_IPS";
const NODE: &str = "xds\0node\0id";
/// gRPC's INTERNAL.
const INTERNAL: u32 = 13;

/// Reports and their answers, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// Reports that went out.
    pub sent: u64,
    /// Reports that were not answered.
    pub failed: u64,
    /// Directives that were followed.
    pub obeyed: u64,
}

impl Activity {
    /// This and more.
    pub fn add(&mut self, more: Self) {
        self.sent += more.sent;
        self.failed += more.failed;
        self.obeyed += more.obeyed;
    }
}

/// One VM of a plugin that reports.
#[derive(Debug)]
pub struct Reporter {
    key: String,
    settings: Rebalance,
    participant: Participant,
    /// The call that is under way, and the number of the report that it carries.
    call: Option<(CallId, u64)>,
    activity: Activity,
}

/// What a turn or an answer means for the plugin.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Who drains.
    pub choice: Choice,
    /// The report interval that the tick has to serve; none when it stays.
    pub interval: Option<Duration>,
}

impl Reporter {
    /// The VM called `worker` of the plugin `name`, which starts to report with what happens from now on.
    pub fn new(name: &[u8], worker: WorkerId, connections: &Connections, settings: Rebalance) -> Self {
        Self {
            key: format!("{KEY}{}", String::from_utf8_lossy(name)),
            settings,
            participant: Participant::new(worker, connections.load()),
            call: None,
            activity: Activity::default(),
        }
    }

    /// The same with new settings.
    pub fn configured(self, settings: Rebalance) -> Self {
        Self { settings, ..self }
    }

    /// The settings that are in force.
    pub fn settings(&self) -> &Rebalance {
        &self.settings
    }

    /// What happened since this was asked last.
    pub fn take_activity(&mut self) -> Activity {
        std::mem::take(&mut self.activity)
    }

    /// Whether `call` is its call.
    pub fn awaits(&self, call: CallId) -> bool {
        self.call.is_some_and(|(awaited, _)| awaited == call)
    }

    /// Takes the VM's turn; the plugin's root is the current context. Other VMs can keep it from that until the next tick.
    pub fn tick(&mut self, host: &impl Host, connections: &Connections, now: Time, period: Duration) -> Outcome {
        let tick = Tick { now, period, draw: host.draw() };
        let turn = |instance: &mut Instance| self.participant.turn(instance, connections, &self.settings, tick);
        let Some(turn) = self.step(host, now, turn) else { return Outcome::default() };
        self.participant.committed(&turn);
        if let Some(begins) = turn.lost {
            self.failed(host, begins, &"the worker that reported is gone");
        }
        let Turn { choice, report, mut interval, .. } = turn;
        if let Some((report, timeout)) = report {
            interval = self.send(host, now, report, timeout).unwrap_or(interval);
        }
        Outcome { choice, interval: Some(interval) }
    }

    /// The call that it awaits was answered with these bytes.
    pub fn answered(&mut self, host: &impl Host, now: Time, message: &[u8]) -> Option<Duration> {
        let directive = match Directive::decode(message) {
            Ok(directive) => directive,
            Err(error) => return self.refused(host, now, &not_a_directive(&error)),
        };
        let (_, sequence) = self.call.take()?;
        let follow =
            |instance: &mut Instance| (instance.follow(sequence, &directive, &self.settings), instance.interval());
        let (followed, interval) = self.step(host, now, follow)?;
        self.activity.obeyed += u64::from(followed.obeyed);
        if followed.works_again {
            self.log(host, "are answered again");
        }
        Some(interval)
    }

    /// The call that it awaits has no answer.
    pub fn refused(&mut self, host: &impl Host, now: Time, failure: &Failure) -> Option<Duration> {
        let (_, sequence) = self.call.take()?;
        let draw = host.draw();
        let give_up =
            |instance: &mut Instance| (instance.unanswered(now, sequence, &self.settings, draw), instance.interval());
        let (begins, interval) = self.step(host, now, give_up)?;
        self.failed(host, begins, failure);
        Some(interval)
    }

    fn send(&mut self, host: &impl Host, now: Time, report: ReportRequest, timeout: Duration) -> Option<Duration> {
        let report = ReportRequest { addresses: addresses(host), node: text(host, NODE), ..report };
        let service = grpc::service(self.settings.cluster.as_str());
        let call = Call { service: &service, name: SERVICE, method: METHOD, message: &report.encode_to_vec() };
        self.activity.sent += 1;
        let id = host.call(&call, timeout);
        self.call = Some((id.unwrap_or_default(), report.sequence));
        if id.is_some() {
            return None;
        }
        self.refused(host, now, &not_sent())
    }

    fn failed(&mut self, host: &impl Host, begins: bool, why: &impl std::fmt::Display) {
        self.activity.failed += 1;
        if begins {
            let consequence = "connections are drained by their caps only until one is answered";
            self.log(host, &format!("are not answered ({why}): {consequence}"));
        }
    }

    /// At a level that shows by default, the good news as well: it ends what the bad news said.
    fn log(&self, host: &impl Host, what: &str) {
        let Rebalance { group, cluster, .. } = &self.settings;
        host.log(Severity::Warn, &format!(r#"reports of {group} to cluster "{}" {what}"#, cluster.as_str()));
    }

    /// Reads the instance, changes it and writes it back as one step; none when other VMs were always quicker.
    fn step<T>(&self, host: &impl Host, now: Time, change: impl Fn(&mut Instance) -> T) -> Option<T> {
        (0..ATTEMPTS).find_map(|_| {
            let (bytes, version) = host.shared_data(&self.key).unzip();
            let known = bytes.as_deref().and_then(Instance::decode);
            let mut instance = known.unwrap_or_else(|| self.new_instance(host, now));
            let result = change(&mut instance);
            host.set_shared_data(&self.key, &instance.encode(), version).then_some(result)
        })
    }

    fn new_instance(&self, host: &impl Host, now: Time) -> Instance {
        Instance::new(host.random().max(1), now, self.participant.id(), &self.settings, host.draw())
    }
}

fn addresses(host: &impl Host) -> Vec<String> {
    let text = text(host, ADDRESSES);
    text.split(',').map(str::trim).filter(|address| !address.is_empty()).map(str::to_owned).collect()
}

fn text(host: &impl Host, path: &str) -> String {
    String::from_utf8_lossy(&host.property(path).unwrap_or_default()).into_owned()
}

fn not_a_directive(error: &prost::DecodeError) -> Failure {
    Failure { code: INTERNAL, message: format!("the answer is no directive: {error}") }
}

fn not_sent() -> Failure {
    Failure { code: INTERNAL, message: "Envoy does not send them, it may have no such cluster".to_owned() }
}
