//! Groups as tables for people.

use crate::rebalance::status::{GroupStatus, MemberStatus};
use comfy_table::{CellAlignment, Table};
use std::time::Duration;

const GROUP: [&str; 9] = ["GROUP", "STATE", "MEMBERS", "LIVE", "DRAINING", "IMBALANCE", "EXCESS", "CLOSES", "SINCE"];
const MEMBER: [&str; 10] =
    ["ADDRESS", "POD", "LIVE", "DRAINING", "SHARE", "EXPECTED", "EXCESS", "LANDING", "WEIGHT", "REPORTED"];
/// So many columns are words; the numbers after them stand to the right.
const WORDS: usize = 2;

/// A line for each group.
pub fn overview(groups: &[GroupStatus]) -> String {
    if groups.is_empty() {
        return "No proxy has reported yet.".to_owned();
    }
    written(&GROUP, groups.iter().map(group))
}

/// One group, why it is in its state, and a line for each of its pods.
pub fn details(status: &GroupStatus) -> String {
    let overview = overview(std::slice::from_ref(status));
    let members = written(&MEMBER, status.members.iter().map(member));
    format!("{overview}\n\n{}: {}\n\n{members}", status.state, status.reason)
}

fn group(status: &GroupStatus) -> Vec<String> {
    vec![
        status.group.clone(),
        status.state.to_string(),
        status.members.len().to_string(),
        status.live.to_string(),
        status.draining.to_string(),
        format!("{:.2}", status.imbalance),
        format!("{:.0}", status.excess),
        status.closes.to_string(),
        seconds(status.since),
    ]
}

fn member(status: &MemberStatus) -> Vec<String> {
    vec![
        status.address.to_string(),
        if status.pod.is_empty() { "-".to_owned() } else { status.pod.clone() },
        status.live.to_string(),
        status.draining.to_string(),
        number(status.share, 1),
        number(status.expected, 1),
        number(status.excess, 1),
        number(status.landing, 3),
        format!("{:.2}", status.weight),
        status.last_report_seconds.map_or("never".to_owned(), |age| format!("{} ago", seconds(age))),
    ]
}

fn number(number: Option<f64>, digits: usize) -> String {
    number.map_or("-".to_owned(), |number| format!("{number:.digits$}"))
}

/// Such as `1m10s`.
fn seconds(seconds: f64) -> String {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string().replace(' ', "")
}

fn written(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(header).add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index >= WORDS {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebalance::Mode;
    use crate::rebalance::status::State;

    fn member(address: &str, share: Option<f64>) -> MemberStatus {
        MemberStatus {
            address: address.parse().unwrap(),
            pod: share.map_or_else(String::new, |_| "gateway-1".to_owned()),
            live: 120,
            draining: 7,
            share,
            expected: share.map(|share| share + 20.0),
            excess: share.map(|_| 10.25),
            landing: share.map(|_| 0.5),
            weight: 1.0,
            reports: 3,
            last_report_seconds: share.map(|_| 0.4),
        }
    }

    fn gateway() -> GroupStatus {
        GroupStatus {
            group: "istio-system/gateway".to_owned(),
            state: State::Rebalancing,
            reason: "10.1.0.2 lacks connections".to_owned(),
            mode: Mode::Enforce,
            members: vec![member("10.1.0.1", Some(100.0)), member("10.1.0.2", None)],
            live: 240,
            draining: 14,
            imbalance: 1.2,
            excess: 10.4,
            closes: 33,
            since: 70.9,
            interval: 1.0,
            returning: 4.0,
        }
    }

    #[test]
    fn a_group_is_a_line() {
        let table = overview(&[gateway()]);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let values = ["istio-system/gateway", "Rebalancing", "2", "240", "14", "1.20", "10", "33", "1m10s"];
        assert_eq!(lines, [GROUP.to_vec(), values.to_vec()]);
        assert_eq!(overview(&[]), "No proxy has reported yet.");
    }

    #[test]
    fn one_group_has_its_reason_and_its_pods() {
        let table = details(&gateway());
        assert!(table.contains("Rebalancing: 10.1.0.2 lacks connections"), "{table}");
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(lines.contains(&MEMBER.to_vec()), "{table}");
        let known = ["10.1.0.1", "gateway-1", "120", "7", "100.0", "120.0", "10.2", "0.500", "1.00", "0s", "ago"];
        assert!(lines.contains(&known.to_vec()), "{table}");
        assert!(lines.contains(&vec!["10.1.0.2", "-", "120", "7", "-", "-", "-", "-", "1.00", "never"]), "{table}");
    }
}
