//! Which connections a rule leaves open however long they are idle.

use super::{ConnectionPool, Policy, PortPolicy, Spec};

impl Spec {
    /// The fields that would have to be set. The settings of a port take nothing from the policy around them, a subset takes
    /// what it does not say itself: <https://istio.io/latest/docs/reference/config/networking/destination-rule/>.
    pub(super) fn without_idle_timeout(&self) -> Vec<String> {
        let policy = self.traffic_policy.as_ref();
        let own = if ends_idle(policy.and_then(|policy| policy.connection_pool.as_ref())) {
            Vec::new()
        } else {
            vec![field("spec.trafficPolicy")]
        };
        let ports = ports(policy, "spec.trafficPolicy");
        let subsets = self.subsets.iter().enumerate().flat_map(|(index, subset)| {
            of_subset(subset.traffic_policy.as_ref(), &format!("spec.subsets[{index}].trafficPolicy"))
        });
        own.into_iter().chain(ports).chain(subsets).collect()
    }
}

fn of_subset(policy: Option<&Policy>, place: &str) -> Vec<String> {
    let pool = policy.and_then(|policy| policy.connection_pool.as_ref());
    let own = pool.filter(|pool| !ends_idle(Some(pool))).map(|_| field(place));
    own.into_iter().chain(ports(policy, place)).collect()
}

fn ports(policy: Option<&Policy>, place: &str) -> Vec<String> {
    let settings = policy.map_or(&[][..], |policy| &policy.port_level_settings);
    let lacks = |(_, port): &(usize, &PortPolicy)| !ends_idle(port.connection_pool.as_ref());
    let lacking = settings.iter().enumerate().filter(lacks);
    lacking.map(|(index, _)| field(&format!("{place}.portLevelSettings[{index}]"))).collect()
}

fn ends_idle(pool: Option<&ConnectionPool>) -> bool {
    let timeout = pool.and_then(|pool| pool.http.as_ref()?.idle_timeout.as_deref());
    timeout.is_some_and(|timeout| !["", "0s"].contains(&timeout))
}

fn field(place: &str) -> String {
    format!("{place}.connectionPool.http.idleTimeout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn lacking(spec: &Value) -> Vec<String> {
        let mut whole = json!({"host": "reviews"});
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value::<Spec>(whole).unwrap().without_idle_timeout()
    }

    #[test]
    fn one_field_serves_all_ports_and_subsets_that_say_nothing() {
        let pool = json!({"connectionPool": {"http": {"idleTimeout": "10m"}}});
        assert!(
            lacking(&json!({"trafficPolicy": pool, "subsets": [{"name": "v1"}, {"name": "v2", "trafficPolicy": {}}]}))
                .is_empty()
        );
        for without in [json!({}), json!({"trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 3}}}})] {
            assert_eq!(lacking(&without), ["spec.trafficPolicy.connectionPool.http.idleTimeout"]);
        }
        let for_ever = json!({"connectionPool": {"http": {"idleTimeout": "0s"}}});
        assert_eq!(lacking(&json!({"trafficPolicy": for_ever})).len(), 1);
    }

    #[test]
    fn what_overrides_it_is_looked_at_as_well() {
        let pool = json!({"http": {"idleTimeout": "10m"}});
        let ports = json!([{"port": {"number": 80}}, {"port": {"number": 81}, "connectionPool": pool}]);
        let other = json!({"connectionPool": {"http": {"maxRetries": 3}}, "portLevelSettings": ports});
        let spec = json!({
            "trafficPolicy": {"connectionPool": pool, "portLevelSettings": ports},
            "subsets": [{"name": "v1", "trafficPolicy": other}],
        });
        let expected = [
            "spec.trafficPolicy.portLevelSettings[0].connectionPool.http.idleTimeout",
            "spec.subsets[0].trafficPolicy.connectionPool.http.idleTimeout",
            "spec.subsets[0].trafficPolicy.portLevelSettings[0].connectionPool.http.idleTimeout",
        ];
        assert_eq!(lacking(&spec), expected);
    }
}
