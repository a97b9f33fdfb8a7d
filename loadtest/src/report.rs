//! The results of a run: a table for people, JSON for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::available_parallelism;
use std::time::Instant;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::args::Args;
use crate::latency::{Latencies, Percentiles};
use crate::loss::LostKind;
use crate::relay::Relayed;
use crate::totals::{LossTotals, Totals};

/// The results. Fields of the JSON form are only ever added.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    settings: RunSettings,
    took_seconds: f64,
    participants: Count,
    /// Each connection counts twice, once for each end.
    connections: Count,
    /// Ends of connections over which no audio arrived, or no video although some was sent.
    silent_connections: u64,
    packets: Packets,
    relayed: Messages,
    /// What participants had and lost before the run ended; a kind that was never lost is missing.
    losses: BTreeMap<LostKind, Losses>,
    /// From when on nobody who had entered had a signaling socket any more.
    server_gone_at_seconds: Option<f64>,
    /// By kind; a kind that never happened is missing.
    latency_ms: BTreeMap<&'static str, Percentiles>,
    failures: Vec<String>,
}

/// The settings of the run, and where it ran.
#[derive(Debug, Serialize)]
pub(crate) struct RunSettings {
    server: String,
    rooms: u32,
    peers: u32,
    duration_seconds: u64,
    joins_per_second: u32,
    video: bool,
    version: &'static str,
    cores: usize,
}

#[derive(Debug, Serialize)]
struct Count {
    wanted: u64,
    reached: u64,
}

#[derive(Debug, Serialize)]
struct Packets {
    received: u64,
    lost: u64,
    /// Dropped because this process was too slow to take them.
    overrun: u64,
    /// The seconds of the run in which the first and the last one came.
    period_seconds: Option<(f64, f64)>,
}

#[derive(Debug, Serialize)]
struct Messages {
    planned: u64,
    sent: u64,
    /// Those that were planned and never arrived.
    lost: u64,
    /// When the probe lost a socket, in seconds of the run.
    broken_at_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Losses {
    lost: u64,
    /// Those that were there again before the end.
    back: u64,
    first_at_seconds: f64,
}

impl RunSettings {
    pub(crate) fn new(args: &Args, server: &str) -> Self {
        Self {
            server: server.to_owned(),
            rooms: args.rooms,
            peers: args.peers,
            duration_seconds: args.duration,
            joins_per_second: args.rate,
            video: !args.no_video,
            version: env!("CARGO_PKG_VERSION"),
            cores: available_parallelism().map_or(1, usize::from),
        }
    }

    fn participants(&self) -> u64 {
        u64::from(self.rooms) * u64::from(self.peers)
    }
}

impl Report {
    pub(crate) fn new(
        totals: &Totals,
        relayed: Option<&Relayed>,
        mut failures: Vec<String>,
        begin: Instant,
        settings: RunSettings,
    ) -> Self {
        let seconds = |at: Instant| at.saturating_duration_since(begin).as_secs_f64();
        if relayed.is_none() {
            failures.push("the task that measures relayed messages has ended".into());
        }
        let participants = settings.participants();
        let connections = participants * u64::from(settings.peers - 1);
        let no_latencies = Latencies::new();
        let relay = relayed.map_or(&no_latencies, |relayed| &relayed.latencies);
        let kinds = [
            (HTTP_JOIN, &totals.http_join),
            (JOINED, &totals.joined),
            (RELAY, relay),
            (FAN_OUT, &totals.fan_out),
            (CONNECTED, &totals.connected),
            (FIRST_MEDIA, &totals.first_media),
        ];
        let latency_ms = kinds
            .into_iter()
            .filter_map(|(kind, latencies)| Some((kind, latencies.percentiles(begin)?)));
        Self {
            schema: 1,
            took_seconds: begin.elapsed().as_secs_f64(),
            participants: Count { wanted: participants, reached: totals.participants },
            connections: Count { wanted: connections, reached: totals.connections },
            silent_connections: totals.silent,
            packets: Packets {
                received: totals.packets_received,
                lost: totals.packets_lost,
                overrun: totals.packets_overrun,
                period_seconds: totals
                    .packets_period
                    .map(|(from, to)| (seconds(from), seconds(to))),
            },
            relayed: Messages {
                planned: relayed.map_or(0, |relayed| relayed.planned),
                sent: relayed.map_or(0, |relayed| relayed.sent),
                lost: relayed.map_or(0, |relayed| relayed.lost),
                broken_at_seconds: relayed.and_then(|relayed| relayed.broken_at).map(seconds),
            },
            losses: totals
                .losses
                .iter()
                .map(|(&kind, &LossTotals { lost, back, first_at, .. })| {
                    (kind, Losses { lost, back, first_at_seconds: seconds(first_at) })
                })
                .collect(),
            server_gone_at_seconds: totals.server_gone_at().map(seconds),
            latency_ms: latency_ms.collect(),
            failures,
            settings,
        }
    }

    /// Whether everybody was connected to everybody and received its media, and nothing of that and
    /// no relayed message was lost until the end.
    pub(crate) fn is_success(&self) -> bool {
        self.failures.is_empty()
            && self.participants.reached == self.participants.wanted
            && self.connections.reached == self.connections.wanted
            && self.silent_connections == 0
            && self.losses.is_empty()
            && self.relayed.lost == 0
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and strings have a JSON form")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunSettings { server, rooms, peers, duration_seconds, version, cores, .. } =
            &self.settings;
        let media = if self.settings.video { "audio and video" } else { "audio" };
        writeln!(
            f,
            "\n{rooms} rooms of {peers} with {media}, {duration_seconds} s together, server {server}"
        )?;
        writeln!(f, "loadtest {version} on {cores} cores, {:.1} s in all\n", self.took_seconds)?;
        writeln!(f, "{}\n", self.counts())?;
        writeln!(f, "{}", self.latencies())?;
        if !self.losses.is_empty() {
            writeln!(f, "\n{}", self.losses())?;
        }
        for failure in self.failures.iter().take(MAX_FAILURES) {
            writeln!(f, "\nfailed: {failure}")?;
        }
        if let Some(more @ 1..) = self.failures.len().checked_sub(MAX_FAILURES) {
            writeln!(f, "… and {more} more like these")?;
        }
        write!(f, "\n{}", self.verdict())
    }
}

impl Report {
    fn verdict(&self) -> String {
        if self.is_success() {
            return "everybody was connected to everybody and received its media".into();
        }
        let everybody = self.participants.reached == self.participants.wanted
            && self.connections.reached == self.connections.wanted
            && self.silent_connections == 0;
        let relays = self.relayed.lost;
        if let Some(seconds) = self.server_gone_at_seconds {
            format!(
                "FAILED: the server was gone from {seconds:.1} s on; nobody had a signaling socket \
                 any more"
            )
        } else if !everybody {
            "FAILED: not everybody was connected to everybody and received its media".into()
        } else if !self.losses.is_empty() {
            "FAILED: not everything that was there stayed until the end".into()
        } else if relays > 0 {
            "FAILED: relayed messages were lost".into()
        } else {
            "FAILED: see above".into()
        }
    }

    fn losses(&self) -> Table {
        let mut table = table(&["lost before the end", "lost", "back", "first at"]);
        for (kind, Losses { lost, back, first_at_seconds }) in &self.losses {
            table.add_row([
                kind.to_string(),
                lost.to_string(),
                back.to_string(),
                format!("{first_at_seconds:.1} s"),
            ]);
        }
        table
    }

    fn counts(&self) -> Table {
        let mut table = table(&["", "wanted", "reached", "failed"]);
        for (name, count) in
            [("participants", &self.participants), ("connections", &self.connections)]
        {
            let Count { wanted, reached } = count;
            let failed = wanted.saturating_sub(*reached);
            table.add_row([
                name.into(),
                wanted.to_string(),
                reached.to_string(),
                failed.to_string(),
            ]);
        }
        let heard = self.connections.reached.saturating_sub(self.silent_connections);
        table.add_row([
            "  with media".into(),
            self.connections.wanted.to_string(),
            heard.to_string(),
            self.connections.wanted.saturating_sub(heard).to_string(),
        ]);
        let Packets { received, lost, overrun, .. } = self.packets;
        let sent = received + lost + overrun;
        table.add_row([
            "packets".into(),
            sent.to_string(),
            received.to_string(),
            share(lost, sent),
        ]);
        if overrun > 0 {
            table.add_row([
                "  dropped by this process".into(),
                String::new(),
                String::new(),
                overrun.to_string(),
            ]);
        }
        let Messages { planned, lost, .. } = self.relayed;
        table.add_row([
            "relayed messages".into(),
            planned.to_string(),
            (planned - lost).to_string(),
            share(lost, planned),
        ]);
        table
    }

    fn latencies(&self) -> Table {
        let mut table = table(&["ms", "count", "p50", "p90", "p99", "max", "measured"]);
        for kind in [HTTP_JOIN, JOINED, RELAY, FAN_OUT, CONNECTED, FIRST_MEDIA] {
            let name = kind.replace('_', " ");
            match self.latency_ms.get(kind) {
                Some(Percentiles { count, from_seconds, to_seconds, p50, p90, p99, max }) => {
                    let millis = |value: &f64| format!("{value:.1}");
                    table.add_row([
                        name,
                        count.to_string(),
                        millis(p50),
                        millis(p90),
                        millis(p99),
                        millis(max),
                        format!("{from_seconds:.1} to {to_seconds:.1} s"),
                    ]);
                }
                None => {
                    table.add_row([name, "0".into()]);
                }
            }
        }
        table
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return part.to_string();
    }
    format!("{part} ({:.2} %)", part as f64 * 100.0 / whole as f64)
}

/// `POST …/join`, from when it was planned.
const HTTP_JOIN: &str = "http_join";
/// From opening the WebSocket until `joined`.
const JOINED: &str = "websocket_joined";
/// A message from one socket to another, from when it was planned.
const RELAY: &str = "relay";
/// From opening the WebSocket until the last member of the room has `peer_joined`.
const FAN_OUT: &str = "fan_out";
/// From learning of a participant until ICE and DTLS with it are done.
const CONNECTED: &str = "connected";
/// From learning of a participant until the first packet of its media.
const FIRST_MEDIA: &str = "first_media";
const MAX_FAILURES: usize = 5;
