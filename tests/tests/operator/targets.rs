//! The Service of a policy comes late, goes, and comes back.

use anyhow::{Result, ensure};
use evenkeel_tests::network;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::DeleteParams;

use super::bed::Bed;

const LATE: &str = "
{apiVersion: v1, kind: Service, metadata: {name: late, namespace: shop}, spec: {
  selector: {app: late}, ports: [{name: http, port: 80}]}}
";

#[test]
fn a_policy_waits_for_its_service_and_stays_when_it_goes() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let _control_plane = bed.control_plane().await?;
        bed.apply_policy("caps", "late", "inbound: {maxAge: 30m}").await?;
        let message = bed.condition_becomes("caps", "Accepted", ("False", "TargetNotFound")).await?;
        ensure!(message.contains("there is no Service shop/late: create it, or correct the name"), "{message}");
        bed.event("caps", "TargetNotFound").await?;
        ensure!(bed.filter_of("caps").await.is_err());

        bed.kubernetes.apply(LATE).await?;
        bed.is_programmed("caps").await?;
        let filter = bed.filter_of("caps").await?;

        // To take the filter away would drain every connection, and it may be a mistake.
        let services: Api<Service> = Api::namespaced(bed.kubernetes.client(), "shop");
        services.delete("late", &DeleteParams::default()).await?;
        bed.condition_becomes("caps", "Accepted", ("False", "TargetNotFound")).await?;
        bed.kubernetes.apply(LATE).await?;
        bed.is_programmed("caps").await?;
        let after = bed.filter_of("caps").await?;
        ensure!(after.metadata.uid == filter.metadata.uid && after.data == filter.data);
        Ok(())
    })
}
