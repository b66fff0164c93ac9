//! Ports, as services and their slices write them.

/// Whether a port of this `protocol` carries TCP, which is also what a missing one means.
pub fn is_tcp(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("" | "TCP"))
}

/// A port number that can be connected to.
pub fn number(port: i64) -> Option<u16> {
    u16::try_from(port).ok().filter(|port| *port != 0)
}

/// What is wrong with any other number.
pub fn out_of_range(field: &str, port: i64) -> String {
    format!("{field}: {port} is no port; use 1 to 65535; the port is left out")
}
