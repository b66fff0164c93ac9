//! Destinations whose endpoints come from the control plane.

use anyhow::{Result, ensure};
use evenkeel_tests::{network, wait};
use kube::api::DeleteParams;

use super::bed::{Bed, PATIENCE};

const SECTIONS: &str = "endpoints: {destinations: [{host: cart.shop.svc.cluster.local, port: 80}]}";
const OBJECT: &str = "evenkeel-caps-80-cart.shop.svc.cluster.local";
const PASSES_THROUGH: &str = "
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: cart, namespace: shop}, spec: {
  host: cart.shop.svc.cluster.local, trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}}}
";

/// A proxy that asks us for endpoints that we do not have would have none.
#[test]
fn a_destination_that_cannot_be_taken_over_goes_back_to_istiod() -> Result<()> {
    network::isolated(|| async {
        let (bed, _control_plane) = Bed::with_policy(SECTIONS).await?;
        ensure!(bed.filters().get_opt(OBJECT).await?.is_some(), "it was not taken over");

        bed.kubernetes.apply(PASSES_THROUGH).await?;
        let message = bed.condition_becomes("caps", "Programmed", ("False", "DestinationDeclined")).await?;
        ensure!(
            message.contains("outbound|80||cart.shop.svc.cluster.local") && message.contains("PASSTHROUGH"),
            "{message}"
        );
        bed.event("caps", "DestinationDeclined").await?;
        let object = async || Ok(bed.filters().get_opt(OBJECT).await?);
        wait::until("the object to go", PATIENCE, object, Option::is_none).await?;

        bed.rules().delete("cart", &DeleteParams::default()).await?;
        bed.is_programmed("caps").await?;
        wait::until("the object to come back", PATIENCE, object, Option::is_some).await.map(drop)
    })
}
