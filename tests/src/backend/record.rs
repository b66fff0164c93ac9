//! What a backend remembers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

/// How often a request reached the backend, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// How many times its request head arrived; more than 1 means that somebody sent it again.
    pub times: u32,
    /// The number of the connection that it came on last, in the order of acceptance from 0.
    pub connection: u64,
}

/// All requests by their `x-request-id`, and all connections.
#[derive(Debug, Default)]
pub struct Record {
    requests: Mutex<FxHashMap<Box<str>, Execution>>,
    connections: Mutex<Vec<Arc<ServedConnection>>>,
    total: AtomicU64,
}

impl Record {
    /// How many requests came in all, with or without an id.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// What is known of the request with this id; `None` when it never arrived.
    pub fn execution(&self, id: &str) -> Option<Execution> {
        lock(&self.requests).get(id).copied()
    }

    /// The ids that arrived more than once, sorted.
    pub fn executed_twice(&self) -> Vec<String> {
        let requests = lock(&self.requests);
        let twice = requests.iter().filter(|(_, execution)| execution.times > 1);
        let mut ids: Vec<_> = twice.map(|(id, _)| id.to_string()).collect();
        ids.sort();
        ids
    }

    /// How many different ids with this prefix arrived.
    pub fn executed(&self, prefix: &str) -> usize {
        lock(&self.requests).keys().filter(|id| id.starts_with(prefix)).count()
    }

    /// All connections so far, in the order of acceptance.
    pub fn connections(&self) -> Vec<Arc<ServedConnection>> {
        lock(&self.connections).clone()
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> usize {
        lock(&self.connections).iter().filter(|connection| connection.is_open()).count()
    }

    /// Forgets the requests; connections are kept.
    pub fn forget_requests(&self) {
        lock(&self.requests).clear();
        self.total.store(0, Ordering::Relaxed);
    }

    /// Notes a new connection.
    pub(super) fn accept(&self) -> Arc<ServedConnection> {
        let mut connections = lock(&self.connections);
        let connection = Arc::new(ServedConnection::new(connections.len() as u64));
        connections.push(Arc::clone(&connection));
        connection
    }

    /// Notes a request and returns its number in the order of arrival, from 1.
    pub(super) fn note(&self, id: Option<&str>, connection: &ServedConnection) -> u64 {
        connection.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(id) = id {
            let mut requests = lock(&self.requests);
            let execution = requests.entry(id.into()).or_insert(Execution { times: 0, connection: 0 });
            *execution = Execution { times: execution.times + 1, connection: connection.number };
        }
        self.total.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// One accepted connection.
#[derive(Debug)]
pub struct ServedConnection {
    number: u64,
    requests: AtomicU64,
    open: AtomicBool,
}

impl ServedConnection {
    fn new(number: u64) -> Self {
        Self { number, requests: AtomicU64::new(0), open: AtomicBool::new(true) }
    }

    /// Its number in the order of acceptance, from 0.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many requests came on it.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether it is still open.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn closed(&self) {
        self.open.store(false, Ordering::Relaxed);
    }
}

/// A panic elsewhere does not make counts wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
