//! The peers of Evenkeel's filter in the benchmark, as HTTP filters written with the proxy-wasm SDK.
//!
//! Two roots: `sdk_empty` does nothing, so that the price of being there shows; `naive` is the obvious first version
//! of a filter that limits requests per connection.

mod naive;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::naive::Naive;

mod start {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(super::Root::default()));
    }}
}

/// Makes the HTTP contexts of one plugin; its configuration is the largest number of requests per connection.
#[derive(Default)]
struct Root {
    naive: bool,
    max_requests: u64,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.naive = self.get_property(vec!["plugin_root_id"]).as_deref() == Some(b"naive");
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        let number = std::str::from_utf8(&configuration).ok().and_then(|text| text.trim().parse().ok());
        self.max_requests = number.unwrap_or(u64::MAX);
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        if self.naive { Some(Box::new(Naive::new(self.max_requests))) } else { Some(Box::new(Empty)) }
    }
}

/// Does nothing.
struct Empty;

impl Context for Empty {}

impl HttpContext for Empty {}
