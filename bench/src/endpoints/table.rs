//! The report for people.

use std::fmt::{self, Display, Formatter};

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::processors::Processors;
use super::ratio::Ratio;
use super::report::{Comparison, Ratios, Row};

/// Everything that is printed of a matrix.
pub struct Printed<'a> {
    /// The cases.
    pub comparisons: &'a [Comparison],
    /// Where they ran.
    pub processors: &'a Processors,
}

impl Display for Printed<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let processors = self.processors;
        writeln!(
            formatter,
            "One endpoint changes. Latency: until the last client has sent its acknowledgement. One connection per \
             stream. Processors: servers {}, load {}. Ratio: evenkeel / go-control-plane.\n{}",
            processors.of_servers(),
            processors.of_load(),
            matrix(self.comparisons)
        )?;
        writeln!(formatter, "{}", noise(self.comparisons))?;
        write!(formatter, "{}", aims(self.comparisons))
    }
}

fn matrix(comparisons: &[Comparison]) -> Table {
    let mut table = table([
        "transport",
        "endpoints",
        "streams",
        "server",
        "pushes",
        "p50 ms",
        "p99 ms",
        "CPU ms/push",
        "in kernel",
        "RSS MB",
        "peak MB",
        "MB/push",
    ]);
    for comparison in comparisons {
        table.add_row(row(&comparison.ours)).add_row(row(&comparison.theirs)).add_row(ratios(&comparison.ratios));
    }
    table
}

fn row(row: &Row) -> [String; 12] {
    [
        row.transport.name().to_owned(),
        row.endpoints.to_string(),
        row.streams.to_string(),
        row.server.name().to_owned(),
        row.pushes.to_string(),
        format!("{:.2}", row.p50_ms),
        format!("{:.2}", row.p99_ms),
        format!("{:.2}", row.cpu_s_per_push * 1e3),
        row.kernel_cpu_share.map_or_else(String::new, |share| format!("{:.0} %", share * 1e2)),
        format!("{:.1}", row.rss_mb),
        format!("{:.1}", row.peak_rss_mb),
        format!("{:.3}", row.bytes / 1e6),
    ]
}

fn ratios(ratios: &Ratios) -> [String; 12] {
    let nothing = String::new;
    let exact = |ratio: &Ratio| format!("{:.2}", ratio.value);
    [
        nothing(),
        nothing(),
        nothing(),
        "ratio".to_owned(),
        nothing(),
        interval(&ratios.p50),
        interval(&ratios.p99),
        interval(&ratios.cpu),
        nothing(),
        exact(&ratios.rss),
        exact(&ratios.peak_rss),
        exact(&ratios.bytes),
    ]
}

/// The ratio and its 95 % confidence interval.
fn interval(ratio: &Ratio) -> String {
    format!("{:.2} ({:.2}-{:.2})", ratio.value, ratio.low, ratio.high)
}

/// Names the cases whose difference could be chance.
fn noise(comparisons: &[Comparison]) -> String {
    let lost: Vec<String> = comparisons.iter().flat_map(lost_in_noise).collect();
    if lost.is_empty() {
        return "In brackets: 95 % confidence interval. No difference is smaller than the noise.".to_owned();
    }
    format!("In brackets: 95 % confidence interval. The noise is larger than the difference of: {}.", lost.join(", "))
}

fn lost_in_noise(comparison: &Comparison) -> Vec<String> {
    let Comparison { case, ratios, .. } = comparison;
    let all = [("p50", ratios.p50), ("p99", ratios.p99), ("CPU", ratios.cpu)];
    let lost = all.into_iter().filter(|(_, ratio)| ratio.is_noise());
    lost.map(|(name, _)| format!("{name} of {} {} x {}", case.transport.name(), case.streams, case.endpoints)).collect()
}

fn aims(comparisons: &[Comparison]) -> Table {
    let mut table = table(["aim", "ratio", "at most", ""]);
    for comparison in comparisons {
        for (name, aim, ratio) in comparison.aims() {
            let what = format!("{name}, {}, 1,000 streams x 10,000 endpoints", comparison.case.transport.name());
            table.add_row([what, interval(&ratio), aim.to_string(), ratio.verdict(aim).name().to_owned()]);
        }
    }
    table
}

/// Names to the left, numbers to the right.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
