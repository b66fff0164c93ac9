//! The policies of a cluster, carried out on a real API server under the role that is shipped.

mod operator {
    pub mod bed;
    pub mod policies;

    mod balance;
    mod conflicts;
    mod endpoints;
    mod life;
    mod outage;
    mod outbound;
    mod permissions;
    mod replicas;
    mod targets;
    mod wrong;
}
