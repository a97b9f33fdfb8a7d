//! The settings of a scenario, from flags or a file.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;
use clap::{Args, value_parser};
use serde::Deserialize;

use super::{
    Arrivals, CandidateCounts, Depth, Preset, Quality, RoomSizes, Scenario, ScenarioError, Stalls,
};
use crate::span::Span;

/// The settings from flags or a file. A flag takes precedence over the file, and the file over the
/// default.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[command(next_help_heading = "Scenario")]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct ScenarioSettings {
    /// How much of a call is simulated [default: media]
    #[arg(long)]
    pub(super) depth: Option<Depth>,

    /// Number of rooms [default: 4]
    #[arg(long, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(super) rooms: Option<u32>,

    /// Participants in each room: 4, or several sizes with weights like 2:60,4:30,10:10 [default:
    /// 4]
    #[arg(long, value_name = "SIZES")]
    pub(super) peers: Option<RoomSizes>,

    /// Joins per second over all rooms: 10, rising 1..50, in steps 10,20,50, or burst [default: 10]
    #[arg(long, value_name = "JOINS")]
    pub(super) rate: Option<Arrivals>,

    /// Rooms created per second before anybody joins [default: 100]
    #[arg(long, value_name = "ROOMS", value_parser = positive)]
    pub(super) create_rate: Option<f64>,

    /// Time from the first join that is not measured [default: 0]
    #[arg(long, value_name = "TIME")]
    pub(super) warm_up: Option<Span>,

    /// Time that everybody stays after the last join; 0 measures only the joins [default: 15s]
    #[arg(long, value_name = "TIME")]
    pub(super) duration: Option<Span>,

    /// Mean time that a participant stays, exponentially distributed [default: until the end]
    #[arg(long, value_name = "TIME")]
    pub(super) stay: Option<Span>,

    /// Replace each participant that leaves by a newcomer at once; needs --stay
    #[arg(long)]
    #[serde(default)]
    pub(super) churn: bool,

    /// Mean time until a participant's socket is cut, after which it resumes its seat
    #[arg(long, value_name = "TIME")]
    pub(super) cut_every: Option<Span>,

    /// Mean time until a participant negotiates again with everybody; at depth media it restarts
    /// ICE
    #[arg(long, value_name = "TIME")]
    pub(super) renegotiate_every: Option<Span>,

    /// Mean time until a participant shows a screen beside its video, or stops showing it
    #[arg(long, value_name = "TIME")]
    pub(super) share_every: Option<Span>,

    /// Messages per second from each participant to its room [default: 0]
    #[arg(long, value_name = "MESSAGES", value_parser = not_negative)]
    pub(super) message_rate: Option<f64>,

    /// Size of each of these messages, in bytes [default: 200]
    #[arg(long, value_name = "BYTES", value_parser = bytes(64, 16_000))]
    pub(super) message_bytes: Option<u32>,

    /// Size of an offer or answer in bytes, at depth signaling [default: 5000]
    #[arg(long, value_name = "BYTES", value_parser = bytes(64, 60_000))]
    pub(super) description_bytes: Option<u32>,

    /// Candidates from each side of a pair at depth signaling [default: 4..12]
    #[arg(long, value_name = "FROM..TO")]
    pub(super) candidates: Option<CandidateCounts>,

    /// Size of a candidate in bytes, at depth signaling [default: 240]
    #[arg(long, value_name = "BYTES", value_parser = bytes(64, 16_000))]
    pub(super) candidate_bytes: Option<u32>,

    /// Participants of each room that send media; the others watch [default: all]
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u8).range(1..=50))]
    pub(super) publishers: Option<u8>,

    /// Media that participants send [default: clip]
    #[arg(long)]
    pub(super) preset: Option<Preset>,

    /// Send audio only
    #[arg(long)]
    #[serde(default)]
    pub(super) no_video: bool,

    /// Audio file to send instead of the preset's audio: Opus in Ogg
    #[arg(long, value_name = "FILE")]
    pub(super) audio_file: Option<PathBuf>,

    /// Video file to send instead of the preset's video: VP8, VP9 or AV1 in IVF
    #[arg(long, value_name = "FILE")]
    pub(super) video_file: Option<PathBuf>,

    /// Local IP address for media [default: 127.0.0.1 for a server on this machine, otherwise
    /// 0.0.0.0]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) bind: Option<IpAddr>,

    /// Send media through TURN servers only
    #[arg(long)]
    #[serde(default)]
    pub(super) relay_only: bool,

    /// Impairment of the media that participants send:
    /// loss=2%,delay=50ms,jitter=20ms,bandwidth=1mbit. All media then goes through the TURN server
    /// that the server names
    #[arg(long, value_name = "QUALITY")]
    pub(super) impair_up: Option<Quality>,

    /// Impairment of the media that participants receive
    #[arg(long, value_name = "QUALITY")]
    pub(super) impair_down: Option<Quality>,

    /// Stalls in both directions, by length and period: 2s/30s
    #[arg(long, value_name = "TIME/PERIOD")]
    pub(super) impair_stall: Option<Stalls>,

    /// Participants of each room with an impaired network [default: all]
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u8).range(1..=50))]
    pub(super) impaired: Option<u8>,

    /// File of `loadtest record` to replay, instead of rooms, peers, rate and stay
    #[arg(long, value_name = "FILE")]
    pub(super) replay: Option<PathBuf>,

    /// Seed for random sizes, stays and cuts; the same seed gives the same plan [default: 1]
    #[arg(long)]
    pub(super) seed: Option<u64>,
}

/// Settings that a file omits have their defaults.
impl TryFrom<ScenarioSettings> for Scenario {
    type Error = ScenarioError;

    fn try_from(file: ScenarioSettings) -> Result<Self, ScenarioError> {
        let scenario = ScenarioSettings::default().over(file);
        scenario.check()?;
        Ok(scenario)
    }
}

impl ScenarioSettings {
    /// Whether they contain the number of rooms.
    pub(crate) fn has_rooms(&self) -> bool {
        self.rooms.is_some()
    }

    pub(super) fn over(self, file: Self) -> Scenario {
        Scenario {
            depth: self.depth.or(file.depth).unwrap_or(Depth::Media),
            rooms: self.rooms.or(file.rooms).unwrap_or(4),
            peers: self.peers.or(file.peers).unwrap_or_else(|| RoomSizes::fixed(4)),
            rate: self.rate.or(file.rate).unwrap_or(Arrivals::Constant(10.0)),
            create_rate: self.create_rate.or(file.create_rate).unwrap_or(100.0),
            warm_up: self.warm_up.or(file.warm_up).unwrap_or_default(),
            duration: self.duration.or(file.duration).unwrap_or(Span::seconds(15)),
            stay: self.stay.or(file.stay),
            churn: self.churn || file.churn,
            cut_every: self.cut_every.or(file.cut_every),
            renegotiate_every: self.renegotiate_every.or(file.renegotiate_every),
            share_every: self.share_every.or(file.share_every),
            message_rate: self.message_rate.or(file.message_rate).unwrap_or(0.0),
            message_bytes: self.message_bytes.or(file.message_bytes).unwrap_or(200),
            description_bytes: self.description_bytes.or(file.description_bytes).unwrap_or(5000),
            candidates: self
                .candidates
                .or(file.candidates)
                .unwrap_or(CandidateCounts { least: 4, most: 12 }),
            candidate_bytes: self.candidate_bytes.or(file.candidate_bytes).unwrap_or(240),
            publishers: self.publishers.or(file.publishers),
            preset: self.preset.or(file.preset).unwrap_or_default(),
            no_video: self.no_video || file.no_video,
            audio_file: self.audio_file.or(file.audio_file),
            video_file: self.video_file.or(file.video_file),
            bind: self.bind.or(file.bind),
            relay_only: self.relay_only || file.relay_only,
            impair_up: self.impair_up.or(file.impair_up),
            impair_down: self.impair_down.or(file.impair_down),
            impair_stall: self.impair_stall.or(file.impair_stall),
            impaired: self.impaired.or(file.impaired),
            replay: self.replay.or(file.replay),
            shape: None,
            seed: self.seed.or(file.seed).unwrap_or(1),
        }
    }
}

pub(super) fn read(path: &Path) -> Result<ScenarioSettings, ScenarioError> {
    let path = path.to_owned();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Err(ScenarioError::Read { path, error }),
    };
    toml::from_str(&text).map_err(|error| ScenarioError::Parse { path, error })
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "expected a number above 0".into())
}

fn not_negative(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number >= 0.0 && number.is_finite());
    number.ok_or_else(|| "expected a number from 0 up".into())
}

fn bytes(least: u64, most: u64) -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(least..=most)
}
