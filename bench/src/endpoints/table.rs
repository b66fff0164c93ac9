//! The report for people.

use std::fmt::{self, Display, Formatter};

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::cold_start::ColdStart;
use super::ratio::Ratio;
use super::report::{Comparison, Ratios, Report, Row};

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (servers, load) = (self.processors.of_servers(), self.processors.of_load());
        writeln!(
            formatter,
            "One endpoint changes. Latency: until the last client has sent its acknowledgement. One connection per \
             stream. The next change waits until the server rests. Processors: servers {servers}, load {load}. Ratio: \
             evenkeel / go-control-plane.\n{}\n{}\n",
            matrix(&self.comparisons),
            noise(&self.comparisons)
        )?;
        writeln!(formatter, "Cold start from a kube-apiserver, median of the runs\n{}\n", start(&self.cold_start))?;
        write!(formatter, "{}", aims(self))
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

fn start(cold_start: &ColdStart) -> Table {
    let row = cold_start.row();
    let mut table = table(["services x endpoints", "", "s", "CPU s", "RSS MB", "peak MB"]);
    let size = format!("{} x {}", row.services, row.endpoints);
    let seconds = |milliseconds: f64| format!("{:.2}", milliseconds / 1e3);
    let megabytes = |megabytes: f64| format!("{megabytes:.0}");
    let cpu = format!("{:.2}", row.cpu_s_per_push);
    let (rss, peak, bare_peak) =
        (megabytes(row.rss_mb), megabytes(row.peak_rss_mb), megabytes(row.bare_list_peak_rss_mb));
    table.add_row([size, "evenkeel, first complete answer".to_owned(), seconds(row.p50_ms), cpu, rss, peak]);
    let bare = "bare paged list".to_owned();
    table.add_row([String::new(), bare, seconds(row.bare_list_p50_ms), String::new(), String::new(), bare_peak]);
    table
}

fn aims(report: &Report) -> Table {
    let mut table = table(["aim", "measured", "at most", ""]);
    for comparison in &report.comparisons {
        for (name, aim, ratio) in comparison.aims() {
            let what = format!("{name}, {}, 1,000 streams x 10,000 endpoints", comparison.case.transport.name());
            table.add_row([what, interval(&ratio), aim.to_string(), ratio.verdict(aim).name().to_owned()]);
        }
    }
    for (name, aim, measured) in report.cold_start.aims() {
        table.add_row([name.to_owned(), interval(&measured), aim.to_string(), measured.verdict(aim).name().to_owned()]);
    }
    table
}

/// Names to the left, numbers to the right.
fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
