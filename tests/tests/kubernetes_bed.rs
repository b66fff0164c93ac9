//! The bed is honest: namespaces are a test's own, and the cluster behaves as a real one where suites rely on it.

mod kubernetes_bed {
    mod cluster;
    mod networks;
}
