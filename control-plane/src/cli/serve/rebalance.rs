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
    /// Move no connection of any group, whatever policies say; everything else goes on
    #[arg(long)]
    paused: bool,
}

impl RebalanceArguments {
    /// The policies, now and later.
    pub async fn policies(&self, metrics: RebalanceMetrics) -> anyhow::Result<NewestPolicies> {
        match &self.policies {
            Some(file) => {
                let policies = follow(file, self.paused, metrics).await;
                policies.with_context(|| format!("--policies {}", file.display()))
            }
            None => Ok(watch::channel(Arc::new(Policies::default().or_paused(self.paused))).1),
        }
    }

    /// Whether no connection moves, whatever policies say.
    pub fn paused(&self) -> bool {
        self.paused
    }
}

async fn follow(file: &Path, paused: bool, metrics: RebalanceMetrics) -> anyhow::Result<NewestPolicies> {
    let (mut file, policies) = WatchedFile::<Policies>::open(file.to_owned(), parse).await?;
    let (newest, receiver) = watch::channel(Arc::new(policies.or_paused(paused)));
    tokio::spawn(async move {
        loop {
            let news = file.next().await;
            metrics.policies_failed(matches!(news, News::Failed));
            if let News::Changed(policies) = news {
                newest.send_replace(Arc::new(policies.or_paused(paused)));
            }
        }
    });
    Ok(receiver)
}
