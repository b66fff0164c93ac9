//! A YAML file that is followed: the last good content stays, whatever happens to the file later.
//!
//! The file is taken as a whole or not at all: when it becomes wrong or vanishes, the problem is reported once, and what
//! it said before is still what it says.

mod error;
mod kubernetes_name;
mod settle;
mod watch;
mod yaml;

pub use error::{FileError, Problem};
pub use kubernetes_name::kubernetes_name;
pub use yaml::document;

use settle::{Settle, Touch};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::time::{Interval, interval};
use tracing::{error, info};
use watch::FileWatch;

/// The file is looked at this often even if nothing was heard: a watch does not see behind links into other directories
/// and does not work on every file system.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// From the text of a file to what it says, or the first thing that is wrong with it.
pub type Parse<T> = fn(&str) -> Result<T, Problem>;

/// A watched file.
#[derive(Debug)]
pub struct WatchedFile<T> {
    path: PathBuf,
    parse: Parse<T>,
    watch: FileWatch,
    look: Interval,
    settle: Settle,
    /// The content that counts.
    good: String,
    /// The problem that was reported last, while it lasts.
    reported: Option<FileError>,
}

/// What has happened to the file. Each is in the log already.
#[derive(Debug)]
pub enum News<T> {
    /// It says something else.
    Changed(T),
    /// After a problem it says again what it said before.
    Restored,
    /// It is wrong or missing.
    Failed,
}

/// What reading the file gave.
enum Content<T> {
    Unchanged,
    Changed(String, T),
}

impl<T: Send + 'static> WatchedFile<T> {
    /// Reads the file and watches it. Here a file that is missing or wrong is an error: there is no last good content yet.
    pub async fn open(path: PathBuf, parse: Parse<T>) -> Result<(Self, T), FileError> {
        let watch = FileWatch::new(&path)
            .map_err(|error| FileError::Unreadable(format!("the directory of the file cannot be watched: {error}")))?;
        let (look, settle, good, reported) = (interval(LOOK_EVERY), Settle::default(), String::new(), None);
        let mut file = Self { path, parse, watch, look, settle, good, reported };
        let (text, said) = parsed(file.text().await?, parse).await?;
        file.accept(text);
        Ok((file, said))
    }

    /// Waits for the next news.
    pub async fn next(&mut self) -> News<T> {
        loop {
            tokio::select! {
                touch = self.watch.touched() => self.settle.touched(touch, Instant::now()),
                () = until(self.settle.due()) => if let Some(news) = self.reload().await { return news },
                _ = self.look.tick(), if self.settle.due().is_none() => self.settle.touched(Touch::Complete, Instant::now()),
            }
        }
    }

    async fn reload(&mut self) -> Option<News<T>> {
        self.settle.reading();
        match self.read().await {
            Ok(Content::Unchanged) => self.unchanged(),
            Ok(Content::Changed(text, said)) => {
                self.accept(text);
                Some(News::Changed(said))
            }
            Err(problem) => self.failed(problem),
        }
    }

    async fn read(&self) -> Result<Content<T>, FileError> {
        let text = self.text().await?;
        if text == self.good {
            return Ok(Content::Unchanged);
        }
        let (text, said) = parsed(text, self.parse).await?;
        Ok(Content::Changed(text, said))
    }

    async fn text(&self) -> Result<String, FileError> {
        tokio::fs::read_to_string(&self.path)
            .await
            .map_err(|error| FileError::Unreadable(format!("the file cannot be read: {error}")))
    }

    fn accept(&mut self, text: String) {
        info!(file = %self.path.display(), "the file was read");
        self.good = text;
        self.recovered();
    }

    fn unchanged(&mut self) -> Option<News<T>> {
        let restored = self.reported.is_some();
        self.recovered();
        restored.then(|| {
            info!(file = %self.path.display(), "the file is again what it was");
            News::Restored
        })
    }

    fn recovered(&mut self) {
        self.settle.succeeded();
        self.reported = None;
    }

    fn failed(&mut self, problem: FileError) -> Option<News<T>> {
        if self.reported.as_ref() == Some(&problem) || !self.settle.failed(Instant::now()) {
            return None;
        }
        error!(file = %self.path.display(), "{problem}; the last good content stays");
        self.reported = Some(problem);
        Some(News::Failed)
    }
}

/// A large file takes a while; other tasks should not wait for it.
async fn parsed<T: Send + 'static>(text: String, parse: Parse<T>) -> Result<(String, T), FileError> {
    let parse = move || parse(&text).map(|said| (text, said)).map_err(FileError::Wrong);
    let stopped = |error| Err(FileError::Unreadable(format!("reading was stopped: {error}")));
    tokio::task::spawn_blocking(parse).await.unwrap_or_else(stopped)
}

/// Waits until something is due; for ever if nothing is.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
