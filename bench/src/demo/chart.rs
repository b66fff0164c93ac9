//! The runs over time, as a picture.

use std::path::Path;

use anyhow::{Error, Result};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::register_font;

use super::outcome::Runs;
use crate::gateways::timeline::{CLOSE_TO_EVEN, Point};

const SIZE: (u32, u32) = (1000, 760);
const FONT: &str = "sans-serif";
/// Colours that are told apart without seeing red and green.
const COLOURS: [RGBColor; 3] = [RGBColor(120, 120, 120), RGBColor(213, 94, 0), RGBColor(0, 114, 178)];

type Chart<'a, 'b> = ChartContext<'a, BitMapBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Draws max/mean above and closes below into a PNG file.
pub fn draw(file: &Path, runs: &Runs) -> Result<()> {
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| Error::msg("the font cannot be read"))?;
    let area = BitMapBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (above, below) = area.split_vertically(SIZE.1 / 2);
    UNEVENNESS.draw(&above, runs)?;
    CLOSES.draw(&below, runs)?;
    Ok(area.present()?)
}

/// One figure of all runs over time.
struct Curves {
    title: &'static str,
    /// Where the figure's axis begins.
    least: f64,
    figure: fn(&Point) -> f64,
    goal: Option<f64>,
}

const UNEVENNESS: Curves = Curves {
    title: "fullest gateway / mean",
    least: 1.0,
    figure: |point| point.max_over_mean,
    goal: Some(CLOSE_TO_EVEN),
};

const CLOSES: Curves =
    Curves { title: "connections closed", least: 0.0, figure: |point| point.closes as f64, goal: None };

impl Curves {
    fn draw(&self, area: &Area<'_>, runs: &Runs) -> Result<()> {
        let mut chart = self.axes(area, runs)?;
        if let Some(goal) = self.goal {
            chart.draw_series(LineSeries::new([(0.0, goal), (end(runs), goal)], BLACK.mix(0.3)))?;
        }
        for ((variant, run), colour) in runs.iter().zip(COLOURS) {
            let line = run.curve.iter().map(|point| (point.since.as_secs_f64(), (self.figure)(point)));
            let style = colour.stroke_width(3);
            let series = chart.draw_series(LineSeries::new(line, style))?;
            series.label(variant.name()).legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
        }
        chart.configure_series_labels().label_font((FONT, 15)).background_style(WHITE.mix(0.8)).draw()?;
        Ok(())
    }

    fn axes<'a, 'b>(&self, area: &'a Area<'b>, runs: &Runs) -> Result<Chart<'a, 'b>> {
        let most = points(runs).map(self.figure).fold(self.least + 0.5, f64::max);
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, (FONT, 22))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(48)
            .build_cartesian_2d(0.0..end(runs), self.least..self.least + (most - self.least) * 1.05)?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc("seconds since the scale-out")
            .label_style((FONT, 15))
            .x_label_formatter(&|x| format!("{x:.0}"))
            .light_line_style(WHITE)
            .draw()?;
        Ok(chart)
    }
}

fn points(runs: &Runs) -> impl Iterator<Item = &Point> {
    runs.iter().flat_map(|(_, run)| &run.curve)
}

fn end(runs: &Runs) -> f64 {
    points(runs).map(|point| point.since.as_secs_f64()).fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::demo::outcome::Outcome;
    use crate::gateways::variant::Variant;

    fn run(ratios: &[f64]) -> Outcome {
        let point = |(second, ratio): (usize, &f64)| Point {
            since: Duration::from_secs(second as u64),
            max_over_mean: *ratio,
            closes: 10 * second as u64,
        };
        Outcome { curve: ratios.iter().enumerate().map(point).collect(), ..Outcome::default() }
    }

    #[test]
    fn runs_of_any_length_become_a_picture() -> Result<()> {
        let file = tempfile::NamedTempFile::with_suffix(".png")?;
        let [nothing, timers, evenkeel] = Variant::ALL;
        let curve = run(&[2.0, 1.5, 1.05]);
        draw(file.path(), &[(nothing, run(&[])), (timers, run(&[2.0])), (evenkeel, curve.clone())])?;
        let with_one_curve = std::fs::read(file.path())?;
        draw(file.path(), &[(nothing, curve.clone()), (timers, run(&[2.0])), (evenkeel, curve)])?;
        assert_ne!(with_one_curve, std::fs::read(file.path())?, "another run is another picture");
        Ok(())
    }
}
