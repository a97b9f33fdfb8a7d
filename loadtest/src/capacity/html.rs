//! The result as an HTML page.

use std::collections::BTreeMap;

use super::table::COSTS;
use super::{Capacity, Step};
use crate::measure::latency::Percentiles;
use crate::measure::latency_kind::Kind;
use crate::objectives::verdict::Verdict;
use crate::output::html::{escape, page, table};
use crate::output::plot::{Axis, Line, Plot, Scale, number};
use crate::output::tables::megabytes;

impl Capacity {
    pub(crate) fn to_html(&self) -> String {
        let class = match self.verdict() {
            Verdict::Held => "",
            Verdict::Broken | Verdict::Missed => " bad",
            Verdict::Invalid => " warn",
        };
        let largest = self.best().map_or(String::new(), |step| {
            let (rooms, peers) = (step.rooms, &step.peers);
            let (introduction, sections) = (step.report.introduction(), step.report.sections());
            format!("<h1 class=\"next\">{rooms} rooms of {peers}</h1>{introduction}{sections}")
        });
        let body = format!(
            "<h1>How many rooms a server carries</h1>{}<div class=\"verdict{class}\">{}</div>\
             <div class=\"plots\">{}{}</div>{}<h2>Steps</h2>{}{largest}",
            self.introduction(),
            escape(&self.sentence()),
            self.latencies().to_html(),
            self.processors().to_html(),
            self.costs_table(),
            self.steps_table()
        );
        page("Capacity", &body)
    }

    /// What was searched, and where.
    fn introduction(&self) -> String {
        let Some(first) = self.steps.first() else { return String::new() };
        let (steps, place) = (self.steps.len(), first.report.place());
        format!("<p class=\"soft\">{steps} runs · {place}</p>")
    }

    fn latencies(&self) -> Plot {
        let kinds = [Kind::Relay, Kind::HttpJoin, Kind::FanOut, Kind::Arrival];
        let bounds = self.steps.first().map(|step| step.report.bounds(&kinds));
        let line = |kind: Kind| Line {
            name: kind.name().replace('_', " "),
            is_dashed: false,
            points: self.points(|step| step.report.latency(kind)?.p99()),
        };
        Plot {
            title: "Latency by the number of participants, p99",
            x: Axis { unit: "participants", scale: Scale::Linear },
            y: Axis { unit: "ms", scale: Scale::Logarithmic },
            lines: kinds.map(line).into(),
            marks: vec![(self.participants as f64, "carried".into())],
            bounds: bounds.unwrap_or_default(),
        }
    }

    fn processors(&self) -> Plot {
        let line = |name: &str, points| Line { name: name.into(), is_dashed: false, points };
        let server = self.points(|step| Some(step.report.server?.busiest_processors));
        let tester = self.points(|step| Some(step.report.tester.busiest_processors));
        Plot {
            title: "Processors in the busiest second",
            x: Axis { unit: "participants", scale: Scale::Linear },
            y: Axis { unit: "", scale: Scale::Linear },
            lines: vec![line("server", server), line("tester", tester)],
            marks: vec![(self.participants as f64, "carried".into())],
            bounds: Vec::new(),
        }
    }

    /// A value of each step, by the number of participants. The longer run that confirms a number
    /// takes the place of the shorter one.
    fn points(&self, value: impl Fn(&Step) -> Option<f64>) -> Vec<(f64, f64)> {
        let steps = self.steps.iter();
        let points: BTreeMap<u64, f64> =
            steps.filter_map(|step| Some((step.participants, value(step)?))).collect();
        points.into_iter().map(|(participants, value)| (participants as f64, value)).collect()
    }

    fn costs_table(&self) -> String {
        let Some(rows) = self.cost_rows() else { return String::new() };
        let rows = rows.map(Vec::from);
        format!("<h2>What it costs the server</h2>{}", table(&COSTS, &rows))
    }

    fn steps_table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .steps
            .iter()
            .map(|step| {
                let p99 = |kind| {
                    let told = step.report.latency(kind).and_then(Percentiles::p99);
                    told.map_or("–".into(), number)
                };
                vec![
                    format!("{} rooms of {}", step.rooms, step.peers),
                    step.outcome().into(),
                    p99(Kind::HttpJoin),
                    p99(Kind::FanOut),
                    p99(Kind::Relay),
                    step.report.server.map_or("–".into(), |of| number(of.busiest_processors)),
                    step.report.server.map_or("–".into(), |of| megabytes(of.memory_bytes)),
                    number(step.report.tester.busiest_processors),
                    step.limit.as_ref().map_or(String::new(), ToString::to_string),
                ]
            })
            .collect();
        let header = [
            "",
            "",
            "join p99, ms",
            "fan-out p99, ms",
            "relay p99, ms",
            "server processors",
            "server memory",
            "tester processors",
            "limit",
        ];
        table(&header, &rows)
    }
}
