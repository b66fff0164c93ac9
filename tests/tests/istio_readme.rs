//! `istio/README.md`: every command of it, in its order, on a real Kubernetes, a real istiod and real Envoys.

mod istio_readme {
    mod bed;
    mod nodes;
    mod page;
    mod pod;
    mod shell;
    mod walk;
}
