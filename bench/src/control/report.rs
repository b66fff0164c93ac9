//! What came of all loads.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::case::Case;

/// All rows.
#[derive(Debug)]
pub struct Report {
    /// In the order of the runs.
    pub rows: Vec<Row>,
}

/// One load in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    #[serde(flatten)]
    case: Case,
    reports_per_s: f64,
    /// Of one core.
    cpu_percent: f64,
    us_per_report: f64,
    rss_mb: f64,
}

impl Row {
    /// From what was seen within `time`.
    pub fn new(case: Case, time: Duration, cpu: Duration, reports: u64, memory: u64) -> Self {
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        Self {
            case,
            reports_per_s: tenths(reports as f64 / time.as_secs_f64()),
            cpu_percent: tenths(100.0 * cpu.as_secs_f64() / time.as_secs_f64()),
            us_per_report: tenths(1e6 * cpu.as_secs_f64() / (reports as f64).max(1.0)),
            rss_mb: tenths(memory as f64 / 1e6),
        }
    }

    fn cells(&self) -> [String; 8] {
        let Case { proxies, groups, .. } = self.case;
        [
            proxies.to_string(),
            groups.to_string(),
            self.case.state().to_owned(),
            format!("{:.0}", self.reports_per_s),
            format!("{:.1} %", self.cpu_percent),
            format!("{:.0}", self.us_per_report),
            format!("{:.0}", self.rss_mb),
            format!("<= {:.0} %: {}", self.case.goal(), if self.is_met() { "met" } else { "not met" }),
        ]
    }

    fn is_met(&self) -> bool {
        self.cpu_percent <= self.case.goal()
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        let header = ["proxies", "groups", "state", "reports/s", "CPU of a core", "µs/report", "RSS MB", "goal"];
        table.load_preset(ASCII_MARKDOWN).set_header(header);
        table.add_rows(self.rows.iter().map(Row::cells));
        for column in table.column_iter_mut().skip(3).take(4) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        write!(
            formatter,
            "Reports to one control plane, each proxy with a connection and an address of its own\n{table}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_per_second_and_of_one_core() {
        let second = Duration::from_secs(10);
        let row = Row::new(Case::ALL[0], second, Duration::from_millis(900), 10_000, 50_000_000);
        let expected = ["10000", "100", "Balanced", "1000", "9.0 %", "90", "50", "<= 10 %: met"];
        assert_eq!(row.cells(), expected);
        assert!(!Row::new(Case::ALL[0], second, Duration::from_millis(1100), 10_000, 0).is_met());
    }
}
