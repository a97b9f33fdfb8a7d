//! The results as tables for people.

use std::fmt;

use super::media::{KindQuality, MediaQuality, Packets, SilentQuality, Spread};
use super::replayed::Replayed;
use super::{Failure, Impaired, Losses, Messages, Reached, Report, RunSettings, ServerCounts};
use crate::measure::latency::has_samples_for;
use crate::measure::latency_kind::Kind;
use crate::measure::phase::Phase;
use crate::objectives::verdict::Verdict;
use crate::output::language::tell;
use crate::output::tables::{Table, megabytes, table};
use crate::scenario::Depth;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunSettings { server, version, cores, scenario, replay, .. } = &self.settings;
        let media = match scenario.depth {
            Depth::Media if self.settings.video => "audio and video",
            Depth::Media => "audio",
            Depth::Signaling => "signaling alone",
        };
        let rooms = scenario.rooms;
        let head = match replay {
            Some(Replayed { stays, largest_room, .. }) => {
                let seconds = self.settings.duration_seconds;
                format!(
                    "replay of {stays} stays in {rooms} rooms of at most {largest_room} with \
                     {media}, {seconds:.1} s, server {server}"
                )
            }
            None => {
                let (peers, duration) = (&scenario.peers, scenario.duration);
                format!(
                    "{rooms} rooms of {peers} with {media}, {duration} together, server {server}"
                )
            }
        };
        writeln!(f, "\n{}", tell(&head))?;
        let took = self.took_seconds;
        let tester = format!("loadtest {version} on {cores} cores, {took:.1} s in all");
        writeln!(f, "{}\n", tell(&tester))?;
        writeln!(f, "{}\n", self.counts())?;
        writeln!(f, "{}\n", self.percentiles())?;
        if let Some(phases) = self.by_phase() {
            writeln!(f, "{phases}\n")?;
        }
        if let Some(media) = &self.media {
            writeln!(f, "{}\n", media_table(media))?;
            write_silences(f, media)?;
        }
        write!(f, "{}", self.machine())?;
        if let Some(counts) = &self.server_counts {
            write!(f, "\n\n{}", counted(counts))?;
        }
        if !self.losses.is_empty() {
            write!(f, "\n\n{}", self.lost())?;
        }
        if !self.objectives.is_empty() {
            write!(f, "\n\n{}", self.objectives())?;
        }
        let causes = self.failures.iter();
        for Failure { cause, count } in causes.take(MAX_FAILURES) {
            write!(f, "\n{}", tell(&format!("failed: {count} × {cause}")))?;
        }
        if let Some(more @ 1..) = self.failures.len().checked_sub(MAX_FAILURES) {
            write!(f, "\n{}", tell(&format!("… and {more} more causes")))?;
        }
        write!(f, "\n\n{}", tell(&self.sentence()))
    }
}

impl Report {
    /// The verdict in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let reason = self.reasons.first().map_or("see above", String::as_str);
        let until = if self.interrupted { ", until the run was interrupted" } else { "" };
        match (self.verdict, self.settings.scenario.depth) {
            (Verdict::Held, Depth::Media) => {
                format!("everybody was connected to everybody and received its media{until}")
            }
            (Verdict::Held, Depth::Signaling) => {
                format!("everybody negotiated with everybody, and every message arrived{until}")
            }
            (Verdict::Broken, _) => format!("FAILED: {reason}"),
            (Verdict::Invalid, _) => format!("INVALID: the tester was the limit: {reason}"),
            (Verdict::Missed, _) => format!("MISSED: {reason}"),
        }
    }

    fn counts(&self) -> Table {
        let mut table = table(&["", "wanted", "reached", "failed"]);
        for (name, count) in
            [("participants", self.participants), ("connections", self.connections)]
        {
            let Reached { wanted, reached } = count;
            let failed = wanted.saturating_sub(reached);
            let cells = [name.into(), wanted.to_string(), reached.to_string(), failed.to_string()];
            table.add_row(cells);
        }
        if self.settings.scenario.depth == Depth::Media {
            let heard = self.connections.reached.saturating_sub(self.silent_connections);
            table.add_row([
                "  with media".into(),
                self.connections.wanted.to_string(),
                heard.to_string(),
                self.connections.wanted.saturating_sub(heard).to_string(),
            ]);
            let Packets { planned, received, .. } = self.packets;
            table.add_row([
                "packets".into(),
                planned.to_string(),
                received.to_string(),
                part(self.packets.missing(), planned),
            ]);
        }
        if let Some(Impaired { carried, lost, stalled, .. }) = self.impaired {
            let sent = carried + lost + stalled;
            let gone = part(lost + stalled, sent);
            table.add_row(["bad network".into(), sent.to_string(), carried.to_string(), gone]);
        }
        let Messages { planned, lost, .. } = self.relayed;
        table.add_row([
            "relayed messages".into(),
            planned.to_string(),
            planned.saturating_sub(lost).to_string(),
            part(lost, planned),
        ]);
        table
    }

    fn percentiles(&self) -> Table {
        let mut table = table(&[
            "ms", "count", "missing", "p50", "p90", "p99", "p99.9", "max", "raw p99", "measured",
        ]);
        for kind in Kind::ALL {
            let Some(told) = self.latency_ms.get(&kind) else { continue };
            let Some(details) = self.latencies.get(&kind) else { continue };
            // A percentile beyond the last sample is that sample, and says nothing more.
            let shown = |quantile, value: f64, count| {
                if has_samples_for(quantile, count) { format!("{value:.1}") } else { "–".into() }
            };
            let raw = details.raw_ms.map_or("–".into(), |raw| shown(0.99, raw.p99, raw.count));
            table.add_row([
                kind.name().replace('_', " "),
                told.count.to_string(),
                details.missing().to_string(),
                shown(0.5, told.p50, told.count),
                shown(0.9, told.p90, told.count),
                shown(0.99, told.p99, told.count),
                shown(0.999, told.p999, told.count),
                format!("{:.1}", told.max),
                raw,
                format!("{:.1} to {:.1} s", told.from_seconds, told.to_seconds),
            ]);
        }
        table
    }

    /// The kinds that were measured in more than one phase; `None` if there are none.
    fn by_phase(&self) -> Option<Table> {
        let mut table = table(&["ms, by phase", "phase", "count", "p50", "p90", "p99", "max"]);
        for kind in Kind::ALL {
            let Some(details) = self.latencies.get(&kind) else { continue };
            if details.phases.len() < 2 {
                continue;
            }
            for phase in Phase::MEASURED {
                let Some(told) = details.phases.get(&phase) else { continue };
                let shown = |value: Option<f64>| value.map_or("–".into(), |v| format!("{v:.1}"));
                table.add_row([
                    kind.name().replace('_', " "),
                    phase.name().into(),
                    told.count.to_string(),
                    shown(told.p50),
                    shown(told.p90),
                    shown(told.p99),
                    format!("{:.1}", told.max),
                ]);
            }
        }
        (!table.is_empty()).then_some(table)
    }

    fn machine(&self) -> Table {
        let mut table = table(&[
            "",
            "processors",
            "busiest second",
            "memory",
            "open files",
            "TCP sockets",
            "late p99",
        ]);
        let tester = &self.tester;
        table.add_row([
            "tester".into(),
            format!("{:.2}", tester.processors),
            format!("{:.2}", tester.busiest_processors),
            megabytes(tester.memory_bytes),
            tester.open_files.to_string(),
            tester.tcp_sockets.map_or(String::new(), |sockets| sockets.to_string()),
            format!("{:.1} ms", tester.lag_ms.p99),
        ]);
        if let Some(server) = self.server {
            table.add_row([
                "server".into(),
                format!("{:.2}", server.processors),
                format!("{:.2}", server.busiest_processors),
                megabytes(server.memory_bytes),
                match server.max_files {
                    Some(most) => format!("{} of {most}", server.open_files),
                    None => server.open_files.to_string(),
                },
                String::new(),
                String::new(),
            ]);
        }
        table
    }

    fn lost(&self) -> Table {
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

    fn objectives(&self) -> Table {
        let mut table = table(&["objective", "measured", ""]);
        for held in &self.objectives {
            let value = held.value.map_or("–".into(), |value| format!("{value:.3}"));
            let outcome = if held.held { "held" } else { "missed" };
            let remark = held.remark.as_ref().map(|remark| format!(" ({remark})"));
            table.add_row([
                held.objective.clone(),
                value,
                format!("{outcome}{}", remark.unwrap_or_default()),
            ]);
        }
        table
    }
}

/// The server's own counts.
fn counted(counts: &ServerCounts) -> Table {
    let mut table = table(&["counted by the server", ""]);
    let ServerCounts { messages, relays, handling_us, .. } = counts;
    table.add_row(["messages".into(), messages.to_string()]);
    table.add_row(["relayed to receivers".into(), relays.to_string()]);
    table.add_row(["mean time for a message".into(), format!("{handling_us:.1} µs")]);
    table.add_row(["connections at most".into(), counts.most_connections.to_string()]);
    table.add_row(["bytes queued at most".into(), counts.most_queued_bytes.to_string()]);
    if let Some(flags) = counts.refused_by() {
        table.add_row(["refused because of".into(), flags]);
    }
    table
}

/// Media by kind, and the streams that arrived worst.
fn media_table(media: &MediaQuality) -> Table {
    let mut table = table(&[
        "media",
        "streams",
        "planned",
        "unsent",
        "lost",
        "jitter",
        "round trip",
        "frames/s",
        "kbit/s",
        "freezes",
        "frozen",
    ]);
    for (kind, quality) in &media.by_kind {
        let KindQuality { streams, planned, unsent, lost, freezes, frozen_seconds, .. } = *quality;
        let most = |spread: &Option<Spread>, unit| {
            spread.map_or("–".into(), |spread| {
                format!("{:.1} to {:.1}{unit}", spread.p50, spread.most)
            })
        };
        let least = |spread: &Option<Spread>, scale: f64| {
            let text = |spread: Spread| {
                format!("{:.1} to {:.1}", spread.least / scale, spread.p50 / scale)
            };
            spread.map_or("–".into(), text)
        };
        table.add_row([
            kind.to_string(),
            streams.to_string(),
            planned.to_string(),
            part(unsent, planned),
            part(lost, planned),
            most(&quality.jitter_ms, " ms"),
            most(&quality.round_trip_ms, " ms"),
            least(&quality.frame_rate, 1.0),
            least(&quality.bitrate, 1000.0),
            freezes.to_string(),
            format!("{frozen_seconds:.1} s"),
        ]);
    }
    for stream in media.worst() {
        let shown =
            |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.1} ms"));
        table.add_row([
            format!("  {}: {} to {}", stream.kind, stream.from, stream.to),
            format!("room {}", stream.room),
            stream.planned.to_string(),
            part(stream.planned.saturating_sub(stream.sent), stream.planned),
            part(stream.lost, stream.planned),
            shown(stream.jitter_ms),
            shown(stream.round_trip_ms),
            format!("{:.1}", stream.frame_rate),
            format!("{:.1}", stream.bitrate / 1000.0),
            stream.freezes.to_string(),
            format!("{:.1} s", stream.frozen_seconds),
        ]);
    }
    table
}

fn write_silences(f: &mut fmt::Formatter<'_>, media: &MediaQuality) -> fmt::Result {
    for ((kind, why), (count, one)) in media.silences() {
        let SilentQuality { room, from, to, .. } = one;
        let line = format!("silent: {count} × {kind}: {why} (room {room}: {from} to {to})");
        writeln!(f, "{}", tell(&line))?;
    }
    Ok(())
}

fn part(part: u64, whole: u64) -> String {
    if whole == 0 {
        return part.to_string();
    }
    format!("{part} ({:.2} %)", part as f64 * 100.0 / whole as f64)
}

const MAX_FAILURES: usize = 5;
