//! Which policy says whether a workload takes mutual TLS.

use crate::model::{Mesh, MutualTlsMode, PeerAuthentication, Workload};

/// Whether a workload takes mutual TLS on a port.
///
/// The policy that selects the workload decides, its word about the port first; what it leaves open is decided by that
/// of the namespace, and then by that of the mesh. Of several of one kind the oldest counts. Without any, both are taken.
pub fn mutual_tls_mode(mesh: &Mesh, workload: &Workload, port: u16) -> MutualTlsMode {
    let selecting = mesh.peer_authentications.iter().find(|policy| selects(policy, workload));
    let of_port = selecting.and_then(|policy| policy.port_modes.get(&port).copied().flatten());
    of_port
        .or_else(|| selecting.and_then(|policy| policy.mode))
        .or_else(|| of_namespace(mesh, &workload.namespace))
        .or_else(|| of_namespace(mesh, &mesh.root_namespace))
        .unwrap_or(MutualTlsMode::Permissive)
}

fn selects(policy: &PeerAuthentication, workload: &Workload) -> bool {
    let has = |(name, value): (&String, &String)| workload.labels.get(name) == Some(value);
    policy.namespace == workload.namespace && !policy.selector.is_empty() && policy.selector.iter().all(has)
}

fn of_namespace(mesh: &Mesh, namespace: &str) -> Option<MutualTlsMode> {
    let wide = |policy: &&_| is_wide(policy, namespace);
    mesh.peer_authentications.iter().map(AsRef::as_ref).find(wide)?.mode
}

fn is_wide(policy: &PeerAuthentication, namespace: &str) -> bool {
    policy.namespace == namespace && policy.selector.is_empty()
}
