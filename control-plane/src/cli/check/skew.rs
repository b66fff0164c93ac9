//! `evenkeel check --skew`: how uneven the pods of a Service are.

use super::cluster::ClusterArguments;
use super::{Output, proxy};
use crate::check::envoy::Stats;
use crate::check::skew::{PodConnections, Skew, connections};
use crate::cli::admin::Admin;
use anyhow::{Context, ensure};
use comfy_table::{CellAlignment, Table};
use futures::{StreamExt, stream};

/// So many port-forwards at a time.
const AT_A_TIME: usize = 8;

/// Reads each pod and prints what they have. Pods that cannot be read are named on standard error.
pub async fn show(cluster: &ClusterArguments, service: &str, output: Output) -> anyhow::Result<()> {
    let pods = cluster.pods(service).await?;
    ensure!(!pods.is_empty(), "no pod of {service} is running");
    let read: Vec<anyhow::Result<PodConnections>> = stream::iter(pods).map(of_pod).buffered(AT_A_TIME).collect().await;
    for error in read.iter().filter_map(|read| read.as_ref().err()) {
        eprintln!("left out: {error:#}");
    }
    let known: Vec<PodConnections> = read.into_iter().flatten().collect();
    ensure!(!known.is_empty(), "no pod of {service} could be read");
    print(&Skew::of(known), output)
}

async fn of_pod((pod, admin): (String, Admin)) -> anyhow::Result<PodConnections> {
    let stats = proxy::get(&admin, "/stats").await?;
    let known = Stats::parse(&stats).as_ref().and_then(connections);
    let (source, connections) = known.with_context(|| format!("pod {pod}: its stats say nothing about connections"))?;
    Ok(PodConnections { pod, connections, source })
}

fn print(skew: &Skew, output: Output) -> anyhow::Result<()> {
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(skew)?),
        Output::Text => println!("{}", text(skew)),
    }
    Ok(())
}

fn text(skew: &Skew) -> String {
    let mut sources: Vec<_> = skew.pods.iter().map(|pod| pod.source).collect();
    sources.sort();
    sources.dedup();
    let sources = sources.iter().map(|source| format!("Counted by {source} ({}).", source.quality()));
    let numbers = format!(
        "{} connections, {:.1} per pod, coefficient of variation {:.2}, fullest {:.2} x mean",
        skew.total, skew.mean, skew.coefficient_of_variation, skew.max_over_mean
    );
    let lines = [table(skew), String::new(), numbers, skew.verdict()].into_iter().chain(sources);
    lines.collect::<Vec<_>>().join("\n")
}

fn table(skew: &Skew) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(["POD", "CONNECTIONS", "OF MEAN"]);
    for pod in &skew.pods {
        let of_mean = if skew.mean > 0.0 { pod.connections as f64 / skew.mean } else { 0.0 };
        table.add_row([pod.pod.clone(), pod.connections.to_string(), format!("{of_mean:.2}")]);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}
