//! Configurations that were delivered by extension discovery (ECDS).

use crate::check::message::{at, has, is, text, unwrapped};
use evenkeel_filter_core::{Settings, settings::SettingsError};
use serde_json::Value;
use std::time::SystemTime;

/// A discovered configuration. Envoy shows the newest that it was sent, also one that it has refused.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'a>(pub(super) &'a Value);

impl<'a> Extension<'a> {
    /// The name by which filters ask for it.
    pub fn name(&self) -> &'a str {
        text(self.0, "ecds_filter/name")
    }

    /// The configuration.
    pub fn config(&self) -> &'a Value {
        at(self.0, "ecds_filter/typed_config")
    }

    /// When it came, in milliseconds since 1970.
    pub fn came(&self) -> Option<u64> {
        let at = humantime::parse_rfc3339(text(self.0, "last_updated")).ok()?;
        at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis().try_into().ok()
    }

    /// Why it was refused, where Envoy tells; else empty.
    pub fn error(&self) -> &'a str {
        text(self.0, "error_state/details")
    }
}

/// A wasm plugin.
#[derive(Clone, Copy, Debug)]
pub struct Plugin<'a>(&'a Value);

impl<'a> Plugin<'a> {
    /// The plugin of a network or HTTP wasm filter; none when the configuration is of another filter.
    pub fn of(config: &'a Value) -> Option<Self> {
        is(config, "Wasm").then(|| Self(at(unwrapped(config), "config")))
    }

    /// What Envoy calls it in stats.
    pub fn name(&self) -> &'a str {
        text(self.0, "name")
    }

    /// Which part of the module it is.
    pub fn root_id(&self) -> &'a str {
        text(self.0, "root_id")
    }

    /// Everything that has to be equal for two plugins to share a VM.
    pub fn vm_config(&self) -> &'a Value {
        at(self.0, "vm_config")
    }

    /// What happens when the module fails; empty when it is not said.
    pub fn failure_policy(&self) -> &'a str {
        // The field before `failure_policy`; Envoy takes one of the two.
        let open = at(self.0, "fail_open").as_bool() == Some(true);
        if open && !has(self.0, "failure_policy") { "FAIL_OPEN" } else { text(self.0, "failure_policy") }
    }

    /// The settings as text.
    pub fn configuration(&self) -> &'a str {
        text(self.0, "configuration/value")
    }

    /// The settings, as the filter reads them.
    ///
    /// # Errors
    /// As the filter refuses them.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        Settings::parse(self.configuration().as_bytes())
    }

    /// Whether the module is fetched and nobody says what it must be: Envoy refuses that.
    pub fn is_remote_without_digest(&self) -> bool {
        has(self.0, "vm_config/code/remote") && text(self.0, "vm_config/code/remote/sha256").is_empty()
    }
}
