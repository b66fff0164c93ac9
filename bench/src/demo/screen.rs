//! What the reader sees while a run goes on: live lines in a terminal, else one plain line per second.

use std::io::{IsTerminal, stdout};

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::frame::{Frame, GatewayFrame};

/// Where frames go; results and headings are printed by whoever has them.
#[derive(Debug)]
pub enum Screen {
    /// Lines that are drawn over.
    Live(LiveLines),
    /// A line per second.
    Plain(PlainLines),
}

impl Screen {
    /// For a run with this many gateways at most and this many clients.
    pub fn new(gateways: usize, clients: usize) -> Result<Self> {
        if stdout().is_terminal() {
            Ok(Self::Live(LiveLines::new(gateways, clients)?))
        } else {
            Ok(Self::Plain(PlainLines::default()))
        }
    }

    /// Shows a frame.
    pub fn show(&mut self, frame: &Frame) {
        match self {
            Self::Live(lines) => lines.show(frame),
            Self::Plain(lines) => lines.show(frame),
        }
    }
}

/// What was printed last.
#[derive(Debug, Default)]
pub struct PlainLines {
    status: String,
    second: Option<u64>,
}

impl PlainLines {
    fn show(&mut self, frame: &Frame) {
        if self.status != frame.status {
            self.status.clone_from(&frame.status);
            println!("  {}", frame.status);
        }
        let second = frame.at.as_secs();
        if self.second.replace(second) != Some(second) {
            println!("{}", frame.plain_line());
        }
    }
}

/// One line that says what happens, one per gateway, one with the totals.
#[derive(Debug)]
pub struct LiveLines {
    status: ProgressBar,
    gateways: Vec<ProgressBar>,
    totals: ProgressBar,
}

impl LiveLines {
    fn new(gateways: usize, clients: usize) -> Result<Self> {
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let text = ProgressStyle::with_template("  {msg}")?;
        let bar = ProgressStyle::with_template("  {prefix}  {bar:34.cyan/black.bright} {msg}")?;
        let bar = bar.progress_chars("━━─");
        let add = |length, style: &ProgressStyle| lines.add(ProgressBar::new(length).with_style(style.clone()));
        let status = add(0, &text);
        let gateway = |number: usize| add(clients as u64, &bar).with_prefix(format!("gateway {}", number + 1));
        let gateways = (0..gateways).map(gateway).collect();
        let totals = add(0, &text);
        Ok(Self { status, gateways, totals })
    }

    fn show(&self, frame: &Frame) {
        self.status.set_message(frame.status.clone());
        for (line, gateway) in self.gateways.iter().zip(&frame.gateways) {
            line.set_position(gateway.connections);
            line.set_message(gateway.figures());
        }
        for line in self.gateways.iter().skip(frame.gateways.len()) {
            line.set_message(GatewayFrame::ABSENT);
        }
        self.totals.set_message(frame.totals());
    }
}

/// Leaves the last frame where it is, also when the run breaks off.
impl Drop for LiveLines {
    fn drop(&mut self) {
        self.status.abandon();
        self.gateways.iter().for_each(ProgressBar::abandon);
        self.totals.abandon();
        // The cursor is left at the end of the last line.
        println!();
    }
}
