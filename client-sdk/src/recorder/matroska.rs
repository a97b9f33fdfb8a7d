//! Writes WebM and Matroska (RFC 9559).

use std::io::{self, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime};

use super::ebml::{Elements, long_size};
use super::format::Format;
use crate::media::MediaKind;

/// The entry of one track in a file.
#[derive(Clone, Debug)]
pub(super) struct TrackEntry {
    pub(super) name: String,
    pub(super) kind: MediaKind,
    pub(super) format: Format,
}

/// A file that is being written, about a second at a time, so that a crash loses no more than that.
/// It can be played even if it was not finished.
pub(super) struct Matroska<W> {
    file: W,
    /// The position of the length of the segment, which is written at the end.
    segment_size: u64,
    /// The start of the segment, from which positions are counted.
    segment: u64,
    /// The position of the duration, which is written at the end.
    duration: u64,
    /// The position of the index entry, which is written at the end.
    seek_head: u64,
    has_video: bool,
    cluster: Cluster,
    cues: Vec<Cue>,
    /// When the last frame of each track begins.
    last: Vec<u64>,
    /// When the last of all frames has played.
    end: u64,
}

/// Frames that are not written yet.
#[derive(Default)]
struct Cluster {
    blocks: Vec<Block>,
    bytes: usize,
}

/// Times are in milliseconds.
struct Block {
    at: u64,
    track: usize,
    kind: MediaKind,
    is_key: bool,
    data: Vec<u8>,
}

impl Block {
    /// RFC 9559 section 10.2.
    fn encode(&self, cluster: u64) -> Vec<u8> {
        let since = i16::try_from(self.at - cluster).unwrap_or(i16::MAX);
        let flags = if self.is_key { KEYFRAME } else { 0 };
        // One byte is enough for the number of tracks that anybody sends.
        let number = 0x80 | (self.track + 1).min(126) as u8;
        let [high, low] = since.to_be_bytes();
        [&[number, high, low, flags], &self.data[..]].concat()
    }
}

/// An entry of the index: a position at which a player can begin.
struct Cue {
    at: u64,
    track: usize,
    cluster: u64,
}

impl<W: Write + Seek> Matroska<W> {
    /// Writes the header of the file. `began` is the time of its beginning.
    pub(super) fn create(
        mut file: W,
        is_webm: bool,
        tracks: &[TrackEntry],
        began: SystemTime,
    ) -> io::Result<Self> {
        let kind = if is_webm { "webm" } else { "matroska" };
        let head = Elements::default()
            .unsigned(EBML_MAX_ID_LENGTH, 4)
            .unsigned(EBML_MAX_SIZE_LENGTH, 8)
            .text(DOC_TYPE, kind)
            .unsigned(DOC_TYPE_VERSION, 4)
            .unsigned(DOC_TYPE_READ_VERSION, 2);
        let head = Elements::default().master(EBML, &head).unknown_size(SEGMENT);
        file.write_all(head.as_bytes())?;
        let segment = head.len() as u64;

        let seek_head = Elements::default().void(SEEK_HEAD_LENGTH);
        file.write_all(seek_head.as_bytes())?;
        let info = Elements::default()
            .unsigned(TIMESTAMP_SCALE, 1_000_000)
            .text(MUXING_APP, APP)
            .text(WRITING_APP, APP)
            .signed(DATE, since_2001(began))
            .void(DURATION_LENGTH);
        let info = Elements::default().master(INFO, &info);
        file.write_all(info.as_bytes())?;
        let duration = segment + (seek_head.len() + info.len() - DURATION_LENGTH) as u64;
        let entries = (1..).zip(tracks).fold(Elements::default(), |entries, (number, track)| {
            entries.master(TRACK_ENTRY, &entry(number, track))
        });
        file.write_all(Elements::default().master(TRACKS, &entries).as_bytes())?;
        file.flush()?;
        Ok(Self {
            file,
            segment_size: segment - 8,
            segment,
            duration,
            seek_head: segment,
            has_video: tracks.iter().any(|track| track.kind == MediaKind::Video),
            cluster: Cluster::default(),
            cues: Vec::new(),
            last: vec![0; tracks.len()],
            end: 0,
        })
    }

    /// Adds a frame of the track with that index, at a time since the beginning of the file. A
    /// frame without a duration plays as long as the previous one, but at most a second.
    pub(super) fn push(
        &mut self,
        track: usize,
        kind: MediaKind,
        at: Duration,
        duration: Option<Duration>,
        is_key: bool,
        data: Vec<u8>,
    ) -> io::Result<()> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let at = millis(at);
        let before = std::mem::replace(&mut self.last[track], at);
        let duration =
            duration.map_or_else(|| at.saturating_sub(before).min(MAX_GUESS_MILLIS), millis);
        self.end = self.end.max(at.saturating_add(duration));
        let is_picture = kind == MediaKind::Video;
        let is_full = self.cluster.blocks.first().is_some_and(|first| {
            at.saturating_sub(first.at) >= CLUSTER_MILLIS || self.cluster.bytes >= CLUSTER_BYTES
        });
        // A player can begin at a cluster that begins with a keyframe.
        let starts_anew = is_key && is_picture && !self.cluster.blocks.is_empty();
        if is_full || starts_anew {
            self.write_cluster()?;
        }
        self.cluster.bytes += data.len();
        self.cluster.blocks.push(Block { at, track, kind, is_key, data });
        Ok(())
    }

    /// Writes the remaining frames, the duration and the index.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write_cluster()?;
        let cues_at = self.file.stream_position()? - self.segment;
        let cues = self.cues.iter().fold(Elements::default(), |cues, cue| {
            let position = Elements::default()
                .unsigned(CUE_TRACK, cue.track as u64 + 1)
                .unsigned(CUE_CLUSTER_POSITION, cue.cluster);
            let point =
                Elements::default().unsigned(CUE_TIME, cue.at).master(CUE_POSITIONS, &position);
            cues.master(CUE_POINT, &point)
        });
        let has_cues = cues.len() > 0;
        if has_cues {
            self.file.write_all(Elements::default().master(CUES, &cues).as_bytes())?;
        }
        let end = self.file.stream_position()?;
        self.write_at(self.segment_size, &long_size(end - self.segment))?;
        let duration = Elements::default().float(DURATION, self.end as f64);
        self.write_at(self.duration, duration.as_bytes())?;
        if has_cues {
            let seek = Elements::default()
                .bytes(SEEK_ID, &CUES.to_be_bytes())
                .bytes(SEEK_POSITION, &cues_at.to_be_bytes());
            let head = Elements::default().master(SEEK, &seek);
            let head = Elements::default().master(SEEK_HEAD, &head);
            let rest = SEEK_HEAD_LENGTH - head.len();
            self.write_at(self.seek_head, head.as_bytes())?;
            self.file.write_all(Elements::default().void(rest).as_bytes())?;
        }
        self.file.flush()
    }

    fn write_at(&mut self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(position))?;
        self.file.write_all(bytes)
    }

    fn write_cluster(&mut self) -> io::Result<()> {
        let Cluster { mut blocks, .. } = std::mem::take(&mut self.cluster);
        blocks.sort_by_key(|block| block.at);
        let Some(first) = blocks.first() else { return Ok(()) };
        let begin = first.at;
        let mut cluster = Elements::default().unsigned(TIMESTAMP, begin);
        for block in &blocks {
            cluster = cluster.bytes(SIMPLE_BLOCK, &block.encode(begin));
        }
        let kind = if self.has_video { MediaKind::Video } else { MediaKind::Audio };
        if let Some(block) = blocks.iter().find(|block| block.is_key && block.kind == kind) {
            let cluster = self.file.stream_position()? - self.segment;
            self.cues.push(Cue { at: block.at, track: block.track, cluster });
        }
        self.file.write_all(Elements::default().master(CLUSTER, &cluster).as_bytes())?;
        self.file.flush()
    }
}

fn entry(number: u64, track: &TrackEntry) -> Elements {
    let TrackEntry { name, kind, format } = track;
    let entry = Elements::default()
        .unsigned(TRACK_NUMBER, number)
        .unsigned(TRACK_UID, number)
        .unsigned(TRACK_TYPE, if *kind == MediaKind::Video { VIDEO_TYPE } else { AUDIO_TYPE })
        .unsigned(FLAG_LACING, 0)
        .text(NAME, name)
        .text(LANGUAGE, "und")
        .text(CODEC_ID, format.codec_id)
        .optional(CODEC_PRIVATE, format.private.as_deref());
    match format.size {
        Some((width, height)) => {
            let size = Elements::default()
                .unsigned(PIXEL_WIDTH, width.into())
                .unsigned(PIXEL_HEIGHT, height.into());
            entry.master(VIDEO, &size)
        }
        None => {
            let sound =
                Elements::default().float(SAMPLING_FREQUENCY, 48_000.0).unsigned(CHANNELS, 2);
            entry.unsigned(SEEK_PRE_ROLL, OPUS_PRE_ROLL).master(AUDIO, &sound)
        }
    }
}

/// Converts a time to nanoseconds since the beginning of 2001, the epoch of Matroska.
fn since_2001(time: SystemTime) -> i64 {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = since_1970.as_secs_f64() - 978_307_200.0;
    (seconds * 1e9) as i64
}

const MAX_GUESS_MILLIS: u64 = 1000;
const CLUSTER_MILLIS: u64 = 1000;
const CLUSTER_BYTES: usize = 1024 * 1024;
const APP: &str = concat!("client-sdk ", env!("CARGO_PKG_VERSION"));
/// The length of a `Duration` element: id, size and eight bytes.
const DURATION_LENGTH: usize = 11;
/// More than a `SeekHead` with one entry and a void element need.
const SEEK_HEAD_LENGTH: usize = 64;
const VIDEO_TYPE: u64 = 1;
const AUDIO_TYPE: u64 = 2;
const KEYFRAME: u8 = 0x80;
/// RFC 7845 section 4.6: 80 ms, in nanoseconds.
const OPUS_PRE_ROLL: u64 = 80_000_000;

// The ids of RFC 8794 section 11 and RFC 9559 section 5.1.
const EBML: u32 = 0x1a45_dfa3;
const EBML_MAX_ID_LENGTH: u32 = 0x42f2;
const EBML_MAX_SIZE_LENGTH: u32 = 0x42f3;
const DOC_TYPE: u32 = 0x4282;
const DOC_TYPE_VERSION: u32 = 0x4287;
const DOC_TYPE_READ_VERSION: u32 = 0x4285;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const SEEK: u32 = 0x4dbb;
const SEEK_ID: u32 = 0x53ab;
const SEEK_POSITION: u32 = 0x53ac;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
const DURATION: u32 = 0x4489;
const DATE: u32 = 0x4461;
const MUXING_APP: u32 = 0x4d80;
const WRITING_APP: u32 = 0x5741;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const TRACK_UID: u32 = 0x73c5;
const TRACK_TYPE: u32 = 0x83;
const FLAG_LACING: u32 = 0x9c;
const NAME: u32 = 0x536e;
const LANGUAGE: u32 = 0x0022_b59c;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63a2;
const SEEK_PRE_ROLL: u32 = 0x56bb;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
const AUDIO: u32 = 0xe1;
const SAMPLING_FREQUENCY: u32 = 0xb5;
const CHANNELS: u32 = 0x9f;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const CUES: u32 = 0x1c53_bb6b;
const CUE_POINT: u32 = 0xbb;
const CUE_TIME: u32 = 0xb3;
const CUE_POSITIONS: u32 = 0xb7;
const CUE_TRACK: u32 = 0xf7;
const CUE_CLUSTER_POSITION: u32 = 0xf1;
