//! The obvious first version: everything is looked up with every request.

use std::cell::RefCell;
use std::collections::HashMap;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

thread_local! {
    /// Requests by connection id. Nobody tells an HTTP filter that a connection is gone, so it only grows.
    static REQUESTS: RefCell<HashMap<u64, u64>> = RefCell::default();
}

/// One request.
pub struct Naive {
    max_requests: u64,
    connection: u64,
}

impl Naive {
    /// A request of a connection that may serve this many.
    pub fn new(max_requests: u64) -> Self {
        Self { max_requests, connection: 0 }
    }

    fn connection_id(&self) -> u64 {
        let bytes = self.get_property(vec!["connection", "id"]).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_le_bytes)
    }
}

impl Context for Naive {}

impl HttpContext for Naive {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.connection = self.connection_id();
        REQUESTS.with_borrow_mut(|requests| *requests.entry(self.connection).or_default() += 1);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let requests = REQUESTS.with_borrow(|requests| requests.get(&self.connection).copied().unwrap_or(0));
        // The Lua filter reads this with every response.
        let drain: &[u8] = if requests >= self.max_requests { b"1" } else { b"0" };
        self.set_property(vec!["naive_drain"], Some(drain));
        Action::Continue
    }
}
