//! Reads the files again when they change.

use super::files::{TlsError, TlsFiles};
use crate::xds::metrics::XdsMetrics;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConfig;
use tracing::{error, info, warn};

/// Certificate and key are often written one after the other: they are read when nothing has happened for this long.
const SETTLE: Duration = Duration::from_millis(300);
/// A folder in which something happens all the time is read nevertheless, after so many pauses cut short.
const SETTLE_AT_MOST: u32 = 20;
/// Not every file system tells of changes, and links may lead elsewhere.
const POLL: Duration = Duration::from_mins(1);

/// Keeps what new connections are served with as new as the files.
#[derive(Debug)]
pub struct Reloader {
    files: TlsFiles,
    newest: watch::Sender<Arc<ServerConfig>>,
    served: [u8; 32],
    problem: Option<String>,
    touched: Arc<Notify>,
    metrics: XdsMetrics,
    _watcher: Option<RecommendedWatcher>,
}

impl Reloader {
    pub(super) fn open(
        files: TlsFiles,
        metrics: XdsMetrics,
    ) -> Result<(Self, watch::Receiver<Arc<ServerConfig>>), TlsError> {
        // The watch comes first, so that no change is missed.
        let touched = Arc::new(Notify::new());
        let watcher = watch_folders(&files, touched.clone());
        let contents = files.read()?;
        let (newest, receiver) = watch::channel(files.config(&contents)?);
        let served = contents.digest();
        Ok((Self { files, newest, served, problem: None, touched, metrics, _watcher: watcher }, receiver))
    }

    /// Runs as long as anybody needs the certificates. New connections get what is newest, open ones go on.
    pub async fn run(mut self) {
        while !self.newest.is_closed() {
            if timeout(POLL, self.touched.notified()).await.is_ok() {
                self.settle().await;
            }
            match self.reload() {
                Ok(()) => self.problem = None,
                Err(error) => self.report(&error),
            }
            self.metrics.tls_reload_failed(self.problem.is_some());
        }
    }

    async fn settle(&self) {
        for _ in 0..SETTLE_AT_MOST {
            if timeout(SETTLE, self.touched.notified()).await.is_err() {
                return;
            }
        }
    }

    fn reload(&mut self) -> Result<(), TlsError> {
        let contents = self.files.read()?;
        let digest = contents.digest();
        if digest == self.served {
            return Ok(());
        }
        self.newest.send_replace(self.files.config(&contents)?);
        self.served = digest;
        info!(certificate = %self.files.certificate.display(), "new connections get new certificates");
        Ok(())
    }

    /// Once for each problem, however often the files are read.
    fn report(&mut self, problem: &TlsError) {
        let problem = problem.to_string();
        if self.problem.as_ref() != Some(&problem) {
            error!(problem, "new certificates are not used, the last good ones stay");
            self.problem = Some(problem);
        }
    }
}

/// Watches the folders of the files: a Kubernetes Secret is changed by swapping a link beside them.
fn watch_folders(files: &TlsFiles, touched: Arc<Notify>) -> Option<RecommendedWatcher> {
    match try_watch_folders(files, touched) {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            warn!(%error, "changes of the certificates are seen only once a minute; raise fs.inotify limits");
            None
        }
    }
}

fn try_watch_folders(files: &TlsFiles, touched: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let tell = move |event: notify::Result<notify::Event>| {
        if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
            touched.notify_one();
        }
    };
    let mut watcher = notify::recommended_watcher(tell)?;
    for folder in files.paths().map(folder).collect::<BTreeSet<_>>() {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
