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
mod parse;
mod validate;

pub use parse::parse;

use super::Updates;
use super::metrics::SourceMetrics;
use crate::model::{Cluster, Services};
use crate::watched_file::{FileError, News, WatchedFile};
use std::path::PathBuf;
use tracing::info;

/// A watched file with services.
#[derive(Debug)]
pub struct FileSource {
    file: WatchedFile<Services>,
    updates: Updates,
    metrics: SourceMetrics,
}

impl FileSource {
    /// Watches the file and publishes its services. Here a file that is missing or wrong is an error: there is no last
    /// good content yet.
    pub async fn open(path: PathBuf, updates: Updates, metrics: SourceMetrics) -> Result<Self, FileError> {
        let (file, services) = WatchedFile::open(path, parse).await?;
        let source = Self { file, updates, metrics };
        source.serve(services);
        Ok(source)
    }

    /// Follows the file for ever.
    pub async fn run(mut self) {
        loop {
            match self.file.next().await {
                News::Changed(services) => self.serve(services),
                News::Restored => self.metrics.restored(),
                News::Failed => self.metrics.failed(),
            }
        }
    }

    fn serve(&self, services: Services) {
        self.metrics.loaded(&services);
        info!(services = services.len(), "the file's services are served");
        self.updates.publish(Cluster { services, ..Cluster::default() });
    }
}

#[cfg(test)]
mod tests;
