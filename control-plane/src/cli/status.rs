//! `evenkeel status`: the groups whose connections are kept even, as the leader sees them.

mod fetch;
mod leader;
mod table;

use crate::admin::GroupList;
use clap::{Args, ValueEnum};
use fetch::{fetch, fetch_through};
use leader::LeaderArguments;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;
use table::{details, overview};
use tokio::time::interval;

/// How often `--watch` looks.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Moves to the upper left corner and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Show the groups whose connections are kept even
#[derive(Args, Debug)]
pub struct StatusArguments {
    /// Show only this group, with its pods
    #[arg(value_name = "NAMESPACE/SERVICE")]
    group: Option<String>,
    /// Go on showing, once a second
    #[arg(short, long)]
    watch: bool,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Admin address of the replica that leads: the pod with the label evenkeel.dev/leader
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:18001")]
    admin_address: String,
    #[command(flatten)]
    leader: LeaderArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Columns for people
    Table,
    /// What the admin port says
    Json,
}

/// Shows the groups once, or again and again.
#[tokio::main(flavor = "current_thread")]
pub async fn run(arguments: &StatusArguments) -> anyhow::Result<()> {
    if arguments.watch {
        return watch(arguments).await;
    }
    writeln!(io::stdout(), "{}", arguments.show().await?)?;
    Ok(())
}

/// Problems are shown as well: whoever watches wants to see the end of them. It ends when nobody reads any more.
async fn watch(arguments: &StatusArguments) -> anyhow::Result<()> {
    let mut looks = interval(WATCH_EVERY);
    let clear = if io::stdout().is_terminal() { CLEAR } else { "" };
    loop {
        looks.tick().await;
        let text = arguments.show().await.unwrap_or_else(|error| format!("error: {error:#}"));
        match writeln!(io::stdout(), "{clear}{text}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
}

impl StatusArguments {
    async fn show(&self) -> anyhow::Result<String> {
        let group = self.group.as_deref();
        let list = match self.leader.admin().await? {
            Some(leader) => fetch_through(&leader, group).await?,
            None => fetch(&self.admin_address, group).await?,
        };
        match self.output {
            Output::Json => Ok(serde_json::to_string_pretty(&list)?),
            Output::Table => self.table(&list),
        }
    }

    fn table(&self, list: &GroupList) -> anyhow::Result<String> {
        anyhow::ensure!(
            list.leads,
            "the replica at {} does not lead; ask the one whose pod has the label evenkeel.dev/leader",
            self.admin_address
        );
        match (&self.group, list.groups.as_slice()) {
            (None, groups) => Ok(overview(groups)),
            (Some(_), [group]) => Ok(details(group)),
            (Some(group), _) => {
                anyhow::bail!("no proxy has reported for the group {group:?}; without it all are shown")
            }
        }
    }
}
