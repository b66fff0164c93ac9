//! How far a long run is: a bar on a terminal, a few plain lines elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::Instant;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// Progress of one phase, on standard error.
#[derive(Debug)]
pub struct Progress {
    label: &'static str,
    steps: u64,
    done: u64,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A phase of this many steps.
    ///
    /// # Errors
    /// Never, unless the style of the bar is wrong.
    pub fn start(label: &'static str, steps: u64) -> Result<Self> {
        let bar = stderr().is_terminal().then(|| bar(label, steps)).transpose()?;
        Ok(Self { label, steps, done: 0, since: Instant::now(), bar })
    }

    /// One more step is done.
    pub fn step(&mut self) {
        let tenths = |steps: u64| steps * 10 / self.steps.max(1);
        let before = tenths(self.done);
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if tenths(self.done) > before => self.line(),
            None => {}
        }
    }

    fn line(&self) {
        eprintln!("{}: {} of {} after {:.0} s", self.label, self.done, self.steps, self.since.elapsed().as_secs_f64());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(label: &'static str, steps: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg:28} {wide_bar} {pos}/{len}, {eta} left")?;
    Ok(ProgressBar::new(steps).with_style(style).with_message(label))
}
