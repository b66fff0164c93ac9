//! `evenkeel crd`: the definition of `ConnectionPolicy`, for an API server.

use crate::policy::ConnectionPolicy;
use clap::Args;
use kube::CustomResourceExt;

/// Print the definition of the custom resource of policies, for `kubectl apply --server-side -f -`
#[derive(Args, Debug)]
pub struct CrdArguments {}

/// Prints it. Nothing is asked of a cluster.
pub fn run(_: &CrdArguments) -> anyhow::Result<()> {
    print!("{}", definition()?);
    Ok(())
}

fn definition() -> anyhow::Result<String> {
    Ok(serde_saphyr::to_string(&ConnectionPolicy::crd())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the chart installs; a change of the type changes it too.
    const INSTALLED: &str = include_str!("../../../istio/chart/crds/connectionpolicies.yaml");

    #[test]
    fn the_chart_installs_what_the_program_reads() {
        let command = "cargo run --package evenkeel -- crd > istio/chart/crds/connectionpolicies.yaml";
        assert_eq!(definition().unwrap(), INSTALLED, "run `{command}`");
    }
}
