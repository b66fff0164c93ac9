//! When the server ends a stream by itself.

use super::limits::Limits;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};
use tonic::Status;

/// First for the client's first message, then for the age of the stream.
#[derive(Debug)]
pub(super) struct Deadline {
    opened: Instant,
    spoke: bool,
    age: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// Why the server ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing was ever said on it.
    Silence,
    /// It is old.
    Age,
    /// The server stops.
    Shutdown,
}

impl Deadline {
    pub(super) fn new(limits: &Limits) -> Self {
        let age = limits.stream_age.map(jittered);
        let first = age.map_or(limits.silence, |age| age.min(limits.silence));
        Self { opened: Instant::now(), spoke: false, age, timer: Some(Box::pin(sleep(first))) }
    }

    /// The client has said something.
    pub(super) fn spoke(&mut self) {
        if !self.spoke {
            self.spoke = true;
            self.wait_for_age();
        }
    }

    fn wait_for_age(&mut self) {
        match (self.age, &mut self.timer) {
            (Some(age), Some(timer)) => timer.as_mut().reset(self.opened + age),
            _ => self.timer = None,
        }
    }

    /// Waits until the stream has to end.
    pub(super) async fn passed(&mut self) -> End {
        match &mut self.timer {
            Some(timer) => timer.await,
            None => std::future::pending().await,
        }
        if self.spoke { End::Age } else { End::Silence }
    }
}

/// Up to a tenth less.
fn jittered(age: Duration) -> Duration {
    age.mul_f64(rand::random_range(0.9..=1.0))
}

impl End {
    /// For metrics.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Age => "age",
            Self::Shutdown => "shutdown",
        }
    }

    /// What the client is told.
    pub(super) fn status(self) -> Status {
        match self {
            Self::Silence => Status::deadline_exceeded("the stream is open for too long without a first request"),
            Self::Age => Status::unavailable("the stream has reached its age; open another"),
            Self::Shutdown => Status::unavailable("the server is shutting down"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(stream_age: Option<u64>) -> Limits {
        let stream_age = stream_age.map(Duration::from_secs);
        Limits { stream_age, silence: Duration::from_mins(1), ..Limits::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_on_which_nothing_is_said_ends_early() {
        let start = Instant::now();
        assert_eq!(Deadline::new(&limits(Some(600))).passed().await, End::Silence);
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_used_ends_by_age_counted_from_its_start() {
        let start = Instant::now();
        let mut deadline = Deadline::new(&limits(Some(600)));
        sleep(Duration::from_secs(30)).await;
        deadline.spoke();
        assert_eq!(deadline.passed().await, End::Age);
        assert!((540..=600).contains(&start.elapsed().as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_age_it_never_ends() {
        let mut deadline = Deadline::new(&limits(None));
        deadline.spoke();
        assert!(tokio::time::timeout(Duration::from_secs(1_000_000), deadline.passed()).await.is_err());
    }
}
