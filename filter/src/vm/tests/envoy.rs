//! Envoy as the filter sees it, and the callbacks that it makes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use evenkeel_filter_core::Time;
use evenkeel_proto::rebalance::Directive;
use prost::Message;

use crate::grpc::Call;
use crate::host::{CallId, ContextId, Host, MetricId, MetricKind, Severity, Version, WriteHost};
use crate::vm::{Module, Vm};

/// What Envoy is to the filter, with everything that the filter did to it.
#[derive(Debug, Default)]
pub struct FakeHost {
    pub configuration: RefCell<String>,
    pub root_id: RefCell<String>,
    pub plugin_name: RefCell<String>,
    pub connection_id: Cell<u64>,
    /// The cluster of the route, before a host is chosen.
    pub cluster_name: RefCell<Option<String>>,
    pub now: Cell<u64>,
    pub current: Cell<ContextId>,
    pub log: RefCell<Vec<String>>,
    pub properties: RefCell<HashMap<(ContextId, String), String>>,
    pub closed: RefCell<Vec<ContextId>>,
    pub tick_periods: RefCell<HashMap<ContextId, Duration>>,
    pub metrics: RefCell<Vec<(String, i64)>>,
    pub random: Cell<u64>,
    pub shared_data: RefCell<HashMap<String, (Vec<u8>, Version)>>,
    /// The calls that are under way or over, with the context that made them.
    pub calls: RefCell<Vec<(ContextId, Vec<u8>)>>,
    /// Whether Envoy refuses to call at all.
    pub has_no_cluster: Cell<bool>,
    pub answer: RefCell<Vec<u8>>,
    /// What is being written to the current connection.
    pub writing: RefCell<Vec<u8>>,
}

impl Host for &FakeHost {
    fn log(&self, _: Severity, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }
    fn now(&self) -> Time {
        Time::from_nanoseconds(self.now.get() * 1_000_000_000)
    }
    /// Small numbers: different, and yet each a draw of 0.
    fn random(&self) -> u64 {
        self.random.set(self.random.get() + 1);
        self.random.get()
    }
    fn property(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            "plugin_root_id" => Some(self.root_id.borrow().clone().into_bytes()),
            "plugin_name" => Some(self.plugin_name.borrow().clone().into_bytes()),
            "xds\0node\0id" => Some(b"proxy-1".to_vec()),
            "xds\0node\0metadata\0INSTANCE_IPS" => Some(b"10.0.0.1,fd00::1".to_vec()),
            "connection_id" => Some(self.connection_id.get().to_le_bytes().to_vec()),
            "xds\0cluster_name" => self.cluster_name.borrow().clone().map(String::into_bytes),
            _ => None,
        }
    }
    fn set_property(&self, name: &str, value: &str) {
        self.properties.borrow_mut().insert((self.current.get(), name.to_owned()), value.to_owned());
    }
    fn enter(&self, context: ContextId) {
        self.current.set(context);
    }
    fn close_connection(&self) {
        self.closed.borrow_mut().push(self.current.get());
    }
    fn set_tick_period(&self, period: Duration) {
        self.tick_periods.borrow_mut().insert(self.current.get(), period);
    }
    fn plugin_configuration(&self) -> Vec<u8> {
        self.configuration.borrow().clone().into_bytes()
    }
    fn define_metric(&self, _: MetricKind, name: &str) -> MetricId {
        let mut metrics = self.metrics.borrow_mut();
        let known = metrics.iter().position(|(metric, _)| metric == name);
        known.unwrap_or_else(|| {
            metrics.push((name.to_owned(), 0));
            metrics.len() - 1
        }) as MetricId
    }
    fn increment_metric(&self, metric: MetricId, by: i64) {
        self.metrics.borrow_mut()[metric as usize].1 += by;
    }
    fn shared_data(&self, key: &str) -> Option<(Vec<u8>, Version)> {
        self.shared_data.borrow().get(key).cloned()
    }
    fn set_shared_data(&self, key: &str, value: &[u8], version: Option<Version>) -> bool {
        let mut data = self.shared_data.borrow_mut();
        let known = data.get(key).map(|(_, version)| *version);
        let stands = known == version;
        if stands {
            data.insert(key.to_owned(), (value.to_vec(), known.unwrap_or(0) + 1));
        }
        stands
    }
    fn call(&self, call: &Call<'_>, _: Duration) -> Option<CallId> {
        assert_eq!((call.name, call.method), ("evenkeel.rebalance.v1.Rebalance", "Report"));
        if self.has_no_cluster.get() {
            return None;
        }
        self.calls.borrow_mut().push((self.current.get(), call.message.to_vec()));
        Some(self.calls.borrow().len() as CallId)
    }
    fn answer(&self) -> Vec<u8> {
        self.answer.borrow().clone()
    }
    fn status_message(&self) -> String {
        "no%20healthy upstream".to_owned()
    }
}

impl WriteHost for &FakeHost {
    fn written(&self, start: usize, max: usize) -> Vec<u8> {
        let writing = self.writing.borrow();
        writing[start.min(writing.len())..writing.len().min(start.saturating_add(max))].to_vec()
    }
    fn prepend(&self, bytes: &[u8]) -> bool {
        self.writing.borrow_mut().splice(0..0, bytes.iter().copied());
        true
    }
    fn replace(&self, bytes: &[u8]) -> bool {
        bytes.clone_into(&mut self.writing.borrow_mut());
        true
    }
}

/// Calls the VM as Envoy does: each callback has a current context.
pub struct Envoy<'a> {
    pub host: &'a FakeHost,
    pub vm: Vm<&'a FakeHost>,
}

impl<'a> Envoy<'a> {
    pub fn new(host: &'a FakeHost) -> Self {
        Self { host, vm: Vm::new(host, Module::Whole) }
    }

    /// With the module that has caps alone.
    pub fn with_caps_alone(host: &'a FakeHost) -> Self {
        Self { host, vm: Vm::new(host, Module::Caps) }
    }

    /// Writes to a connection; returns what the client gets.
    pub fn write(&mut self, context: ContextId, bytes: &[u8]) -> Vec<u8> {
        bytes.clone_into(&mut self.host.writing.borrow_mut());
        self.host.current.set(context);
        self.vm.written(context, bytes.len());
        self.host.writing.borrow().clone()
    }

    pub fn configure(&mut self, root: ContextId, root_id: &str, name: &str, json: &str) -> bool {
        root_id.clone_into(&mut self.host.root_id.borrow_mut());
        name.clone_into(&mut self.host.plugin_name.borrow_mut());
        json.clone_into(&mut self.host.configuration.borrow_mut());
        self.host.current.set(root);
        self.vm.configure(root)
    }

    pub fn connect(&mut self, context: ContextId, id: u64, root: ContextId) {
        self.host.connection_id.set(id);
        self.host.current.set(context);
        self.vm.created(context, root);
        self.vm.opened(context);
    }

    pub fn request(&mut self, stream: ContextId, connection: u64) {
        self.host.connection_id.set(connection);
        self.host.current.set(stream);
        self.vm.request(stream);
    }

    /// A request under a root of an HTTP filter, whose route leads to `cluster`; returns the pool key that it gets.
    pub fn request_to(&mut self, cluster: Option<&str>, stream: ContextId, root: ContextId) -> Option<String> {
        self.host.cluster_name.replace(cluster.map(str::to_owned));
        self.host.current.set(stream);
        self.vm.created(stream, root);
        self.vm.request(stream);
        self.filter_state(stream, "ek_pool")
    }

    pub fn tick(&mut self, root: ContextId, second: u64) {
        self.host.now.set(second);
        self.host.current.set(root);
        self.vm.tick(root);
    }

    /// Answers the newest call.
    pub fn answer(&mut self, directive: &Directive) {
        self.answer_bytes(&directive.encode_to_vec());
    }

    pub fn answer_bytes(&mut self, message: &[u8]) {
        message.clone_into(&mut self.host.answer.borrow_mut());
        let (root, call) = self.newest_call();
        self.vm.answered(root, call);
    }

    /// Ends the newest call with UNAVAILABLE.
    pub fn refuse(&mut self) {
        let (root, call) = self.newest_call();
        self.vm.refused(root, call, 14);
    }

    fn newest_call(&self) -> (ContextId, CallId) {
        let calls = self.host.calls.borrow();
        let root = calls.last().unwrap().0;
        self.host.current.set(root);
        (root, calls.len() as CallId)
    }

    pub fn filter_state(&self, context: ContextId, name: &str) -> Option<String> {
        self.host.properties.borrow().get(&(context, name.to_owned())).cloned()
    }

    pub fn metric(&self, name: &str) -> i64 {
        let metrics = self.host.metrics.borrow();
        metrics.iter().find(|(metric, _)| metric == name).unwrap().1
    }
}
