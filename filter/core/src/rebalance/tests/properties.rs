//! Whatever happens in whatever order.

use std::time::Duration;

use evenkeel_proto::rebalance::ReportRequest;
use proptest::prelude::*;

use super::proxy::{Proxy, Worker, directive, unlimited};
use crate::caps::Draw;
use crate::connections::{ConnectionId, Connections, Load};
use crate::rebalance::{Participant, WorkerId};

#[derive(Debug, Clone)]
enum Event {
    Open(usize),
    Close(usize, u32),
    Tick(usize),
    Wait(u16),
    Answer { revision: u64, drains: u64 },
    Fail,
    Die(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let worker = 0..4_usize;
    prop_oneof![
        4 => worker.clone().prop_map(Event::Open),
        1 => (worker.clone(), 0..60_u32).prop_map(|(worker, id)| Event::Close(worker, id)),
        6 => worker.clone().prop_map(Event::Tick),
        3 => (0..500_u16).prop_map(Event::Wait),
        2 => (0..30_u64, 0..40_u64).prop_map(|(revision, drains)| Event::Answer { revision, drains }),
        1 => Just(Event::Fail),
        1 => worker.prop_map(Event::Die),
    ]
}

proptest! {
    /// Whatever happens in whatever order: never more drains than the most that a followed directive has allowed, counters
    /// only grow and never exceed what happened, report numbers have no gaps.
    #[test]
    fn nothing_is_drained_that_was_not_allowed(events in proptest::collection::vec(event(), 0..300)) {
        let mut proxy = Proxy::new(unlimited(), &[0; 4]);
        let (mut allowed, mut drained, mut accepted) = (0, 0, 0);
        let mut last = ReportRequest::default();
        for event in events {
            match event {
                Event::Open(worker) => { proxy.open(worker); accepted += 1; }
                Event::Close(worker, id) => proxy.workers[worker].connections.closed(ConnectionId(id)),
                Event::Wait(milliseconds) => proxy.now = proxy.now.plus(Duration::from_millis(milliseconds.into())),
                Event::Tick(worker) => {
                    let turn = proxy.tick(worker);
                    drained += turn.choice.rebalance.len() as u64;
                    if let Some((report, _)) = turn.report {
                        prop_assert_eq!(report.sequence, last.sequence + 1);
                        prop_assert!(report.accepted >= last.accepted && report.accepted <= accepted);
                        prop_assert!(report.drained >= last.drained && report.drained == drained);
                        last = report;
                    }
                }
                Event::Answer { revision, drains } if proxy.instance.is_some() => {
                    let obeyed = proxy.answer(last.sequence, &directive(revision, drains)).obeyed;
                    allowed = if obeyed { allowed.max(drains) } else { allowed };
                }
                Event::Fail if proxy.instance.is_some() => {
                    let now = proxy.now;
                    proxy.change(|instance, settings| instance.unanswered(now, last.sequence, settings, Draw::NONE));
                }
                Event::Die(worker) => {
                    let id = WorkerId(1000 + u64::from(proxy.next_id));
                    proxy.workers[worker] = Worker { connections: Connections::default(), participant: Participant::new(id, Load::default()) };
                }
                _ => {}
            }
            prop_assert!(drained <= allowed, "{} drained, {} allowed", drained, allowed);
        }
    }
}
