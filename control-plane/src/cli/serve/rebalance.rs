//! Flags for the policies of groups.

use crate::rebalance::Policies;
use crate::rebalance::policies_file::parse;
use crate::rebalance::service::{NewestPolicies, RebalanceMetrics};
use crate::watched_file::{News, WatchedFile};
use anyhow::Context;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// How groups of proxies are kept even.
#[derive(Args, Debug)]
pub struct RebalanceArguments {
    /// File with the policies of groups, watched for changes; without it all groups have the defaults
    #[arg(long, value_name = "POLICIES.yaml")]
    policies: Option<PathBuf>,
}

impl RebalanceArguments {
    /// The policies, now and later.
    pub async fn policies(&self, metrics: RebalanceMetrics) -> anyhow::Result<NewestPolicies> {
        match &self.policies {
            Some(file) => follow(file, metrics).await.with_context(|| format!("--policies {}", file.display())),
            None => Ok(watch::channel(Arc::default()).1),
        }
    }
}

async fn follow(file: &Path, metrics: RebalanceMetrics) -> anyhow::Result<NewestPolicies> {
    let (mut file, policies) = WatchedFile::<Policies>::open(file.to_owned(), parse).await?;
    let (newest, receiver) = watch::channel(Arc::new(policies));
    tokio::spawn(async move {
        loop {
            let news = file.next().await;
            metrics.policies_failed(matches!(news, News::Failed));
            if let News::Changed(policies) = news {
                newest.send_replace(Arc::new(policies));
            }
        }
    });
    Ok(receiver)
}
