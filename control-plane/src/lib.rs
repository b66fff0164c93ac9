//! Evenkeel's control plane.
//!
//! Endpoints flow one way: [`source`] watches something and publishes [`model`] values, [`eds`] turns them into
//! resources, [`proxyless`] adds what gRPC channels need beside endpoints, [`publisher`] puts both into snapshots, [`xds`]
//! serves those to clients. [`rebalance`] hears from proxies what they hold and says what they may drain; its weights come
//! back into the endpoints. [`filter_module`] is what proxies run. [`admin`] tells operators about it, [`check`] finds what
//! keeps an Envoy from doing its part, [`cli`] wires it together.
//!
//! Everything that decides is plain data and functions. Sockets, files and clocks are in [`xds::server`],
//! [`watched_file`], [`source::kubernetes`], [`rebalance::service`], [`rebalance::leader`], [`filter_module`], [`admin`] and
//! [`cli`].
#![forbid(unsafe_code)]

pub mod admin;
pub mod check;
pub mod cli;
pub mod eds;
pub mod filter_module;
pub mod model;
pub mod policy;
pub mod proxyless;
pub mod publisher;
pub mod rebalance;
pub mod simulate;
pub mod source;
pub mod trust;
pub mod watched_file;
pub mod xds;
