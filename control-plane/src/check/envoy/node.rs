//! The node of the bootstrap.

use crate::check::message::{at, has, number, text};
use serde_json::Value;

/// Who an Envoy says that it is.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a>(pub(super) &'a Value);

/// What an Envoy is in a mesh of Istio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A gateway or waypoint.
    Router,
    /// Beside a workload.
    Sidecar,
    /// Nothing of Istio's.
    Plain,
}

impl<'a> Node<'a> {
    /// By the form of Istio's node ids: `sidecar~10.1.0.1~pod.namespace~domain`.
    pub fn role(&self) -> Role {
        match text(self.0, "id").split_once('~') {
            Some(("router" | "waypoint", _)) => Role::Router,
            Some(("sidecar", _)) => Role::Sidecar,
            _ => Role::Plain,
        }
    }

    /// Major and minor version of the Envoy.
    pub fn version(&self) -> Option<(u64, u64)> {
        let version = at(self.0, "user_agent_build_version/version");
        // A number that is 0 is left out.
        Some((number(version, "major_number")?, number(version, "minor_number").unwrap_or_default()))
    }

    /// The version of Istio's proxy; empty for any other Envoy.
    pub fn istio_version(&self) -> &'a str {
        text(self.0, "metadata/ISTIO_VERSION")
    }

    /// Whether the dump has it at all.
    pub fn is_known(&self) -> bool {
        has(self.0, "id")
    }

    /// The other containers of a sidecar's pod, with commas between them, as Istio's injector notes them.
    pub fn app_containers(&self) -> &'a str {
        text(self.0, "metadata/APP_CONTAINERS")
    }

    /// The workload that the pod belongs to.
    pub fn workload(&self) -> &'a str {
        text(self.0, "metadata/WORKLOAD_NAME")
    }
}
