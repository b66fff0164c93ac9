//! Services from a watched YAML file.
//!
//! ```yaml
//! services:
//! - name: gateway
//!   namespace: istio-system     # default: default
//!   ports:
//!   - name: http
//!     port: 80
//!   endpoints:
//!   - address: 127.0.0.1        # IPv4 or IPv6
//!     ports: {http: 8080}       # port name to target port; default: the service's port
//!     ready: true               # default: true
//!     weight: 1                 # 1 to 128, default: 1
//!     locality: {region: r, zone: z, subZone: s}
//! ```
//!
//! The file is taken as a whole or not at all: when it becomes wrong or vanishes, the last good content stays and the
//! problem is reported once.

mod document;
mod error;
mod parse;
mod settle;
mod validate;
mod watch;

pub use error::{FileError, Problem};
pub use parse::parse;

use super::metrics::SourceMetrics;
use super::{Updates, until};
use crate::model::{Cluster, Services};
use settle::{Settle, Touch};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tracing::{error, info};
use watch::FileWatch;

/// The file is looked at this often even if nothing was heard: a watch does not see behind links into other directories
/// and does not work on every file system.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A watched file.
#[derive(Debug)]
pub struct FileSource {
    path: PathBuf,
    updates: Updates,
    metrics: SourceMetrics,
    watch: FileWatch,
    settle: Settle,
    /// The content that is served.
    served: String,
    /// The problem that was reported last, while it lasts.
    reported: Option<FileError>,
}

/// What reading the file gave.
enum Content {
    Unchanged,
    Changed(String, Services),
}

impl FileSource {
    /// Watches the file and publishes its services. Here a file that is missing or wrong is an error: there is no last
    /// good content yet.
    pub async fn open(path: PathBuf, updates: Updates, metrics: SourceMetrics) -> Result<Self, FileError> {
        let watch = FileWatch::new(&path)
            .map_err(|error| FileError::Unreadable(format!("the directory of the file cannot be watched: {error}")))?;
        let (served, settle, reported) = (String::new(), Settle::default(), None);
        let mut source = Self { path, updates, metrics, watch, settle, served, reported };
        let text = source.text().await?;
        let (text, services) = parsed(text).await?;
        source.serve(text, services);
        Ok(source)
    }

    /// Follows the file for ever.
    pub async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                touch = self.watch.touched() => self.settle.touched(touch, Instant::now()),
                () = until(self.settle.due()) => self.reload().await,
                _ = look.tick(), if self.settle.due().is_none() => self.settle.touched(Touch::Complete, Instant::now()),
            }
        }
    }

    async fn reload(&mut self) {
        self.settle.reading();
        match self.read().await {
            Ok(Content::Unchanged) => self.unchanged(),
            Ok(Content::Changed(text, services)) => self.serve(text, services),
            Err(problem) => self.failed(problem),
        }
    }

    async fn read(&self) -> Result<Content, FileError> {
        let text = self.text().await?;
        if text == self.served {
            return Ok(Content::Unchanged);
        }
        let (text, services) = parsed(text).await?;
        Ok(Content::Changed(text, services))
    }

    async fn text(&self) -> Result<String, FileError> {
        tokio::fs::read_to_string(&self.path)
            .await
            .map_err(|error| FileError::Unreadable(format!("the file cannot be read: {error}")))
    }

    fn serve(&mut self, text: String, services: Services) {
        self.metrics.loaded(&services);
        info!(file = %self.path.display(), services = services.len(), "the file was read");
        self.updates.publish(Cluster { services, ..Cluster::default() });
        self.served = text;
        self.recovered();
    }

    fn unchanged(&mut self) {
        if self.reported.is_some() {
            self.metrics.restored();
            info!(file = %self.path.display(), "the file is again what is served");
        }
        self.recovered();
    }

    fn recovered(&mut self) {
        self.settle.succeeded();
        self.reported = None;
    }

    fn failed(&mut self, problem: FileError) {
        if self.reported.as_ref() == Some(&problem) || !self.settle.failed(Instant::now()) {
            return;
        }
        self.metrics.failed();
        error!(file = %self.path.display(), "{problem}; the last good content stays");
        self.reported = Some(problem);
    }
}

/// A large file takes a while; other tasks should not wait for it.
async fn parsed(text: String) -> Result<(String, Services), FileError> {
    let parse = move || parse(&text).map(|services| (text, services)).map_err(FileError::Wrong);
    let stopped = |error| Err(FileError::Unreadable(format!("reading was stopped: {error}")));
    tokio::task::spawn_blocking(parse).await.unwrap_or_else(stopped)
}

#[cfg(test)]
mod tests;
