//! The report as an HTML page.

mod media;

use super::replayed::Replayed;
use super::{Failure, Losses, Reached, Report, Window};
use crate::measure::latency::{Percentiles, curve, has_samples_for};
use crate::measure::latency_kind::Kind;
use crate::measure::phase::Phase;
use crate::objectives::slo::Objective;
use crate::objectives::verdict::Verdict;
use crate::output::html::{escape, page, table, tile};
use crate::output::plot::{Axis, Line, Plot, Scale, number};
use crate::scenario::Depth;

impl Report {
    pub(crate) fn to_html(&self) -> String {
        let body = format!(
            "<h1>Load test of a server for WebRTC rooms</h1>{}{}",
            self.introduction(),
            self.sections()
        );
        page("Load test", &body)
    }

    /// Everything but the title.
    pub(crate) fn sections(&self) -> String {
        format!(
            "{}{}{}<h2>Over time</h2><div class=\"plots\">{}</div>{}<h2>Latencies</h2>{}{}{}{}{}",
            self.verdict_box(),
            self.tiles(),
            self.objective_table(),
            self.plots(),
            self.media_section(),
            self.latency_table(),
            self.phase_table(),
            self.failure_table(),
            self.loss_table(),
            self.scenario()
        )
    }

    /// What was done, and where.
    pub(crate) fn introduction(&self) -> String {
        let settings = &self.settings;
        let depth = match settings.scenario.depth {
            Depth::Media => "media between real participants",
            Depth::Signaling => "signaling alone",
        };
        let (rooms, took, place) = (settings.rooms, self.took_seconds, self.place());
        let plan = match &settings.replay {
            Some(Replayed { stays, largest_room, .. }) => format!(
                "replay of {stays} stays in {rooms} rooms of at most {largest_room}, {depth}, \
                 {:.1} s",
                settings.duration_seconds
            ),
            None => format!(
                "{rooms} rooms of {}, {depth}, {} together",
                settings.scenario.peers, settings.scenario.duration
            ),
        };
        format!("<p class=\"soft\">{plan} · {took:.1} s · {place}</p>")
    }

    /// Where and when it was measured, and by what.
    pub(crate) fn place(&self) -> String {
        let settings = &self.settings;
        format!(
            "server {} · {} · tester on {} cores, {} · loadtest {}",
            escape(&settings.server),
            escape(&self.started_at),
            settings.cores,
            escape(&settings.system),
            escape(&settings.version),
        )
    }

    fn verdict_box(&self) -> String {
        let class = match self.verdict {
            Verdict::Held => "",
            Verdict::Broken | Verdict::Missed => " bad",
            Verdict::Invalid => " warn",
        };
        let more = self.reasons.iter().skip(1).take(MAX_REASONS);
        let more: String = more.map(|reason| format!("<li>{}</li>", escape(reason))).collect();
        let sentence = escape(&self.sentence());
        format!("<div class=\"verdict{class}\">{sentence}<ul>{more}</ul></div>")
    }

    fn tiles(&self) -> String {
        let reached = |name: &str, Reached { wanted, reached }, remark: &str| {
            tile(name, &reached.to_string(), &format!("of {wanted}{remark}"))
        };
        let p99 = |kind: Kind| {
            let told = self.latency(kind);
            let p99 = told.and_then(Percentiles::p99);
            let value = p99.map_or("–".into(), |p99| format!("{} ms", number(p99)));
            let remark = told.map_or(String::new(), |told| {
                let few = if p99.is_some() { "" } else { ", too few for a p99" };
                format!("of {}{few}; longest {} ms", told.count, number(told.max))
            });
            (value, remark)
        };
        let mut tiles = vec![
            reached("participants", self.participants, ""),
            reached("connections", self.connections, ", each counts at both ends"),
        ];
        for (name, kind) in [
            ("join, p99", Kind::HttpJoin),
            ("relayed message, p99", Kind::Relay),
            ("fan-out to the last, p99", Kind::FanOut),
            ("arrival, p99", Kind::Arrival),
        ] {
            let (value, remark) = p99(kind);
            tiles.push(tile(name, &value, &remark));
        }
        let missing = self.missing();
        tiles.push(tile("planned and never answered", &missing.to_string(), ""));
        if let Some(server) = self.server {
            let busiest = format!("{} in the busiest second", number(server.busiest_processors));
            tiles.push(tile("processors of the server", &number(server.processors), &busiest));
        }
        let busiest = format!("{} in the busiest second", number(self.tester.busiest_processors));
        tiles.push(tile("processors of the tester", &number(self.tester.processors), &busiest));
        format!("<div class=\"tiles\">{}</div>", tiles.concat())
    }

    /// A line of one value of the windows.
    fn line(&self, name: &str, value: impl Fn(&Window) -> Option<f64>) -> Line {
        let middle = |window: &Window| window.second as f64 + window.seconds as f64 / 2.0;
        let points = self.windows.iter().filter_map(|w| Some((middle(w), value(w)?)));
        Line { name: name.into(), is_dashed: false, points: points.collect() }
    }

    /// A plot over the time of the run.
    fn over_time(
        &self,
        title: &'static str,
        unit: &'static str,
        scale: Scale,
        lines: Vec<Line>,
    ) -> Plot {
        Plot {
            title,
            x: Axis { unit: "seconds", scale: Scale::Linear },
            y: Axis { unit, scale },
            lines,
            marks: self.phases(),
            bounds: Vec::new(),
        }
    }

    /// The latency of a kind in each second, p99.
    fn latency_line(&self, kind: Kind) -> Option<Line> {
        let line = self
            .line(&kind.name().replace('_', " "), |window| Some(window.latency_ms.get(&kind)?.p99));
        (!line.points.is_empty()).then_some(line)
    }

    fn plots(&self) -> String {
        let latencies = OVER_TIME.into_iter().filter_map(|kind| self.latency_line(kind)).collect();
        let plots = [
            Plot {
                bounds: self.bounds(&OVER_TIME),
                ..self.over_time("Latency in each second, p99", "ms", Scale::Logarithmic, latencies)
            },
            self.percentile_curves(),
            self.over_time(
                "People",
                "",
                Scale::Linear,
                vec![
                    self.line("in a room", |window| Some(window.present as f64)),
                    self.line("connections", |window| Some(window.connections as f64)),
                    self.line("failed", |window| Some(window.failed as f64)),
                ],
            ),
            self.over_time(
                "Busy processors",
                "",
                Scale::Linear,
                vec![
                    self.line("server", |window| window.server_processors),
                    self.line("tester", |window| window.tester_processors),
                ],
            ),
            self.over_time(
                "Memory of the server",
                "MB",
                Scale::Linear,
                vec![self.line("server", |window| {
                    window.server_memory_bytes.map(|bytes| bytes as f64 / 1e6)
                })],
            ),
            self.over_time(
                "Messages that the server handles",
                "a second",
                Scale::Linear,
                vec![self.line("messages", |window| window.server_messages)],
            ),
            self.over_time(
                "Queued in the server for sockets",
                "kB",
                Scale::Linear,
                vec![self.line("queued", |window| {
                    window.server_queued_bytes.map(|bytes| bytes as f64 / 1e3)
                })],
            ),
        ];
        plots.iter().map(Plot::to_html).collect()
    }

    fn phases(&self) -> Vec<(f64, String)> {
        let phases = self.phases_seconds;
        let mut marks = vec![(phases.first_join, "joins".to_owned())];
        if phases.held < phases.end {
            marks.push((phases.held, "hold".into()));
        }
        marks.push((phases.end, "end".into()));
        marks
    }

    fn percentile_curves(&self) -> Plot {
        let kinds = [Kind::Relay, Kind::HttpJoin, Kind::FanOut, Kind::Arrival, Kind::Candidate];
        let curves = kinds.into_iter().filter_map(|kind| {
            let details = self.latencies.get(&kind)?;
            let name = kind.name().replace('_', " ");
            Some(Line { name, is_dashed: false, points: curve(&details.histogram) })
        });
        let raw = self.latencies.get(&Kind::Relay).map(|details| Line {
            name: "relay, raw".into(),
            is_dashed: true,
            points: curve(&details.raw_histogram),
        });
        Plot {
            title: "How many wait how long",
            x: Axis { unit: "share that waits no longer", scale: Scale::Nines },
            y: Axis { unit: "ms", scale: Scale::Logarithmic },
            lines: curves.chain(raw).collect(),
            marks: Vec::new(),
            bounds: self.bounds(&kinds),
        }
    }

    /// The objectives for these kinds.
    pub(crate) fn bounds(&self, kinds: &[Kind]) -> Vec<(f64, String)> {
        let objectives = self.objectives.iter().filter_map(|held| {
            let objective: Objective = held.objective.parse().ok()?;
            let (kind, millis) = objective.latency_bound()?;
            kinds.contains(&kind).then(|| (millis, held.objective.clone()))
        });
        objectives.collect()
    }

    fn latency_table(&self) -> String {
        let rows: Vec<Vec<String>> = Kind::ALL
            .into_iter()
            .filter_map(|kind| {
                let (told, details) = (self.latency(kind)?, self.latencies.get(&kind)?);
                let shown = |quantile, value| {
                    let enough = has_samples_for(quantile, told.count);
                    if enough { number(value) } else { "–".into() }
                };
                Some(vec![
                    kind.name().replace('_', " "),
                    told.count.to_string(),
                    details.missing().to_string(),
                    shown(0.5, told.p50),
                    shown(0.9, told.p90),
                    shown(0.99, told.p99),
                    shown(0.999, told.p999),
                    number(told.max),
                    details.raw_ms.and_then(|raw| raw.p99()).map_or("–".into(), number),
                ])
            })
            .collect();
        let header = ["ms", "count", "missing", "p50", "p90", "p99", "p99.9", "longest", "raw p99"];
        table(&header, &rows)
            + "<p class=\"soft\">From when each step was planned; what was never answered counts with \
               the time that it waited. Raw counts from the actual start and leaves it out.</p>"
    }

    /// The latencies of kinds that were measured in more than one phase.
    fn phase_table(&self) -> String {
        let mut rows = Vec::new();
        for kind in Kind::ALL {
            let Some(details) = self.latencies.get(&kind) else { continue };
            if details.phases.len() < 2 {
                continue;
            }
            for phase in Phase::MEASURED {
                let Some(told) = details.phases.get(&phase) else { continue };
                let shown = |value: Option<f64>| value.map_or("–".into(), number);
                rows.push(vec![
                    kind.name().replace('_', " "),
                    phase.name().into(),
                    told.count.to_string(),
                    shown(told.p50),
                    shown(told.p90),
                    shown(told.p99),
                    number(told.max),
                ]);
            }
        }
        let header = ["ms", "planned for", "count", "p50", "p90", "p99", "longest"];
        titled("Latencies by phase", &table(&header, &rows))
    }

    fn failure_table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .failures
            .iter()
            .map(|Failure { cause, count }| vec![cause.clone(), count.to_string()])
            .collect();
        titled("Failures", &table(&["cause", "count"], &rows))
    }

    fn loss_table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .losses
            .iter()
            .map(|(kind, Losses { lost, back, first_at_seconds })| {
                let first = format!("{first_at_seconds:.1} s");
                vec![kind.to_string(), lost.to_string(), back.to_string(), first]
            })
            .collect();
        titled("Lost before the end", &table(&["", "lost", "back", "first at"], &rows))
    }

    fn objective_table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .objectives
            .iter()
            .map(|held| {
                let value = held.value.map_or("nothing".into(), number);
                let outcome = if held.held { "held" } else { "missed" };
                vec![held.objective.clone(), value, outcome.into()]
            })
            .collect();
        titled("Objectives", &table(&["", "measured", ""], &rows))
    }

    fn scenario(&self) -> String {
        let scenario = escape(&self.settings.scenario.to_toml());
        format!("<h2>Scenario</h2><pre>{scenario}</pre>")
    }
}

/// A section, unless there is nothing in it.
fn titled(title: &str, content: &str) -> String {
    if content.is_empty() { String::new() } else { format!("<h2>{title}</h2>{content}") }
}

/// The kinds that are shown second by second.
const OVER_TIME: [Kind; 5] = [Kind::Relay, Kind::HttpJoin, Kind::FanOut, Kind::Offer, Kind::Resume];
const MAX_REASONS: usize = 8;
