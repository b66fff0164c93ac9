//! `cargo xtask bed`.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use evenkeel_bed::{EnvoyVersion, clients, helm, image, istio, kubernetes, nginx};

/// A bed that can be prepared.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Name {
    /// Envoy 1.37.0 and 1.40.0.
    Envoy,
    /// The Go and Python load clients.
    Clients,
    /// etcd, kube-apiserver, kube-controller-manager, kube-proxy, kubectl, and what forwards ports of pods; `node` is the same.
    #[value(alias = "node")]
    Kube,
    /// Helm, for the chart.
    Helm,
    /// buildah and musl, for the image of the control plane.
    Image,
    /// istiod, Istio's agent, istioctl, and Istio's custom resources.
    Istio,
    /// Debian's nginx, for `bench balance`.
    Nginx,
}

/// Prepares the named beds, or all; what is there already is only looked at.
pub fn prepare(names: &[Name]) -> Result<()> {
    let names = if names.is_empty() { Name::value_variants() } else { names };
    names.iter().try_for_each(|name| match name {
        Name::Envoy => envoy(),
        Name::Clients => clients::prepare().map(show),
        Name::Kube => kubernetes::prepare().map(show),
        Name::Helm => helm::prepare().map(|place| show(vec![place])),
        Name::Image => image::prepare().map(|version| println!("{version}")),
        Name::Istio => istio::prepare().map(show),
        Name::Nginx => nginx::prepare().map(|version| println!("{version}")),
    })
}

/// Prepares what everything needs, and nginx if that can be had here: it is only a peer of `bench balance`, which says so
/// when it is missing.
pub fn prepare_for_tests() -> Result<()> {
    prepare(&[Name::Envoy, Name::Clients, Name::Kube, Name::Istio, Name::Helm])?;
    try_nginx();
    Ok(())
}

/// Prepares nginx if that can be had here.
pub fn try_nginx() {
    if let Err(error) = prepare(&[Name::Nginx]) {
        eprintln!("without nginx: {error:#}");
    }
}

fn envoy() -> Result<()> {
    for version in EnvoyVersion::ALL {
        println!("{}", version.prepare()?);
    }
    Ok(())
}

fn show(places: Vec<PathBuf>) {
    for place in places {
        println!("{}", place.display());
    }
}
