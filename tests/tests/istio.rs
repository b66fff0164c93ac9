//! A policy as Istio objects: through a real istiod into a real Envoy.

mod istio {
    mod gateway;
    mod mesh;
    mod offline;
    mod policy;
}
