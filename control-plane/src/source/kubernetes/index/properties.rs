//! However the cluster came to be what it is: what is known of it is what a fresh list says.

use crate::source::kubernetes::destination_rule::DestinationRule;
use crate::source::kubernetes::endpoint_slice::EndpointSlice;
use crate::source::kubernetes::index::Indexed;
use crate::source::kubernetes::kind::Kind;
use crate::source::kubernetes::name::ObjectName;
use crate::source::kubernetes::node::Node;
use crate::source::kubernetes::object::Object;
use crate::source::kubernetes::peer_authentication::PeerAuthentication;
use crate::source::kubernetes::pod::Pod;
use crate::source::kubernetes::service::Service;
use crate::source::kubernetes::store::Update;
use crate::source::kubernetes::testing::{Told, node, object, of_pod, pod, slice, web, with};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Something that happens to a cluster, and how its watch tells.
#[derive(Clone, Debug)]
enum Step {
    Apply(Kind, Value),
    Delete(Kind, usize),
    /// The watch is cut off. The objects change without anybody being told; then they are listed, perhaps after a list
    /// that was cut off as well.
    Missed {
        kind: Kind,
        changes: Vec<(Value, bool)>,
        cut_off: bool,
    },
    /// The cluster is asked for.
    Look,
}

/// The objects that there are, by kind and name.
type Objects = BTreeMap<Kind, BTreeMap<String, Value>>;

fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

fn objects(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Service => services().boxed(),
        Kind::EndpointSlice => slices().boxed(),
        Kind::Pod => (0..3, 0..3).prop_map(|(name, zone)| pod(&format!("pod-{name}"), &labels(zone))).boxed(),
        Kind::Node => (0..2, 0..3).prop_map(|(name, zone)| node(&format!("node-{name}"), &labels(zone))).boxed(),
        Kind::PeerAuthentication => of_mesh("policy", |mode| json!({ "mtls": { "mode": mode } })),
        Kind::DestinationRule => {
            of_mesh("rule", |mode| json!({ "host": "web", "trafficPolicy": { "tls": { "mode": mode } } }))
        }
    }
}

/// Two names, each with what may be said of TLS, made at two times.
fn of_mesh(name: &'static str, spec: fn(&str) -> Value) -> BoxedStrategy<Value> {
    let mode = prop::sample::select(vec!["DISABLE", "STRICT", "ISTIO_MUTUAL", "UNSET"]);
    let object = (0..2, 0..2, mode).prop_map(move |(number, year, mode)| {
        let created = format!("202{year}-01-01T00:00:00Z");
        let name = format!("{name}-{number}");
        json!({ "metadata": { "namespace": "default", "name": name, "creationTimestamp": created }, "spec": spec(mode) })
    });
    object.boxed()
}

fn labels(zone: i32) -> Value {
    match zone {
        0 => json!({}),
        zone => json!({ "topology.kubernetes.io/zone": format!("z{zone}"), "version": format!("v{zone}") }),
    }
}

fn services() -> impl Strategy<Value = Value> {
    let families = prop_oneof![Just(json!(null)), Just(json!(["IPv4"])), Just(json!(["IPv6", "IPv4"]))];
    let kind = prop_oneof![Just("ClusterIP"), Just("ExternalName")];
    (0..2, families, kind).prop_map(|(name, families, kind)| {
        let service = web(&json!({ "ipFamilies": families, "type": kind }));
        with(service, "/metadata/name", json!(format!("web-{name}")))
    })
}

fn slices() -> impl Strategy<Value = Value> {
    let label = prop_oneof![Just("kubernetes.io/service-name"), Just("other")];
    (0..3, label, 0..2, endpoints(), 1..3_u16).prop_map(|(name, label, service, endpoints, port)| {
        let labels = json!({ label: format!("web-{service}") });
        let slice = with(slice(&format!("slice-{name}"), &json!(endpoints)), "/metadata/labels", labels);
        with(slice, "/ports", json!([{ "name": "http", "port": port }]))
    })
}

fn endpoints() -> impl Strategy<Value = Vec<Value>> {
    let endpoint = (0..4, 0..3, 0..2, any::<bool>()).prop_map(|(host, pod, node, ready)| {
        let endpoint = of_pod(&format!("10.0.0.{host}"), &format!("pod-{pod}"), &format!("node-{node}"));
        with(endpoint, "/conditions/ready", json!(ready))
    });
    prop::collection::vec(endpoint, 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || prop::sample::select(Kind::ALL.to_vec());
    let changes = |kind| prop::collection::vec((objects(kind), any::<bool>()), 0..4);
    prop_oneof![
        4 => kind().prop_flat_map(|kind| objects(kind).prop_map(move |object| Step::Apply(kind, object))),
        2 => (kind(), any::<usize>()).prop_map(|(kind, which)| Step::Delete(kind, which)),
        1 => kind().prop_flat_map(move |kind| (changes(kind), any::<bool>())
            .prop_map(move |(changes, cut_off)| Step::Missed { kind, changes, cut_off })),
        1 => Just(Step::Look),
    ]
}

/// Does something of the kind that is only known when the program runs.
macro_rules! of_kind {
    ($kind:expr, $told:ident . $method:ident ( $($argument:expr),* )) => {
        match $kind {
            Kind::Service => $told.$method::<Service>($($argument),*),
            Kind::EndpointSlice => $told.$method::<EndpointSlice>($($argument),*),
            Kind::Pod => $told.$method::<Pod>($($argument),*),
            Kind::Node => $told.$method::<Node>($($argument),*),
            Kind::PeerAuthentication => $told.$method::<PeerAuthentication>($($argument),*),
            Kind::DestinationRule => $told.$method::<DestinationRule>($($argument),*),
        }
    };
}

impl Told {
    fn cut_off<T: Indexed>(&mut self, listed: &[Value]) -> &mut Self {
        self.tell(Update::<T>::Restarted);
        for json in listed {
            let object: Object<T> = object(json);
            self.tell(Update::Listed(object.name(), object.state));
        }
        self
    }

    fn step(&mut self, objects: &mut Objects, step: Step) {
        match step {
            Step::Apply(kind, object) => {
                of_kind!(kind, self.apply(&object));
                objects.entry(kind).or_default().insert(name_of(&object), object);
            }
            Step::Delete(kind, which) => self.delete_one(objects, kind, which),
            Step::Missed { kind, changes, cut_off } => self.missed(objects, kind, changes, cut_off),
            Step::Look => drop(self.cluster()),
        }
    }

    fn delete_one(&mut self, objects: &mut Objects, kind: Kind, which: usize) {
        let known = objects.entry(kind).or_default();
        let Some(name) = known.keys().nth(which % known.len().max(1)).cloned() else { return };
        known.remove(&name);
        let namespace = if kind == Kind::Node { "" } else { "default" };
        of_kind!(kind, self.delete(ObjectName::new(namespace, name.as_str())));
    }

    fn missed(&mut self, objects: &mut Objects, kind: Kind, changes: Vec<(Value, bool)>, cut_off: bool) {
        let known = objects.entry(kind).or_default();
        if cut_off {
            let half: Vec<Value> = known.values().take(1).cloned().collect();
            of_kind!(kind, self.cut_off(&half));
        }
        for (object, gone) in changes {
            known.insert(name_of(&object), object.clone());
            if gone {
                known.remove(&name_of(&object));
            }
        }
        let list: Vec<Value> = known.values().cloned().collect();
        of_kind!(kind, self.list(&list));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_history_gives_what_a_fresh_list_gives(steps in prop::collection::vec(step(), 0..40), order in any::<bool>()) {
        let (mut told, mut objects) = (Told::default(), Objects::new());
        for step in steps {
            told.step(&mut objects, step);
        }
        let mut fresh = Told::default();
        let mut kinds = Kind::ALL;
        if order {
            kinds.reverse();
        }
        for kind in kinds {
            let list: Vec<Value> = objects.entry(kind).or_default().values().cloned().collect();
            of_kind!(kind, fresh.list(&list));
        }
        prop_assert_eq!(told.cluster(), fresh.cluster());
    }
}
