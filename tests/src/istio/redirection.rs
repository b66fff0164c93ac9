//! What leads connections to a sidecar.

use std::process::Command;

use anyhow::Result;
use evenkeel_bed::istio::Component;
use evenkeel_bed::program;

use super::proxy::ADMIN_PORT;
use crate::network::PodNetwork;

/// What the proxy has for others: the agent's own endpoint, health and statistics.
const NEVER_REDIRECTED: [u16; 4] = [ADMIN_PORT, 15020, 15021, 15090];

/// Redirects what comes in to the sidecar of this pod, by Istio's own rules, as its init container `istio-init` does.
///
/// What the pod sends is not: nothing here is about that.
///
/// # Errors
/// When a bed is missing (the text names the command), or the kernel refuses the rules.
pub fn redirect_inbound(pod: &PodNetwork) -> Result<()> {
    let excluded = NEVER_REDIRECTED.map(|port| port.to_string()).join(",");
    let mut command = Command::new(Component::Agent.find()?);
    command.args(["istio-iptables", "--native-nftables", "-p", "15001", "-z", "15006", "-m", "REDIRECT"]);
    // The proxy runs as root here.
    command.args(["-u", "0", "-g", "0", "-i", "", "-x", "", "-b", "*", "-d", &excluded]);
    pod.namespace().run(|| program::output(&mut command).map(drop))
}
