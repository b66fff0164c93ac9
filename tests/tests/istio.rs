//! A policy as Istio objects: through a real istiod into a real Envoy.

mod istio {
    mod caps;
    mod endpoints;
    mod mesh;
    mod module;
    mod offline;
    mod outbound;
    mod place;
    mod policy;
    mod secrets;
    mod traffic;
    mod wasm_plugin;
}
