//! Which clusters a filter chain's requests go to.

use super::envoy::{ConnectionManager, Envoy};
use super::message::{list, text};
use serde_json::Value;
use std::collections::BTreeSet;

/// The clusters that the routes of this connection manager name.
pub fn clusters<'a>(envoy: &'a Envoy, manager: ConnectionManager<'a>) -> BTreeSet<&'a str> {
    let inline = manager.route_config();
    let routes = if inline.is_null() { envoy.routes(manager.route_config_name()) } else { Some(inline) };
    let hosts = routes.into_iter().flat_map(|routes| list(routes, "virtual_hosts"));
    hosts.flat_map(|host| list(host, "routes")).flat_map(of_route).collect()
}

fn of_route(route: &Value) -> impl Iterator<Item = &str> {
    let weighted = list(route, "route/weighted_clusters/clusters").iter().map(|cluster| text(cluster, "name"));
    std::iter::once(text(route, "route/cluster")).chain(weighted).filter(|name| !name.is_empty())
}
