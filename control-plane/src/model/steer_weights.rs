//! Where a rebalance wants new connections to go.

use super::{ServiceName, Weight};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// For each service that is being rebalanced, the weight of each of its endpoints for new connections. A service that is
/// not in it is not steered: its endpoints have their own weights.
pub type SteerWeights = BTreeMap<ServiceName, BTreeMap<IpAddr, Weight>>;
