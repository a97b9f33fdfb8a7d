//! How media arrived, in plots and tables.

use super::super::media::{KindQuality, MediaQuality, Spread};
use super::{Report, titled};
use crate::measure::latency_kind::Kind;
use crate::measure::stream::{StreamCounts, StreamKind};
use crate::output::html::{table, tile};
use crate::output::plot::{Line, Plot, Scale, number};
use crate::report::Window;

impl Report {
    /// Empty at depth signaling.
    pub(super) fn media_section(&self) -> String {
        let Some(media) = &self.media else { return String::new() };
        format!(
            "<h2>Media</h2>{}<div class=\"plots\">{}</div>{}{}{}",
            self.packet_tiles(),
            self.media_plots(),
            kind_table(media),
            titled("Streams that arrived worst", &worst_table(media)),
            titled("Silent streams", &silence_table(media)),
        )
    }

    fn packet_tiles(&self) -> String {
        let packets = &self.packets;
        let share = |part: u64| {
            let percent = part as f64 * 100.0 / packets.planned.max(1) as f64;
            format!("{} % of what was planned", number(percent))
        };
        let tiles = [
            tile("packets planned", &packets.planned.to_string(), ""),
            tile("not sent", &packets.unsent.to_string(), &share(packets.unsent)),
            tile("sent and lost", &packets.lost.to_string(), &share(packets.lost)),
        ];
        format!("<div class=\"tiles\">{}</div>", tiles.concat())
    }

    fn media_plots(&self) -> String {
        // Of the last second only a part is measured.
        let end = self.phases_seconds.end;
        let is_whole = |window: &Window| (window.second + window.seconds) as f64 <= end;
        let of_kinds = |value: fn(&StreamCounts) -> u64, scale: f64| {
            let lines = StreamKind::ALL.into_iter().map(|kind| {
                self.line(&kind.to_string(), |window: &Window| {
                    let counts = window.media.get(&kind).filter(|_| is_whole(window))?;
                    Some(value(counts) as f64 / scale / window.seconds as f64)
                })
            });
            lines.filter(|line| !line.points.is_empty()).collect::<Vec<Line>>()
        };
        let delays = [Kind::MouthToEar, Kind::GlassToGlass].into_iter();
        let delays = delays.filter_map(|kind| self.latency_line(kind)).collect();
        let plots = [
            self.over_time(
                "Frames that arrive in a second",
                "",
                Scale::Linear,
                of_kinds(|counts| counts.frames, 1.0),
            ),
            self.over_time(
                "Media that arrives",
                "Mbit/s",
                Scale::Linear,
                of_kinds(|counts| counts.bytes, 125_000.0),
            ),
            self.over_time(
                "Freezes that end in a second",
                "",
                Scale::Linear,
                of_kinds(|counts| counts.freezes, 1.0),
            ),
            self.over_time("From source to receiver, p99", "ms", Scale::Logarithmic, delays),
        ];
        plots.iter().map(Plot::to_html).collect()
    }
}

fn kind_table(media: &MediaQuality) -> String {
    let rows: Vec<Vec<String>> = media
        .by_kind
        .iter()
        .map(|(kind, quality)| {
            let KindQuality { streams, planned, unsent, lost, .. } = *quality;
            vec![
                kind.to_string(),
                streams.to_string(),
                planned.to_string(),
                unsent.to_string(),
                lost.to_string(),
                range(quality.jitter_ms, 1.0),
                range(quality.round_trip_ms, 1.0),
                range(quality.frame_rate, 1.0),
                range(quality.bitrate, 1000.0),
                format!("{} in {}", quality.freezes, quality.frozen_streams),
                format!("{:.1} s", quality.frozen_seconds),
            ]
        })
        .collect();
    let header = [
        "",
        "streams",
        "planned",
        "unsent",
        "lost",
        "jitter, ms",
        "round trip, ms",
        "frames/s",
        "kbit/s",
        "freezes",
        "frozen",
    ];
    table(&header, &rows)
        + "<p class=\"soft\">The least, the median and the most of the streams.</p>"
}

fn worst_table(media: &MediaQuality) -> String {
    let rows: Vec<Vec<String>> = media
        .worst()
        .into_iter()
        .map(|stream| {
            let shown = |value: Option<f64>| value.map_or("–".into(), number);
            vec![
                format!(
                    "{} from {} to {}, room {}",
                    stream.kind, stream.from, stream.to, stream.room
                ),
                stream.planned.to_string(),
                stream.sent.to_string(),
                stream.received.to_string(),
                shown(stream.jitter_ms),
                shown(stream.round_trip_ms),
                number(stream.frame_rate),
                stream.freezes.to_string(),
                format!("{:.1} s", stream.frozen_seconds),
            ]
        })
        .collect();
    let header = [
        "",
        "planned",
        "sent",
        "received",
        "jitter, ms",
        "round trip, ms",
        "frames/s",
        "freezes",
        "frozen",
    ];
    table(&header, &rows)
}

fn silence_table(media: &MediaQuality) -> String {
    let rows: Vec<Vec<String>> = media
        .silences()
        .into_iter()
        .map(|((kind, why), (count, one))| {
            let one = format!("{} to {}, room {}", one.from, one.to, one.room);
            vec![why.into(), kind.to_string(), count.to_string(), one]
        })
        .collect();
    table(&["why", "kind", "streams", "one of them"], &rows)
}

fn range(spread: Option<Spread>, scale: f64) -> String {
    let Some(Spread { least, p50, most, .. }) = spread else { return "–".into() };
    let digits = usize::from(scale == 1.0);
    let [least, p50, most] = [least, p50, most].map(|value| value / scale);
    format!("{least:.digits$}–{p50:.digits$}–{most:.digits$}")
}
