//! What is compared: Envoys that differ in nothing but the filters of their one listener.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::artifact;
use evenkeel_tests::bootstrap::{ConnectionLimits, Evenkeel, HttpListener, wasm_plugin};
use evenkeel_tests::extension_config::ExtensionConfig;
use serde::Serialize;
use serde_json::{Value, json};

use super::load::Protocol;

/// A limit of requests that no connection of a run reaches.
const REQUESTS_NOT_REACHED: u32 = 1_000_000;
/// After so many requests a destination's connections are new: seldom enough not to be measured, and often enough to be counted.
pub const REQUESTS_PER_KEY: u32 = 3_000;
/// An age that no connection of a run reaches.
const AGE_NOT_REACHED: Duration = Duration::from_hours(1);

/// One way to configure the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// No filter but the router: what the others are compared with.
    #[serde(rename = "none")]
    Plain,
    /// Envoy's own `max_connection_duration` and `max_requests_per_connection`.
    Native,
    /// `evenkeel.connection` and its matched Lua filter.
    Connection,
    /// With `evenkeel.request`, too.
    Request,
    /// `evenkeel.outbound` alone; the destinations' caps are reached now and then.
    Outbound,
    /// A filter of the proxy-wasm SDK that does nothing.
    SdkEmpty,
    /// The obvious first version: SDK, property look-ups, Lua on every response.
    Naive,
    /// The first once more: what differs from it is noise.
    #[serde(rename = "none_again")]
    PlainAgain,
}

impl Variant {
    /// All, in the order of the report.
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Native,
        Self::Connection,
        Self::Request,
        Self::Outbound,
        Self::SdkEmpty,
        Self::Naive,
        Self::PlainAgain,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "none",
            Self::Native => "native",
            Self::Connection => "connection",
            Self::Request => "request",
            Self::Outbound => "outbound",
            Self::SdkEmpty => "sdk_empty",
            Self::Naive => "naive",
            Self::PlainAgain => "none_again",
        }
    }

    /// Whether a VM runs in its workers.
    pub const fn has_wasm(self) -> bool {
        !matches!(self, Self::Plain | Self::PlainAgain | Self::Native)
    }

    /// What the variant adds to a listener, and the files that Envoy discovers it from.
    pub fn extend(self, listener: HttpListener, modules: &Modules) -> Result<(HttpListener, Option<ExtensionConfig>)> {
        Ok(match self {
            Self::Plain | Self::PlainAgain => (listener, None),
            Self::Native => (listener.limits(native()), None),
            Self::SdkEmpty => (listener.http_filter(modules.peer("sdk_empty")), None),
            // Responses pass the filters in reverse: Lua finds what the filter has decided.
            Self::Naive => (listener.http_filter(lua()).http_filter(modules.peer("naive")), None),
            Self::Connection => {
                let files = ExtensionConfig::new(&modules.evenkeel, &json!({"inbound": {"maxAge": "1h"}}))?;
                (listener.evenkeel(&Evenkeel::discovered(&files)), Some(files))
            }
            Self::Request => {
                let inbound = json!({"maxAge": "1h", "maxRequests": REQUESTS_NOT_REACHED});
                let files = ExtensionConfig::new(&modules.evenkeel, &json!({"inbound": inbound}))?;
                (listener.evenkeel(&Evenkeel::discovered(&files).with_request()), Some(files))
            }
            Self::Outbound => {
                let files = ExtensionConfig::new(&modules.evenkeel, &json!({}))?;
                files.edit_outbound(&capped_destinations())?;
                (listener.evenkeel(&Evenkeel::discovered(&files).without_connection().with_outbound()), Some(files))
            }
        })
    }
}

/// The wasm modules of the variants.
#[derive(Clone, Debug)]
pub struct Modules {
    evenkeel: PathBuf,
    peers: PathBuf,
}

impl Modules {
    /// Where `cargo xtask bench` has put them.
    pub fn find() -> Result<Self> {
        let peers = artifact::target_folder().join("evenkeel-bench-filters.wasm");
        ensure!(peers.is_file(), "{} is missing: run `cargo xtask bench filter`", peers.display());
        Ok(Self { evenkeel: artifact::wasm()?, peers: absolute(&peers)? })
    }

    fn peer(&self, root: &str) -> Value {
        json!({"name": root, "typed_config": wasm_plugin(root, &self.peers, &REQUESTS_NOT_REACHED.to_string())})
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    Ok(path.canonicalize()?)
}

/// One for each cluster of the bed.
fn capped_destinations() -> Value {
    let capped = |protocol: Protocol| json!({"host": protocol.name(), "maxRequests": REQUESTS_PER_KEY});
    json!({"outbound": {"destinations": Protocol::ALL.map(capped)}})
}

fn native() -> ConnectionLimits {
    ConnectionLimits {
        max_connection_duration: Some(AGE_NOT_REACHED),
        max_requests_per_connection: Some(REQUESTS_NOT_REACHED),
        ..ConnectionLimits::default()
    }
}

/// Looks with every response whether the naive filter wants the connection drained.
fn lua() -> Value {
    let source = "function envoy_on_response(handle)
  local info = handle:streamInfo()
  if info:filterState():get(\"wasm.naive_drain\") == \"1\" then
    info:drainConnectionUponCompletion()
  end
end
";
    let lua = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": source},
    });
    json!({"name": "envoy.filters.http.lua", "typed_config": lua})
}
