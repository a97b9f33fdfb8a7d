//! Reads one track of a WebM or Matroska file (RFC 9559), such as those of
//! [`Recorder`](crate::Recorder) and browsers.
//!
//! The file is read as a flat sequence of elements. Elements inside a segment or a cluster have
//! unique ids, so unknown lengths, and lengths that a crashed writer left wrong, do not matter.

mod h264;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;

use self::h264::Avc;
use super::error::FileProblem;
use super::keyframe::is_key;
use super::recording::Recording;
use super::{Codec, Frame, MediaKind, ebml};
use crate::opus;

pub(super) const MAGIC: &[u8] = &[0x1a, 0x45, 0xdf, 0xa3];

/// Reads the first track of that kind.
pub(super) fn read(file: &Bytes, kind: MediaKind) -> Result<Recording, FileProblem> {
    let mut rest = file.clone();
    let mut tick = DEFAULT_TICK_NANOS;
    let mut track = None;
    let mut cluster = 0;
    let mut first = None;
    let mut frames = Vec::new();
    while let Some(head) = ebml::header(&mut rest) {
        if matches!(head.id, SEGMENT | CLUSTER) {
            continue;
        }
        let length = head.length.filter(|length| *length <= rest.len());
        // The writer has crashed here.
        let Some(length) = length else { break };
        let content = rest.split_to(length);
        match head.id {
            INFO => tick = child(&content, TIMESTAMP_SCALE).unwrap_or(tick),
            TRACKS => track = Some(Track::find(&content, kind)?),
            TIMESTAMP => cluster = ebml::unsigned(&content).unwrap_or(cluster),
            SIMPLE_BLOCK | BLOCK_GROUP => {
                let track = track.as_ref().ok_or_else(|| damaged("blocks before the tracks"))?;
                let block = match head.id {
                    BLOCK_GROUP => ebml::elements(content).find(|(id, _)| *id == BLOCK),
                    _ => Some((head.id, content)),
                };
                let block = block.and_then(|(_, content)| Block::parse(content));
                let block = block.ok_or_else(|| damaged("a block is too short"))?;
                let at = cluster.saturating_add_signed(block.since_cluster.into());
                // Tracks of one file stay together: its beginning is that of its earliest track.
                let begin = *first.get_or_insert(at);
                if block.track == track.number {
                    let at = Duration::from_nanos(at.saturating_sub(begin).saturating_mul(tick));
                    frames.push((at, track.frame(block, frames.len())?));
                }
            }
            _ => {}
        }
    }
    let Some(track) = track else { return Err(FileProblem::Missing) };
    let frames = match kind {
        MediaKind::Audio => placed_sound(frames),
        MediaKind::Video => placed_pictures(frames)?,
    };
    Ok(Recording::timed(track.codec, frames)?)
}

struct Track {
    number: u64,
    codec: Codec,
    /// The storage format of H.264 pictures.
    avc: Option<Avc>,
}

impl Track {
    fn find(tracks: &Bytes, kind: MediaKind) -> Result<Self, FileProblem> {
        let wanted = match kind {
            MediaKind::Video => VIDEO_TYPE,
            MediaKind::Audio => AUDIO_TYPE,
        };
        let entries = ebml::elements(tracks.clone()).filter(|(id, _)| *id == TRACK_ENTRY);
        let mut entries = entries.map(|(_, entry)| entry);
        let entry = entries.find(|entry| child(entry, TRACK_TYPE) == Some(wanted));
        let entry = entry.ok_or(FileProblem::Missing)?;
        if bytes_of(&entry, CONTENT_ENCODINGS).is_some() {
            return Err(FileProblem::Unsuitable("its blocks are compressed or encrypted".into()));
        }
        let number = child(&entry, TRACK_NUMBER).ok_or_else(|| damaged("a track has no number"))?;
        let id = bytes_of(&entry, CODEC_ID).unwrap_or_default();
        let codec = match &id[..] {
            b"A_OPUS" => Codec::Opus,
            b"V_AV1" => Codec::Av1,
            b"V_MPEG4/ISO/AVC" => Codec::H264,
            b"V_VP8" => Codec::Vp8,
            b"V_VP9" => Codec::Vp9,
            other => {
                let other = String::from_utf8_lossy(other).escape_debug().to_string();
                return Err(FileProblem::Unsuitable(format!("the codec of its {kind} is {other}")));
            }
        };
        let avc = match codec {
            Codec::H264 => {
                let avc = bytes_of(&entry, CODEC_PRIVATE).and_then(|private| Avc::parse(&private));
                Some(avc.ok_or_else(|| damaged("the parameters of H.264 are missing"))?)
            }
            Codec::Av1 | Codec::Opus | Codec::Vp8 | Codec::Vp9 => None,
        };
        Ok(Self { number, codec, avc })
    }

    fn frame(&self, block: Block, index: usize) -> Result<Frame, FileProblem> {
        if block.is_laced {
            return Err(FileProblem::Unsuitable("several frames share a block".into()));
        }
        let strange =
            || damaged(&format!("frame {} does not begin like {}", index + 1, self.codec));
        let data = block.data;
        let duration = Frame::MIN_DURATION;
        match self.codec {
            Codec::Opus => {
                let duration = opus::duration(&data).ok_or_else(strange)?;
                // Copied, so that sound does not keep the pictures of the file in memory.
                Ok(Frame {
                    data: Bytes::copy_from_slice(&data),
                    duration,
                    is_key: true,
                    level: None,
                })
            }
            Codec::H264 => {
                let avc = self.avc.as_ref().expect("a track of H.264 is read with it");
                let (data, is_key) = avc.access_unit(&data).ok_or_else(strange)?;
                Ok(Frame { data, duration, is_key, level: None })
            }
            Codec::Av1 | Codec::Vp8 | Codec::Vp9 => {
                let is_key = is_key(self.codec, &data).ok_or_else(strange)?;
                Ok(Frame { data, duration, is_key, level: None })
            }
        }
    }
}

/// RFC 9559 section 10.1.
struct Block {
    track: u64,
    since_cluster: i16,
    is_laced: bool,
    data: Bytes,
}

impl Block {
    fn parse(mut content: Bytes) -> Option<Self> {
        let track = ebml::length(&mut content)??;
        let [high, low, flags, ..] = content[..] else { return None };
        Some(Self {
            track: track as u64,
            since_cluster: i16::from_be_bytes([high, low]),
            is_laced: flags & LACING != 0,
            data: content.slice(3..),
        })
    }
}

/// Places packets. Each begins where the previous one ends, unless there is a gap, since the file's
/// clock has only milliseconds.
fn placed_sound(packets: Vec<(Duration, Frame)>) -> Vec<(Duration, Frame)> {
    let mut next = Duration::ZERO;
    let placed = packets.into_iter().map(|(at, packet)| {
        let start = if at > next + GAP { at } else { next };
        next = start + packet.duration;
        (start, packet)
    });
    placed.collect()
}

/// Places pictures. Each plays until the next one.
fn placed_pictures(
    mut pictures: Vec<(Duration, Frame)>,
) -> Result<Vec<(Duration, Frame)>, FileProblem> {
    let mut last = Duration::ZERO;
    for index in 1..pictures.len() {
        let at = pictures[index].0;
        let picture = &mut pictures[index - 1];
        last = at.checked_sub(picture.0).ok_or_else(|| {
            FileProblem::Unsuitable(
                "its pictures are not in the order in which they are seen".into(),
            )
        })?;
        picture.1.duration = last;
    }
    if let Some((_, picture)) = pictures.last_mut() {
        picture.duration = last;
    }
    Ok(pictures)
}

/// The number in the first child with that id.
fn child(parent: &Bytes, id: u32) -> Option<u64> {
    ebml::unsigned(&bytes_of(parent, id)?)
}

fn bytes_of(parent: &Bytes, id: u32) -> Option<Bytes> {
    ebml::elements(parent.clone()).find(|(other, _)| *other == id).map(|(_, content)| content)
}

fn damaged(reason: &str) -> FileProblem {
    FileProblem::Damaged(reason.to_owned())
}

const DEFAULT_TICK_NANOS: u64 = 1_000_000;
/// More than the rounding of milliseconds, and less than a packet.
const GAP: Duration = Duration::from_millis(15);
const LACING: u8 = 0x06;
const VIDEO_TYPE: u64 = 1;
const AUDIO_TYPE: u64 = 2;

// The ids of RFC 9559 section 5.1.
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const TRACK_TYPE: u32 = 0x83;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63a2;
const CONTENT_ENCODINGS: u32 = 0x6d80;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
