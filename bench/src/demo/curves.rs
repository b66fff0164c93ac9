//! The runs over time, as lines of a terminal. Pure.

use super::outcome::Runs;
use crate::gateways::timeline::Point;

/// One character each half a second, for half a minute.
const WIDTH: usize = 60;
const LABEL: usize = 12;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Max/mean and closes of every run since the scale-out, on one scale each.
pub fn in_terminal(runs: &Runs) -> String {
    let ratio = |point: &Point| point.max_over_mean - 1.0;
    let closes = |point: &Point| point.closes as f64;
    let most = |figure: fn(&Point) -> f64| points(runs).map(figure).fold(0.0, f64::max);
    let (most_ratio, most_closes) = (most(ratio), most(closes));
    let mut lines = vec![format!("max/mean since the scale-out, from 1 to {:.2}", 1.0 + most_ratio)];
    lines.extend(runs.iter().map(|(variant, run)| line(variant.name(), &run.curve, ratio, most_ratio)));
    lines.push(format!("connections closed, from 0 to {most_closes:.0}"));
    lines.extend(runs.iter().map(|(variant, run)| line(variant.name(), &run.curve, closes, most_closes)));
    lines.join("\n")
}

fn points(runs: &Runs) -> impl Iterator<Item = &Point> {
    runs.iter().flat_map(|(_, run)| &run.curve)
}

fn line(label: &str, curve: &[Point], figure: impl Fn(&Point) -> f64, most: f64) -> String {
    let level = |value: f64| {
        let highest = LEVELS.len() - 1;
        LEVELS[if most > 0.0 { (value / most * highest as f64).round() as usize } else { 0 }.min(highest)]
    };
    // A longer run is thinned out, so that it still fits.
    let step = curve.len().div_ceil(WIDTH).max(1);
    let text: String = curve.iter().step_by(step).map(|point| level(figure(point))).collect();
    format!("  {label:LABEL$}{text}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::demo::outcome::Outcome;
    use crate::gateways::variant::Variant;

    fn run(ratios: &[f64]) -> Outcome {
        let point = |(index, ratio): (usize, &f64)| Point {
            since: Duration::from_millis(500 * index as u64),
            max_over_mean: *ratio,
            closes: 10 * index as u64,
        };
        Outcome { curve: ratios.iter().enumerate().map(point).collect(), ..Outcome::default() }
    }

    #[test]
    fn the_highest_is_full_and_even_is_flat() {
        let runs = [run(&[2.0, 2.0, 2.0]), run(&[2.0, 1.5, 1.0]), run(&[1.0])];
        let runs = Variant::ALL.into_iter().zip(runs).collect::<Vec<_>>().try_into().unwrap();
        let expected = "\
max/mean since the scale-out, from 1 to 2.00
  nothing     ███
  timer caps  █▅▁
  Evenkeel    ▁
connections closed, from 0 to 20
  nothing     ▁▅█
  timer caps  ▁▅█
  Evenkeel    ▁";
        assert_eq!(in_terminal(&runs), expected);
    }

    #[test]
    fn any_length_fits_and_nothing_at_all_is_no_line() {
        let runs = [run(&[]), run(&[1.0; 1000]), run(&[])];
        let text = in_terminal(&Variant::ALL.into_iter().zip(runs).collect::<Vec<_>>().try_into().unwrap());
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
