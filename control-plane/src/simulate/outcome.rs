//! What a simulation has shown.

use crate::rebalance::State;
use serde::Serialize;
use std::fmt::{self, Write};

/// Lines of the printed curve at most.
const LINES: usize = 60;

/// The result of a simulation. Times are in seconds after the clients have connected.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Connections that clients want to have.
    pub connections: u64,
    /// Connections that were told to go so that the pods become even.
    pub closes: u64,
    /// Of these, after the last event that changed pods or weights.
    pub closes_after: u64,
    /// When that event was over and had settled, if there was one.
    pub settled: Option<f64>,
    /// The time from then until the pods were even, and stayed so for three seconds.
    pub seconds_to_even: Option<f64>,
    /// The closes after that event per connection.
    pub closes_per_connection: f64,
    /// The fewest that anyone could have done with, who closes the next one when the last one has landed.
    pub optimum_closes_per_connection: f64,
    /// How the state changed.
    pub states: Vec<Change>,
    /// The curve.
    pub samples: Vec<Sample>,
}

/// A change of the state.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// When.
    pub seconds: f64,
    /// To what.
    pub state: State,
    /// Why.
    pub reason: String,
}

/// The pods at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// When.
    pub seconds: f64,
    /// Ready pods.
    pub pods: usize,
    /// The largest load of a ready pod in terms of its share.
    pub max: f64,
    /// The smallest.
    pub min: f64,
    /// Whether all are within the policy's bounds.
    pub even: bool,
    /// Connections that were told to go so far.
    pub closes: u64,
}

impl Outcome {
    /// The closes in terms of the fewest possible; `None` where none were needed.
    pub fn ratio(&self) -> Option<f64> {
        let optimum = self.optimum_closes_per_connection;
        (optimum > 0.0).then(|| self.closes_per_connection / optimum)
    }

    /// Whether the group was ever in this state.
    pub fn was(&self, state: State) -> bool {
        self.states.iter().any(|change| change.state == state)
    }

    fn curve(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "{:>10} {:>6} {:>9} {:>9} {:>9}", "SECONDS", "PODS", "MAX/MEAN", "MIN/MEAN", "CLOSES")?;
        let every = self.samples.len().div_ceil(LINES).max(1);
        for sample in self.samples.iter().step_by(every) {
            let Sample { seconds, pods, max, min, closes, .. } = sample;
            writeln!(text, "{seconds:>10.1} {pods:>6} {max:>9.3} {min:>9.3} {closes:>9}")?;
        }
        Ok(())
    }

    fn summary(&self, text: &mut String) -> fmt::Result {
        for Change { seconds, state, reason } in &self.states {
            writeln!(text, "{seconds:>10.1} {state}: {reason}")?;
        }
        writeln!(text, "\nconnections                    {}", self.connections)?;
        writeln!(text, "closes                         {}", self.closes)?;
        if let Some(settled) = self.settled {
            let even = self.seconds_to_even.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s"));
            writeln!(text, "even after settling at {settled:<7} {even}")?;
            writeln!(text, "closes per connection          {:.3}", self.closes_per_connection)?;
            writeln!(text, "  of somebody omniscient       {:.3}", self.optimum_closes_per_connection)?;
        }
        if let Some(ratio) = self.ratio() {
            writeln!(text, "  ratio                        {ratio:.2}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.curve(&mut text)?;
        self.summary(&mut text)?;
        formatter.write_str(&text)
    }
}
