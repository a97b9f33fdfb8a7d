//! Whole frames of a track.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::payload::{Assembled, assemble, is_start};
use super::sequence::extend;
use super::{RemoteTrack, RtpPacket};
use crate::media::{AudioLevel, Codec, MediaKind};
use crate::opus;

/// An encoded video frame or audio packet, as its sender encoded it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemoteFrame {
    /// The data: for H.264 an access unit in Annex-B format, for AV1 a temporal unit in the
    /// low-overhead format without its delimiter.
    pub data: Bytes,
    /// The timestamp, in units of the codec's clock: 48 kHz for Opus, 90 kHz for video.
    pub timestamp: u32,
    /// Whether a decoder can start here; true for all audio.
    pub is_key: bool,
    /// The duration, which Opus frames contain and video frames do not. A [`Frame`](crate::Frame)
    /// needs it to be sent on.
    pub duration: Option<Duration>,
    /// The audio level, if it is sound and its sender adds it (RFC 6464), as browsers do.
    pub level: Option<AudioLevel>,
    /// How many packets are missing between the previous frame and this one.
    pub lost: u32,
    /// Whether an earlier packet was lost. Video cannot be decoded properly from here until the
    /// next keyframe.
    pub follows_loss: bool,
    /// The capture time by the sender's clock; `None` until the sender has reported its clock (RFC
    /// 3550 section 6.4.1), which takes browsers up to five seconds. All tracks of a participant
    /// have one clock.
    pub wall_clock: Option<SystemTime>,
}

/// A track of whole frames, in order.
///
/// It waits up to 300 ms for late and retransmitted packets. After a loss of video it requests a
/// keyframe.
#[derive(Debug)]
pub struct RemoteFrames {
    track: RemoteTrack,
    assembler: Assembler,
    /// Whether frames cannot be decoded until the next keyframe.
    needs_keyframe: bool,
}

impl RemoteFrames {
    pub(super) fn new(track: RemoteTrack, codec: Codec) -> Self {
        Self { track, assembler: Assembler::new(codec), needs_keyframe: true }
    }

    /// Waits for the next frame; `None` when the track has ended. Safe to cancel.
    pub async fn recv(&mut self) -> Option<RemoteFrame> {
        loop {
            if let Some(mut frame) = self.assembler.poll() {
                let clock_rate = self.track.kind.clock_rate();
                frame.wall_clock = self.track.clock.at(frame.timestamp, clock_rate);
                self.needs_keyframe = !frame.is_key && (self.needs_keyframe || frame.follows_loss);
                // A request for each frame, since a request may be lost too. The track limits their
                // rate.
                if self.needs_keyframe {
                    self.track.request_keyframe();
                }
                return Some(frame);
            }
            let packet = self.track.recv().await?;
            self.assembler.push(packet);
        }
    }

    /// The underlying track. Its packets are read by this value.
    pub fn track(&self) -> &RemoteTrack {
        &self.track
    }
}

/// Orders packets and assembles frames.
#[derive(Debug)]
struct Assembler {
    codec: Codec,
    /// The waiting packets by extended sequence number.
    waiting: BTreeMap<i64, RtpPacket>,
    /// The extended number of the packet that is due.
    due: Option<i64>,
    is_after_loss: bool,
    /// The number of packets given up since the last frame.
    lost: u32,
    frames: VecDeque<RemoteFrame>,
}

impl Assembler {
    fn new(codec: Codec) -> Self {
        Self {
            codec,
            waiting: BTreeMap::new(),
            due: None,
            is_after_loss: false,
            lost: 0,
            frames: VecDeque::new(),
        }
    }

    fn push(&mut self, packet: RtpPacket) {
        let due = *self.due.get_or_insert_with(|| i64::from(packet.sequence_number));
        let number = extend(packet.sequence_number, due);
        if number < due {
            return;
        }
        self.waiting.insert(number, packet);
        while self.take_frame() || self.skip_gap() {}
    }

    fn poll(&mut self) -> Option<RemoteFrame> {
        self.frames.pop_front()
    }

    /// Takes the packets of the next frame, if all of them have arrived.
    fn take_frame(&mut self) -> bool {
        let Some(due) = self.due else { return false };
        let Some(first) = self.waiting.get(&due) else { return false };
        let (timestamp, level) = (first.timestamp, first.level);
        let mut end = due;
        loop {
            let Some(packet) = self.waiting.get(&end) else { return false };
            // Some senders do not mark the end of a frame. The next timestamp then shows it.
            if packet.timestamp != timestamp {
                break;
            }
            end += 1;
            if packet.marker || self.codec.kind() == MediaKind::Audio {
                break;
            }
        }
        let payloads: Vec<Bytes> = (due..end)
            .filter_map(|number| self.waiting.remove(&number))
            .map(|packet| packet.payload)
            .collect();
        self.due = Some(end);
        // Padding packets, which probe the bandwidth.
        if payloads.iter().all(Bytes::is_empty) {
            return true;
        }
        let is_whole = payloads.first().is_some_and(|payload| is_start(self.codec, payload));
        match assemble(self.codec, &payloads).filter(|_| is_whole) {
            Some(Assembled { data, is_key }) => {
                let duration = match self.codec {
                    Codec::Opus => opus::duration(&data),
                    Codec::Av1 | Codec::H264 | Codec::Vp8 | Codec::Vp9 => None,
                };
                self.frames.push_back(RemoteFrame {
                    data,
                    timestamp,
                    is_key,
                    duration,
                    level,
                    lost: std::mem::take(&mut self.lost),
                    follows_loss: std::mem::take(&mut self.is_after_loss),
                    wall_clock: None,
                });
            }
            None => self.is_after_loss = true,
        }
        true
    }

    /// Gives up packets that have been missing for too long.
    fn skip_gap(&mut self) -> bool {
        let (Some(due), Some((_, oldest)), Some((_, newest))) =
            (self.due, self.waiting.first_key_value(), self.waiting.last_key_value())
        else {
            return false;
        };
        let waited = newest.timestamp.wrapping_sub(oldest.timestamp) as i32;
        if waited <= self.patience() && self.waiting.len() <= MAX_WAITING {
            return false;
        }
        // The whole frame with the gap is given up. The rest of it after the gap does not start a
        // frame.
        let mut next = due;
        while self.waiting.remove(&next).is_some() {
            next += 1;
        }
        let Some((&behind, _)) = self.waiting.first_key_value() else { return false };
        self.lost = self.lost.saturating_add(u32::try_from(behind - next).unwrap_or(u32::MAX));
        self.due = Some(behind);
        self.is_after_loss = true;
        true
    }

    /// The patience in units of the codec's clock.
    fn patience(&self) -> i32 {
        // The patience times the clock rate has as many seconds as the patience has units.
        (PATIENCE * self.codec.kind().clock_rate()).as_secs() as i32
    }
}

const PATIENCE: Duration = Duration::from_millis(300);
/// More packets than the largest frame has.
const MAX_WAITING: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    /// A VP8 frame of `count` packets, numbered from `first`; 30 frames a second.
    fn frame(first: u16, count: u16, time: u32) -> Vec<RtpPacket> {
        let packet = |index: u16| {
            let start = if index == 0 { 0x10 } else { 0 };
            RtpPacket {
                sequence_number: first.wrapping_add(index),
                timestamp: time.wrapping_mul(3000),
                marker: index + 1 == count,
                payload_type: 96,
                level: None,
                payload: vec![start, time as u8, index as u8].into(),
            }
        };
        (0..count).map(packet).collect()
    }

    fn frames(packets: impl IntoIterator<Item = RtpPacket>) -> Vec<(u32, usize, bool)> {
        let mut assembler = Assembler::new(Codec::Vp8);
        packets.into_iter().for_each(|packet| assembler.push(packet));
        std::iter::from_fn(|| assembler.poll())
            .map(|frame| (frame.timestamp / 3000, frame.data.len() / 2, frame.follows_loss))
            .collect()
    }

    #[test]
    fn packets_in_any_order_and_twice_make_frames_in_order_also_where_numbers_wrap() {
        let (a, b) = (frame(65_534, 3, 1), frame(1, 2, 2));
        let order = [&a[0], &b[1], &a[2], &a[2], &b[0], &a[1], &a[0], &b[1]];
        assert_eq!(frames(order.map(Clone::clone)), [(1, 3, false), (2, 2, false)]);
    }

    #[test]
    fn a_frame_that_is_not_whole_is_left_out_and_the_next_tells() {
        // Its first, middle and last packet.
        for lost in [3, 4, 5] {
            let packets = (0..20).flat_map(|n| frame(3 * n, 3, n.into()));
            let arrived = packets.filter(|packet| packet.sequence_number != lost);
            let expected: Vec<_> = (0..20).filter(|n| *n != 1).map(|n| (n, 3, n == 2)).collect();
            assert_eq!(frames(arrived), expected[..], "{lost}");
        }
    }

    #[test]
    fn the_next_frame_tells_how_many_packets_are_missing() {
        let packets = (0..40).flat_map(|n| frame(3 * n, 3, n.into()));
        let mut assembler = Assembler::new(Codec::Vp8);
        // One in the middle of a frame, two whole frames and a third.
        let missing = [4, 30, 31, 32, 33, 34, 35, 36];
        let arrived = packets.filter(|packet| !missing.contains(&packet.sequence_number));
        arrived.for_each(|packet| assembler.push(packet));
        let lost = std::iter::from_fn(|| assembler.poll())
            .filter(|frame| frame.lost > 0)
            .map(|frame| (frame.timestamp / 3000, frame.lost, frame.follows_loss));
        assert_eq!(lost.collect::<Vec<_>>(), [(2, 1, true), (13, 7, true)]);
    }

    #[test]
    fn sound_tells_how_long_it_plays() {
        let mut assembler = Assembler::new(Codec::Opus);
        // A packet of 20 ms.
        assembler.push(RtpPacket { payload: vec![0b1111_1000].into(), ..frame(0, 1, 0).remove(0) });
        assert_eq!(assembler.poll().unwrap().duration, Some(Duration::from_millis(20)));
    }

    #[test]
    fn a_missing_packet_is_waited_for() {
        let packets = (0..9).flat_map(|n| frame(3 * n, 3, n.into()));
        let (late, mut arrived): (Vec<_>, Vec<_>) =
            packets.partition(|packet| packet.sequence_number == 4);
        arrived.extend(late);
        assert_eq!(frames(arrived), (0..9).map(|n| (n, 3, false)).collect::<Vec<_>>());
    }

    #[test]
    fn whoever_joins_in_the_middle_of_a_frame_begins_with_the_next() {
        let packets = [frame(7, 3, 1).split_off(1), frame(10, 1, 2)].concat();
        assert_eq!(frames(packets), [(2, 1, true)]);
    }

    #[test]
    fn what_waits_is_bounded_even_where_time_stands_still() {
        let mut assembler = Assembler::new(Codec::Vp8);
        assembler.push(frame(0, 2, 1).remove(0));
        for number in 2..10_000 {
            assembler.push(RtpPacket { marker: false, ..frame(number, 1, 1).remove(0) });
            assert!(assembler.waiting.len() <= MAX_WAITING + 1);
        }
    }
}
