//! Envoys in pods, through Kubernetes.

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::example::{ENVOY, Example};
use evenkeel_tests::gateway::PATIENCE;
use evenkeel_tests::raw_http1::RawHttp1;
use serde_json::Value;

use super::api_server::ApiServer;
use super::program::check;

#[tokio::test]
async fn a_pod_is_checked_through_a_forwarded_port() -> Result<()> {
    let backend = Backend::start()?;
    let good = Example::copy(&backend)?.start(EnvoyVersion::NEWEST).await?;
    let faulty = Example::copy(&backend)?;
    faulty.edit(ENVOY, "drain_timeout: 5s", "drain_timeout: 0s")?;
    let faulty = faulty.start(EnvoyVersion::NEWEST).await?;
    let nobody = ("cart-3", ([127, 0, 0, 1], 1).into());
    let pods = [("cart-0", good.admin_address()?), ("cart-1", faulty.admin_address()?), nobody];
    let server = ApiServer::start(pods).await?;
    let kubeconfig = server.kubeconfig().to_string_lossy().into_owned();
    let of =
        async |pod: &'static [&'static str]| check(&[pod, &["--kubeconfig", &kubeconfig, "-o", "json"]].concat()).await;
    for pod in [&["cart-0.shop"][..], &["cart-0"], &["cart-0", "-n", "shop"], &["cart-0", "--context", "test"]] {
        let answer = of(pod).await?;
        assert_eq!((answer.code, answer.stdout.as_str()), (0, "[]\n"), "{pod:?}: {answer:?}");
    }
    let answer = of(&["cart-1.shop"]).await?;
    assert_eq!((answer.code, answer.codes()?), (1, vec!["EK0206".to_owned()]), "{answer:?}");
    let missing = of(&["cart-2.shop"]).await?;
    assert!(missing.code == 1 && missing.stderr.contains("pod cart-2: is 15000 the admin port"), "{missing:?}");
    let closed = of(&["cart-3.shop"]).await?;
    assert!(closed.code == 1 && closed.stderr.contains("failed to forward port 15000"), "{closed:?}");
    Ok(())
}

#[tokio::test]
async fn skew_counts_the_connections_of_each_pod_of_a_service() -> Result<()> {
    let backend = Backend::start()?;
    let (full, empty) = (Example::copy(&backend)?, Example::copy(&backend)?);
    let (full, empty) = (full.start(EnvoyVersion::NEWEST).await?, empty.start(EnvoyVersion::NEWEST).await?);
    let mut held = vec![];
    for _ in 0..40 {
        held.push(RawHttp1::connect(full.listener("gateway").await?).await?);
    }
    full.stat_until("http.gateway.downstream_cx_active", |active| active == 40, PATIENCE).await?;
    let server = ApiServer::start([("cart-0", full.admin_address()?), ("cart-1", empty.admin_address()?)]).await?;
    let kubeconfig = server.kubeconfig().to_string_lossy().into_owned();
    let answer = check(&["--skew", "cart.shop", "--kubeconfig", &kubeconfig, "-o", "json"]).await?;
    let skew: Value = serde_json::from_str(&answer.stdout)?;
    let numbers =
        ["total", "mean", "coefficientOfVariation", "maxOverMean", "aboveMean"].map(|name| skew[name].as_f64());
    assert_eq!(numbers, [40.0, 20.0, 1.0, 2.0, 20.0].map(Some), "{answer:?}");
    assert_eq!(
        (answer.code, &skew["beyondChance"], &skew["pods"][0]["source"]),
        (0, &true.into(), &"listeners".into())
    );
    let text = check(&["--skew", "cart.shop", "--kubeconfig", &kubeconfig]).await?;
    assert!(text.stdout.contains("Uneven beyond chance: the fullest pod has 2.00 times the mean"), "{text:?}");
    assert!(text.stdout.contains("Counted by listener.*.downstream_cx_active (exact"), "{text:?}");
    drop(held);
    Ok(())
}
