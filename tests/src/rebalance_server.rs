//! A control plane whose answers are written by the test: the other end of the filter's reports.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use evenkeel_proto::rebalance::rebalance_server;
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use tokio::runtime::{Builder, Runtime};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, async_trait};

use crate::envoy::LOOPBACK;
use crate::wait;

/// What a report is answered with.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A directive.
    Directive(Directive),
    /// A gRPC status that is not OK.
    Refusal(Status),
    /// Nothing at all; the call stays open.
    Silence,
}

/// A report as it came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// From which of Envoy's connections.
    pub from: Option<SocketAddr>,
    /// What it says.
    pub report: ReportRequest,
}

/// The newest directive to this instance: so many drains since it started.
pub fn directive(report: &ReportRequest, drains: u64) -> Directive {
    Directive { instance: report.instance, revision: report.revision + 1, drains, ..Directive::default() }
}

type Script = Box<dyn FnMut(&ReportRequest) -> Answer + Send>;

/// A running server; it and its connections end when dropped.
#[derive(Debug)]
pub struct RebalanceServer {
    address: SocketAddr,
    state: Arc<State>,
    runtime: Option<Runtime>,
}

struct State {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
}

impl RebalanceServer {
    /// Starts a server that allows nothing, on a free loopback port.
    pub fn start() -> Result<Self> {
        Self::start_on(LOOPBACK)
    }

    /// Starts a server that allows nothing on this address.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn start_on(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("rebalance").enable_all().build()?;
        let script: Script = Box::new(|report| Answer::Directive(directive(report, 0)));
        let state = Arc::new(State { script: Mutex::new(script), received: Mutex::default() });
        let service = rebalance_server::RebalanceServer::new(Service(Arc::clone(&state)));
        let incoming = {
            let _guard = runtime.enter();
            TcpListenerStream::new(tokio::net::TcpListener::from_std(listener)?)
        };
        runtime.spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
        Ok(Self { address, state, runtime: Some(runtime) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers so from now on.
    pub fn answer_with(&self, script: impl FnMut(&ReportRequest) -> Answer + Send + 'static) {
        *lock(&self.state.script) = Box::new(script);
    }

    /// Allows so many drains in all from now on.
    pub fn allow(&self, drains: u64) {
        self.answer_with(move |report| Answer::Directive(directive(report, drains)));
    }

    /// All reports so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    /// Waits for so many more reports than there are now, and returns those.
    ///
    /// # Errors
    /// After `patience`.
    pub async fn next(&self, count: usize, patience: Duration) -> Result<Vec<Received>> {
        let before = self.received().len();
        let more = async || Ok(self.received().split_off(before));
        wait::until(&format!("{count} reports"), patience, more, |more| more.len() >= count).await
    }

    /// Waits until a report, one that comes from now on, is as `accepts` wants it, and returns it.
    ///
    /// # Errors
    /// After `patience`; the text has the last report.
    pub async fn report_until(
        &self,
        what: &str,
        patience: Duration,
        accepts: impl Fn(&ReportRequest) -> bool,
    ) -> Result<ReportRequest> {
        let before = self.received().len();
        let newest = async || self.received().split_off(before).pop().context("no report yet");
        Ok(wait::until(what, patience, newest, |newest| accepts(&newest.report)).await?.report)
    }
}

impl Drop for RebalanceServer {
    fn drop(&mut self) {
        // A runtime must not be awaited inside another one; its connections are closed either way.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Service(Arc<State>);

#[async_trait]
impl rebalance_server::Rebalance for Service {
    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<Directive>, Status> {
        match self.0.take(&request) {
            Answer::Directive(directive) => Ok(Response::new(directive)),
            Answer::Refusal(status) => Err(status),
            Answer::Silence => std::future::pending().await,
        }
    }
}

impl State {
    fn take(&self, request: &Request<ReportRequest>) -> Answer {
        let report = request.get_ref().clone();
        let answer = lock(&self.script)(&report);
        lock(&self.received).push(Received { at: Instant::now(), from: request.remote_addr(), report });
        answer
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("State").field("received", &lock(&self.received).len()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
