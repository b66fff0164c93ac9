//! The Helm chart and the examples beside it: what they hold is what an API server takes, and what the program needs.

mod chart {
    pub mod cluster;
    pub mod helm;
    pub mod metrics;
    pub mod queries;
    pub mod replica;

    mod alerts;
    mod examples;
    mod install;
    mod objects;
    mod policies;
    mod values;
}
