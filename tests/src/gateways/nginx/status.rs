//! What an nginx counts (`stub_status`).
//!
//! It is asked over one connection that stays, so that what is asked changes the counts by one connection only.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::gateways::GatewayStats;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The connection that asks.
#[derive(Debug)]
pub(super) struct Status(Mutex<Asking>);

#[derive(Debug)]
struct Asking {
    sender: SendRequest<Empty<Bytes>>,
    /// Requests for the status so far, which nginx counts as well.
    asked: u64,
}

impl Status {
    /// To the socket that the configuration names.
    pub(super) async fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).await.context("nginx does not answer")?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(Mutex::new(Asking { sender, asked: 0 })))
    }

    /// The counts of all connections but this one.
    pub(super) async fn ask(&self) -> Result<GatewayStats> {
        let mut asking = self.0.lock().await;
        let text = timeout(PATIENCE, asking.text()).await.context("nginx does not answer in time").flatten()?;
        text.parse::<Counts>()?.without_us(asking.asked)
    }
}

impl Asking {
    async fn text(&mut self) -> Result<String> {
        self.sender.ready().await?;
        let response = self.sender.send_request(Request::get("/").header(HOST, "status").body(Empty::new())?).await?;
        self.asked += 1;
        ensure!(response.status().is_success(), "nginx answers {} for its status", response.status());
        Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().into())?)
    }
}

/// Since the start, but for `active`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    active: u64,
    handled: u64,
    requests: u64,
}

impl Counts {
    /// Without the connection that asks, which is still open.
    fn without_us(self, asked: u64) -> Result<GatewayStats> {
        let counts = (self.active.checked_sub(1), self.handled.checked_sub(self.active));
        let (Some(connections), Some(closes)) = counts else { anyhow::bail!("nginx counts wrongly: {self:?}") };
        let requests = self.requests.saturating_sub(asked);
        Ok(GatewayStats { connections, requests, drains: 0, closes })
    }
}

impl FromStr for Counts {
    type Err = anyhow::Error;

    /// The page of `stub_status`: a line with the open connections, a header, then those accepted and handled and the
    /// requests, all since the start.
    fn from_str(page: &str) -> Result<Self> {
        let unknown = || format!("not a page of stub_status: {page:?}");
        let mut lines = page.lines();
        let active = lines.next().and_then(|line| line.strip_prefix("Active connections:")).with_context(unknown)?;
        let sums = lines.nth(1).with_context(unknown)?.split_whitespace().map(str::parse);
        let sums: Vec<u64> = sums.collect::<Result<_, _>>().with_context(unknown)?;
        let [_, handled, requests] = sums[..] else { anyhow::bail!(unknown()) };
        Ok(Self { active: active.trim().parse().with_context(unknown)?, handled, requests })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Active connections: 5 \nserver accepts handled requests\n 105 104 2000 \n\
                        Reading: 0 Writing: 1 Waiting: 4 \n";

    #[test]
    fn connections_and_closes_are_those_of_others() {
        let stats = PAGE.parse::<Counts>().unwrap().without_us(7).unwrap();
        let expected = GatewayStats { connections: 4, requests: 1993, drains: 0, closes: 99 };
        assert_eq!(stats, expected);
    }

    #[test]
    fn another_page_is_refused() {
        for page in ["", "Active connections: 5 \n", "<html>\n\n1 2 3\n", "Active connections: 5\n\n1 2\n"] {
            let error = page.parse::<Counts>().unwrap_err();
            assert!(error.to_string().contains("stub_status"), "{page:?}: {error}");
        }
    }
}
