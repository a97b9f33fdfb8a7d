//! The answer as tables for people.

use std::fmt;

use super::Capacity;
use crate::measure::latency::Percentiles;
use crate::measure::latency_kind::Kind;
use crate::output::language::tell;
use crate::output::tables::{Table, megabytes, table};

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n", self.steps())?;
        if let Some(costs) = self.costs() {
            writeln!(f, "{costs}\n")?;
        }
        f.write_str(&tell(&self.sentence()))
    }
}

impl Capacity {
    fn steps(&self) -> Table {
        let mut table = table(&[
            "rooms",
            "of",
            "participants",
            "",
            "join p99",
            "fan out p99",
            "relay p99",
            "server processors",
            "server memory",
            "server files",
            "a message takes",
            "tester processors",
        ]);
        for step in &self.steps {
            let report = &step.report;
            let p99 = |kind| {
                let told = report.latency(kind).and_then(Percentiles::p99);
                told.map_or("–".to_owned(), |p99| format!("{p99:.1} ms"))
            };
            let server = |show: fn(&crate::report::ServerUse) -> String| {
                report.server.as_ref().map_or("–".to_owned(), show)
            };
            table.add_row([
                step.rooms.to_string(),
                step.peers.to_string(),
                step.participants.to_string(),
                step.outcome().to_owned(),
                p99(Kind::HttpJoin),
                p99(Kind::FanOut),
                p99(Kind::Relay),
                server(|server| format!("{:.2}", server.busiest_processors)),
                server(|server| megabytes(server.memory_bytes)),
                server(|server| server.open_files.to_string()),
                report
                    .server_counts
                    .as_ref()
                    .map_or("–".to_owned(), |counts| format!("{:.1} µs", counts.handling_us)),
                format!("{:.2}", report.tester.busiest_processors),
            ]);
        }
        table
    }

    fn costs(&self) -> Option<Table> {
        let mut costs = table(&COSTS);
        self.cost_rows()?.into_iter().for_each(|row| costs.add_row(row));
        Some(costs)
    }

    /// The costs of a room, a participant and a message at the largest step that passed.
    pub(super) fn cost_rows(&self) -> Option<[[String; 4]; 3]> {
        let step = self.best()?;
        let (report, server) = (&step.report, step.report.server?);
        let memory = server.memory_grown_bytes as f64 / 1000.0;
        let each = |name: &str, count: u64| {
            let count = count.max(1) as f64;
            [
                name.to_owned(),
                format!("{:.2} ms", server.processor_seconds * 1000.0 / count),
                format!("{:.1} kB", memory / count),
                format!("{:.2}", server.open_files as f64 / count),
            ]
        };
        let counted = report.server_counts.as_ref().map(|counts| counts.messages);
        let messages = counted.unwrap_or_else(|| report.messages()).max(1) as f64;
        Some([
            each("a room", u64::from(step.rooms)),
            each("a participant", step.participants),
            [
                "a message, with everything else".to_owned(),
                format!("{:.1} µs", server.processor_seconds * 1e6 / messages),
                String::new(),
                String::new(),
            ],
        ])
    }
}

/// The columns of the costs.
pub(super) const COSTS: [&str; 4] =
    ["cost for the server", "processor time", "memory", "open files"];
