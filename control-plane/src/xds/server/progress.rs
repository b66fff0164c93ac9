//! How far the client of one stream is.

use crate::xds::ResourceType;
use crate::xds::stream::{Received, Verdict};
use std::time::{Duration, Instant};

/// When the response that a client has not answered yet became due, for each type. Of several only the last one counts.
#[derive(Debug, Default)]
pub(super) struct Progress {
    unanswered: [Option<Instant>; ResourceType::ALL.len()],
}

impl Progress {
    /// A response that became due at this time is sent.
    pub(super) fn sent(&mut self, resource_type: ResourceType, due: Instant) {
        *self.unanswered(resource_type) = Some(due);
    }

    /// The client has said something. If it accepts a response, says which type and how long that took.
    pub(super) fn received(&mut self, received: &Received, now: Instant) -> Option<(ResourceType, Duration)> {
        let resource_type = received.resource_type?;
        match received.verdict {
            Verdict::None | Verdict::Stale => None,
            Verdict::Nack(_) => {
                *self.unanswered(resource_type) = None;
                None
            }
            Verdict::Ack => {
                let due = self.unanswered(resource_type).take()?;
                Some((resource_type, now.saturating_duration_since(due)))
            }
        }
    }

    fn unanswered(&mut self, resource_type: ResourceType) -> &mut Option<Instant> {
        &mut self.unanswered[resource_type.place()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDS: ResourceType = ResourceType::ClusterLoadAssignment;
    const SECOND: Duration = Duration::from_secs(1);

    fn received(verdict: Verdict) -> Received {
        Received { resource_type: Some(EDS), verdict }
    }

    #[test]
    fn an_ack_converges_once() {
        let (mut progress, start) = (Progress::default(), Instant::now());
        assert_eq!(progress.received(&received(Verdict::Ack), start), None);
        progress.sent(EDS, start);
        assert_eq!(progress.received(&received(Verdict::None), start), None);
        assert_eq!(progress.received(&received(Verdict::Stale), start), None);
        assert_eq!(progress.received(&received(Verdict::Ack), start + SECOND), Some((EDS, SECOND)));
        assert_eq!(progress.received(&received(Verdict::Ack), start + SECOND), None);
    }

    #[test]
    fn a_rejected_response_never_converges() {
        let (mut progress, start) = (Progress::default(), Instant::now());
        progress.sent(EDS, start);
        assert_eq!(progress.received(&received(Verdict::Nack("no".into())), start), None);
        assert_eq!(progress.received(&received(Verdict::Ack), start), None);
    }
}
