//! Plots as SVG, in the colours of the page around them.

use std::fmt::Write;

use crate::output::html::escape;

/// A plot of lines.
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
    /// Vertical lines: the phases of a run.
    pub(crate) marks: Vec<(f64, String)>,
    /// Horizontal lines for upper bounds.
    pub(crate) bounds: Vec<(f64, String)>,
}

pub(crate) struct Axis {
    pub(crate) unit: &'static str,
    pub(crate) scale: Scale,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    Logarithmic,
    /// For shares below 1: as far from 0.9 to 0.99 as from 0.99 to 0.999.
    Nines,
}

pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) is_dashed: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Plot {
    /// The plot with its title and legend; empty without points.
    pub(crate) fn to_html(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let (Some(x), Some(y)) = (
            Range::of(self.x.scale, points().map(|point| point.0)),
            Range::of(
                self.y.scale,
                points().map(|point| point.1).chain(self.bounds.iter().map(|bound| bound.0)),
            ),
        ) else {
            return String::new();
        };
        let mut svg = format!(
            "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{}\">",
            escape(self.title),
            escape(self.title)
        );
        let at_x = |value: f64| LEFT + x.share(value) * (WIDTH - LEFT - RIGHT);
        let at_y = |value: f64| HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM);
        let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        // Writing to a string cannot fail.
        for tick in y.ticks() {
            let (y, label) = (at_y(tick), number(tick));
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
        for tick in x.ticks() {
            let (x, label) = (at_x(tick), self.x.label(tick));
            let _ = write!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                floor + 16.0
            );
        }
        let _ = write!(
            svg,
            "<text class=\"unit\" x=\"{LEFT}\" y=\"12\">{}</text><text class=\"unit\" x=\"{right}\" \
             y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            escape(self.y.unit),
            HEIGHT - 4.0,
            escape(self.x.unit)
        );
        for (value, name) in &self.marks {
            let x = at_x(*value);
            let _ = write!(
                svg,
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{floor}\"/>\
                 <text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + 4.0,
                TOP + 10.0,
                escape(name)
            );
        }
        // Drawn over the lines, each below the one above it.
        let mut labels = String::new();
        let mut free = 0.0_f64;
        let mut bounds: Vec<&(f64, String)> = self.bounds.iter().collect();
        bounds.sort_by(|one, other| other.0.total_cmp(&one.0));
        for (value, name) in bounds {
            let y = at_y(*value);
            let at = (y - 4.0).max(free);
            free = at + LINE;
            let _ = write!(
                svg,
                "<line class=\"bound\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            );
            let _ = write!(
                labels,
                "<text class=\"bound\" x=\"{:.1}\" y=\"{at:.1}\">{}</text>",
                LEFT + 4.0,
                escape(name)
            );
        }
        for (index, line) in self.lines.iter().enumerate() {
            let points: Vec<String> = line
                .points
                .iter()
                .map(|(x, y)| format!("{:.1},{:.1}", at_x(*x), at_y(*y)))
                .collect();
            let dashed = if line.is_dashed { " dashed" } else { "" };
            let _ = write!(
                svg,
                "<polyline class=\"c{}{dashed}\" points=\"{}\"/>",
                index % COLOURS,
                points.join(" ")
            );
            if line.points.len() > MOST_DOTS {
                continue;
            }
            for (x, y) in &line.points {
                let (x, y, colour) = (at_x(*x), at_y(*y), index % COLOURS);
                let _ = write!(
                    svg,
                    "<circle class=\"c{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"
                );
            }
        }
        svg += &labels;
        svg += "</svg><p class=\"legend\">";
        for (index, line) in self.lines.iter().enumerate() {
            let _ = write!(
                svg,
                "<span><i class=\"k{}\"></i>{}</span> ",
                index % COLOURS,
                escape(&line.name)
            );
        }
        svg + "</p></figure>"
    }
}

impl Axis {
    fn label(&self, value: f64) -> String {
        match self.scale {
            Scale::Linear | Scale::Logarithmic => number(value),
            Scale::Nines => format!("p{}", (value * 1e6).round() / 1e4),
        }
    }
}

/// The range of an axis.
struct Range {
    scale: Scale,
    from: f64,
    to: f64,
}

impl Range {
    fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let most = values.iter().copied().reduce(f64::max)?;
        let least = values.iter().copied().reduce(f64::min)?;
        let (from, to) = match scale {
            Scale::Linear => (0.0, if most > 0.0 { most * 1.05 } else { 1.0 }),
            Scale::Logarithmic => {
                let from = 10_f64.powf(least.max(1e-3).log10().floor());
                (from, 10_f64.powf(most.max(1e-3).log10().ceil()).max(from * 10.0))
            }
            Scale::Nines => (least.min(0.5), most.max(0.9)),
        };
        Some(Self { scale, from, to })
    }

    /// Where a value lies between the ends, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let place = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(self.from).log10(),
            Scale::Nines => -(1.0 - value.min(1.0 - 1e-9)).log10(),
        };
        let (from, to) = (place(self.from), place(self.to));
        ((place(value) - from) / (to - from)).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let rough = self.to / 5.0;
                let magnitude = 10_f64.powf(rough.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * magnitude);
                let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
                (0..).map(|index| f64::from(index) * step).take_while(|x| *x <= self.to).collect()
            }
            Scale::Logarithmic => {
                let powers = self.from.log10().round() as i32..=self.to.log10().round() as i32;
                powers.map(|power| 10_f64.powi(power)).collect()
            }
            Scale::Nines => [0.5, 0.9, 0.99, 0.999, 0.9999]
                .into_iter()
                .filter(|share| *share >= self.from && *share <= self.to)
                .collect(),
        }
    }
}

/// A number with as many digits as a person wants to see.
pub(crate) fn number(value: f64) -> String {
    let rounded = match value.abs() {
        0.0 => return "0".into(),
        size if size >= 100.0 => value.round(),
        size if size >= 10.0 => (value * 10.0).round() / 10.0,
        size if size >= 1.0 => (value * 100.0).round() / 100.0,
        _ => (value * 1000.0).round() / 1000.0,
    };
    rounded.to_string()
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 34.0;
/// The height of a label.
const LINE: f64 = 12.0;
/// The points of a line with so few are measurements to look at one by one.
const MOST_DOTS: usize = 20;
/// As many as the page has.
const COLOURS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> String {
        let line = Line { name: "<relay>".into(), is_dashed: false, points };
        let x = Axis { unit: "s", scale: Scale::Linear };
        let y = Axis { unit: "ms", scale: Scale::Logarithmic };
        let bounds = vec![(100.0, "p99<100ms".into())];
        Plot { title: "latency", x, y, lines: vec![line], marks: Vec::new(), bounds }.to_html()
    }

    #[test]
    fn what_is_larger_is_higher_and_names_are_escaped() {
        let svg = plot(vec![(0.0, 1.0), (5.0, 10.0), (10.0, 1000.0)]);
        let points = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let heights: Vec<f64> = points
            .split(' ')
            .map(|point| point.split_once(',').unwrap().1.parse().unwrap())
            .collect();
        assert!(heights.is_sorted_by(|one, next| one > next), "{points}");
        assert!(svg.contains("&lt;relay&gt;") && svg.contains("p99&lt;100ms"), "{svg}");
    }

    #[test]
    fn percentiles_keep_their_nines() {
        let axis = Axis { unit: "", scale: Scale::Nines };
        assert_eq!([0.5, 0.99, 0.9999].map(|share| axis.label(share)), ["p50", "p99", "p99.99"]);
    }

    #[test]
    fn a_plot_of_nothing_is_left_out() {
        let x = Axis { unit: "s", scale: Scale::Linear };
        let y = Axis { unit: "", scale: Scale::Linear };
        let (lines, marks, bounds) = (Vec::new(), Vec::new(), Vec::new());
        assert_eq!(Plot { title: "nothing", x, y, lines, marks, bounds }.to_html(), "");
        // Zero on an axis of logarithms has no place, and is shown at its lower end.
        assert!(!plot(vec![(0.0, 0.0), (1.0, 0.0)]).contains("NaN"));
    }
}
