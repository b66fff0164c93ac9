//! What a client said of the responses that it was sent.

use super::Verdict;
use crate::xds::{Rejection, Version};
use std::collections::VecDeque;

/// The responses of one type on one stream, and what became of them.
#[derive(Debug, Default)]
pub(in crate::xds) struct Answers {
    /// Those without an answer, by nonce, the newest last.
    waiting: VecDeque<(u64, Version)>,
    sent: Option<(u64, Version)>,
    acknowledged: Option<Version>,
    rejected: Option<Box<Rejection>>,
}

impl Answers {
    /// A client that never answers makes us forget the oldest.
    const MOST_WAITING: usize = 256;
    /// There is room for so many, whether they are there or not.
    const USUALLY_WAITING: usize = 4;

    /// A response was sent.
    pub(in crate::xds) fn sent(&mut self, nonce: u64, version: Version) {
        if self.waiting.len() == Self::MOST_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((nonce, version));
        self.sent = Some((nonce, version));
    }

    /// Whether this is the nonce of the newest response; `None` when there was none yet, so that it means nothing.
    pub(in crate::xds) fn is_newest(&self, nonce: &str) -> Option<bool> {
        self.sent.map(|(sent, _)| nonce.parse() == Ok(sent))
    }

    /// Takes what a request says. One that says nothing bad of a response that has its answer already only subscribes.
    pub(in crate::xds) fn answer(&mut self, nonce: &str, error: Option<String>) -> Verdict {
        let answered = nonce.parse().ok().and_then(|nonce| self.answered(nonce));
        match (error, answered) {
            (Some(reason), version) => {
                self.rejected = Some(Box::new(Rejection::new(version.or_else(|| self.rejected_before()), &reason)));
                Verdict::Nack(reason)
            }
            (None, Some(version)) => {
                self.acknowledged = Some(version);
                Verdict::Ack
            }
            (None, None) => Verdict::None,
        }
    }

    /// The version of the last response.
    pub(in crate::xds) fn last_sent(&self) -> Option<Version> {
        self.sent.map(|(_, version)| version)
    }

    /// The version of the last response that was accepted.
    pub(in crate::xds) fn last_acknowledged(&self) -> Option<Version> {
        self.acknowledged
    }

    /// The last response that was rejected.
    pub(in crate::xds) fn last_rejected(&self) -> Option<&Rejection> {
        self.rejected.as_deref()
    }

    /// The version of a response that has no answer yet. Older ones will not get any more: clients answer in order.
    fn answered(&mut self, nonce: u64) -> Option<Version> {
        let at = self.waiting.binary_search_by_key(&nonce, |(waiting, _)| *waiting).ok()?;
        let (_, version) = self.waiting.drain(..=at).next_back()?;
        if self.waiting.is_empty() {
            self.waiting.shrink_to(Self::USUALLY_WAITING);
        }
        Some(version)
    }

    /// A client may reject one response several times.
    fn rejected_before(&self) -> Option<Version> {
        self.rejected.as_ref()?.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64) -> Version {
        Version::of(&number.to_be_bytes())
    }

    fn sent(count: u64) -> Answers {
        let mut answers = Answers::default();
        (1..=count).for_each(|nonce| answers.sent(nonce, version(nonce)));
        answers
    }

    #[test]
    fn an_answer_belongs_to_the_response_with_its_nonce() {
        let mut answers = sent(3);
        assert_eq!(answers.answer("1", None), Verdict::Ack);
        assert_eq!(answers.last_acknowledged(), Some(version(1)));
        assert_eq!(answers.answer("2", Some("bad".into())), Verdict::Nack("bad".into()));
        assert_eq!(answers.last_rejected(), Some(&Rejection::new(Some(version(2)), "bad")));
        assert_eq!(answers.answer("3", None), Verdict::Ack);
        assert_eq!(answers.last_acknowledged(), Some(version(3)));
        assert_eq!(answers.last_sent(), Some(version(3)));
    }

    #[test]
    fn a_request_after_a_rejection_does_not_accept_what_was_rejected() {
        let mut answers = sent(1);
        answers.answer("1", Some("bad".into()));
        assert_eq!(answers.answer("1", None), Verdict::None);
        assert_eq!(answers.last_acknowledged(), None);
    }

    #[test]
    fn a_nonce_that_was_never_sent_accepts_nothing() {
        let mut answers = sent(1);
        for nonce in ["", "0", "2", "-1", "one"] {
            assert_eq!(answers.answer(nonce, None), Verdict::None, "{nonce}");
        }
        assert_eq!(answers.last_acknowledged(), None);
    }

    #[test]
    fn a_client_that_never_answers_costs_no_more() {
        let mut answers = sent(10_000);
        assert_eq!(answers.waiting.len(), Answers::MOST_WAITING);
        assert_eq!(answers.answer("1", None), Verdict::None);
        assert_eq!(answers.answer("10000", None), Verdict::Ack);
        assert!(answers.waiting.capacity() < 8);
    }

    #[test]
    fn of_a_long_reason_the_beginning_is_kept() {
        let mut answers = sent(1);
        answers.answer("1", Some("é".repeat(5_000)));
        let kept = answers.last_rejected().unwrap().reason.clone();
        assert_eq!(&*kept, "é".repeat(Rejection::LONGEST_REASON / 2));
    }
}
