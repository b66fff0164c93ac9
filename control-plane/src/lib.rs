//! Evenkeel's control plane.
//!
//! Endpoints flow one way: [`source`] watches something and publishes [`model`] values, [`eds`] turns them into
//! resources, [`proxyless`] adds what gRPC channels need beside endpoints, [`publisher`] puts both into snapshots, [`xds`]
//! serves those to clients. [`admin`] tells operators about it, [`cli`] wires it together.
//!
//! Everything that decides is plain data and functions. Sockets, files and clocks are in [`xds::server`],
//! [`source::file`], [`source::kubernetes`], [`admin`] and [`cli`].
#![forbid(unsafe_code)]

pub mod admin;
pub mod cli;
pub mod eds;
pub mod model;
pub mod proxyless;
pub mod publisher;
pub mod rebalance;
pub mod source;
pub mod xds;
