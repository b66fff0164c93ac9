use super::*;
use proptest::prelude::*;

fn at(seconds: u64) -> Time {
    Time::from_nanoseconds(seconds * 1_000_000_000)
}

fn wall() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn candidate(name: &str) -> Election {
    Election::new(name.to_owned(), Timing::default())
}

/// Reads the Lease, writes what is to be written, and says whether the candidate leads then.
fn attempt(candidate: &mut Election, lease: &mut Option<LeaseSpec>, second: u64) -> bool {
    let (now, wall) = (at(second), Timestamp::from_second(second.cast_signed()).unwrap());
    candidate.observe(now, lease.clone());
    if let Some(bid) = candidate.bid(now, wall) {
        *lease = Some(bid.clone());
        candidate.written(now, bid);
    }
    candidate.leadership().term(now).is_some()
}

#[test]
fn the_first_gets_the_lease_and_keeps_it_as_long_as_it_renews() {
    let (mut a, mut b, mut lease) = (candidate("a"), candidate("b"), None);
    for second in (0..100).step_by(2) {
        assert!(attempt(&mut a, &mut lease, second));
        assert!(!attempt(&mut b, &mut lease, second + 1));
    }
    assert_eq!((b.holder(), lease.unwrap().lease_transitions), ("a", Some(0)));
}

#[test]
fn a_lease_that_is_not_renewed_is_free_after_its_duration_and_not_before() {
    let (mut a, mut b, mut lease) = (candidate("a"), candidate("b"), None);
    assert!(attempt(&mut a, &mut lease, 0));
    assert!(!attempt(&mut b, &mut lease, 4));
    assert!(attempt(&mut a, &mut lease, 5));
    // It is counted from when the last change was seen.
    assert!(!attempt(&mut b, &mut lease, 6));
    assert!(!attempt(&mut b, &mut lease, 20));
    assert!(attempt(&mut b, &mut lease, 21));
    assert_eq!(lease.clone().unwrap().lease_transitions, Some(1));
    assert!(!attempt(&mut a, &mut lease, 22));
}

#[test]
fn whoever_cannot_renew_stops_before_another_can_begin() {
    let (mut a, mut lease) = (candidate("a"), None);
    assert!(attempt(&mut a, &mut lease, 0));
    let Timing { lease: duration, renew_deadline, .. } = Timing::default();
    assert_eq!(a.leadership().end(), at(0).plus(renew_deadline));
    assert!(renew_deadline < duration);
}

#[test]
fn a_gap_begins_another_term_also_if_nobody_else_has_led() {
    let (mut a, mut lease) = (candidate("a"), None);
    let term = |a: &Election, second| a.leadership().term(at(second));
    assert!(attempt(&mut a, &mut lease, 0) && attempt(&mut a, &mut lease, 9));
    assert_eq!((term(&a, 0), term(&a, 18), term(&a, 19)), (Some(1), Some(1), None));
    assert!(attempt(&mut a, &mut lease, 30));
    assert_eq!(term(&a, 30), Some(2));
}

#[test]
fn a_lease_that_was_released_is_free_at_once() {
    let (mut a, mut b, mut lease) = (candidate("a"), candidate("b"), None);
    assert!(attempt(&mut a, &mut lease, 0));
    assert!(!attempt(&mut b, &mut lease, 1));
    lease = a.release(wall());
    assert_eq!((a.leadership(), b.release(wall())), (Leadership::NONE, None));
    assert!(attempt(&mut b, &mut lease, 2));
}

#[test]
fn a_lease_that_somebody_deleted_is_made_again() {
    let (mut a, mut lease) = (candidate("a"), None);
    assert!(attempt(&mut a, &mut lease, 0));
    lease = None;
    assert!(attempt(&mut a, &mut lease, 2));
    assert!(lease.is_some());
}

#[test]
fn the_holder_says_how_long_it_holds() {
    let long = Timing { lease: Duration::from_mins(1), ..Timing::default() };
    let (mut a, mut b, mut lease) = (Election::new("a".to_owned(), long), candidate("b"), None);
    assert!(attempt(&mut a, &mut lease, 0));
    assert!(!attempt(&mut b, &mut lease, 1));
    assert!(!attempt(&mut b, &mut lease, 60));
    assert!(attempt(&mut b, &mut lease, 61));
}

#[test]
fn durations_have_to_go_together() {
    let timing = |lease, renew_deadline, retry| {
        let [lease, renew_deadline, retry] = [lease, renew_deadline, retry].map(Duration::from_millis);
        Timing { lease, renew_deadline, retry }.check().map_err(|error| error.to_string())
    };
    assert!(Timing::default().check().is_ok() && timing(1000, 800, 200).is_ok());
    assert!(timing(1500, 800, 200).unwrap_err().contains("1.5s is not a whole number of seconds"));
    assert!(timing(2000, 2000, 200).unwrap_err().contains("renew deadline 2s is not shorter"));
    assert!(timing(2000, 1000, 600).unwrap_err().contains("retry period 600ms"));
    assert!(timing(2000, 1000, 0).is_err() && timing(0, 0, 0).is_err());
}

/// What a candidate does at one moment.
#[derive(Clone, Debug)]
enum Act {
    /// It reads and writes; the answer to the write may be lost.
    Attempt { answered: bool },
    /// It reads, then pauses: it writes later, if nobody has written meanwhile.
    Late,
    /// It ends and gives up what it has.
    Release,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => any::<bool>().prop_map(|answered| Act::Attempt { answered }),
        1 => Just(Act::Late),
        1 => Just(Act::Release),
    ]
}

/// The API server: a write counts only if it is based on the newest version.
#[derive(Default)]
struct Server {
    lease: Option<LeaseSpec>,
    version: u64,
}

impl Server {
    fn write(&mut self, lease: LeaseSpec, based_on: u64) -> bool {
        let newest = based_on == self.version;
        if newest {
            self.lease = Some(lease);
            self.version += 1;
        }
        newest
    }
}

proptest! {
    #[test]
    fn at_most_one_leads_at_any_time(acts in prop::collection::vec((0..3usize, act(), 0..12u64), 0..60)) {
        let mut candidates = ["a", "b", "c"].map(candidate);
        let mut late: [Option<(Time, u64, LeaseSpec)>; 3] = [None, None, None];
        let (mut server, mut second) = (Server::default(), 0);
        for (who, act, pause) in acts {
            second += pause;
            let (candidate, now) = (&mut candidates[who], at(second));
            // A renewal changes the Lease, whatever the time of day is.
            let wall = Timestamp::from_second(second.cast_signed()).unwrap();
            if let Some((begun, version, bid)) = late[who].take() && server.write(bid.clone(), version) {
                candidate.written(begun, bid);
            }
            candidate.observe(now, server.lease.clone());
            let bid = candidate.bid(now, wall);
            match act {
                Act::Late => late[who] = bid.map(|bid| (now, server.version, bid)),
                Act::Attempt { answered } => {
                    if let Some(bid) = bid && server.write(bid.clone(), server.version) && answered {
                        candidate.written(now, bid);
                    }
                }
                Act::Release => {
                    if let Some(released) = candidate.release(wall) {
                        server.write(released, server.version);
                    }
                }
            }
            let leading = candidates.iter().filter(|one| one.leadership().term(now).is_some()).count();
            prop_assert!(leading <= 1, "{leading} lead at {second} s");
        }
    }
}
