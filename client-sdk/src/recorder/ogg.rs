//! Sound in an Ogg file.

use std::io::{self, Write};
use std::time::Instant;

use super::format::OPUS_HEAD;

use crate::media::MediaKind;
use crate::media::ogg::MAGIC;
use crate::track::{RemoteFrame, RtpTime};

/// Writes the audio of a track into an Ogg file (RFC 7845): Opus, as it was encoded.
///
/// Lost packets and pauses are filled with packets that make a player conceal the gap, so that
/// everything after it is at the right time.
#[derive(Debug)]
pub struct OggWriter<W> {
    output: W,
    serial: u32,
    page_number: u32,
    page: Page,
    /// The end of the last packet, in samples at 48 kHz.
    end: u64,
    time: RtpTime,
    gaps: Gaps,
    /// The parts of gaps that were not filled, in samples.
    left_out: u64,
}

#[derive(Debug, Default)]
struct Page {
    lacing: Vec<u8>,
    body: Vec<u8>,
    samples: u64,
}

impl<W: Write> OggWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn new(output: W) -> io::Result<Self> {
        let mut file = Self {
            output,
            serial: rand::random(),
            page_number: 0,
            page: Page::default(),
            end: 0,
            time: RtpTime::default(),
            gaps: Gaps::new(Instant::now()),
            left_out: 0,
        };
        file.page.push(&OPUS_HEAD, 0);
        file.write_page(BEGINS)?;
        file.page.push(&tags(), 0);
        file.write_page(0)?;
        Ok(file)
    }

    /// Writes a packet. Anything but an Opus packet is omitted and leaves a gap.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn write(&mut self, frame: &RemoteFrame) -> io::Result<()> {
        let Some(duration) = frame.duration else { return Ok(()) };
        let rate = MediaKind::Audio.clock_rate();
        let samples = (duration * rate).as_secs();
        let at = self.time.at(frame.timestamp);
        let gap = at.saturating_sub(self.end + self.left_out);
        let kept = self.gaps.take(gap, Instant::now());
        self.left_out += gap - kept;
        let is_stereo = frame.data.first().is_some_and(|toc| toc & STEREO != 0);
        for (packet, samples) in fill(kept, is_stereo) {
            self.push(&packet, samples)?;
        }
        self.push(&frame.data, samples)
    }

    /// Ends the file, and returns the output. Without this, the last second is missing.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_page(ENDS)?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn push(&mut self, packet: &[u8], samples: u64) -> io::Result<()> {
        if !self.page.has_room_for(packet) {
            self.write_page(0)?;
        }
        self.page.push(packet, samples);
        self.end += samples;
        Ok(())
    }

    /// RFC 3533 section 6.
    fn write_page(&mut self, flags: u8) -> io::Result<()> {
        let Page { lacing, body, .. } = std::mem::take(&mut self.page);
        let count = lacing.len() as u8;
        let mut page = [MAGIC, &[0, flags]].concat();
        page.extend(self.end.to_le_bytes());
        page.extend([self.serial, self.page_number, 0].map(u32::to_le_bytes).concat());
        page.push(count);
        page.extend(lacing);
        page.extend(body);
        let checksum = checksum(&page).to_le_bytes();
        page[CHECKSUM..CHECKSUM + 4].copy_from_slice(&checksum);
        self.page_number += 1;
        self.output.write_all(&page)
    }
}

impl Page {
    fn has_room_for(&self, packet: &[u8]) -> bool {
        self.samples < PAGE_SAMPLES && self.lacing.len() + segments(packet) <= MAX_SEGMENTS
    }

    fn push(&mut self, packet: &[u8], samples: u64) {
        self.lacing.extend(std::iter::repeat_n(u8::MAX, segments(packet) - 1));
        self.lacing.push((packet.len() % SEGMENT) as u8);
        self.body.extend_from_slice(packet);
        self.samples += samples;
    }
}

/// Limits the filling of gaps, so that a sender that jumps ahead does not fill the disk.
#[derive(Debug)]
struct Gaps {
    began: Instant,
    /// The samples that were filled.
    filled: u64,
}

impl Gaps {
    fn new(now: Instant) -> Self {
        Self { began: now, filled: 0 }
    }

    /// Returns how much of a gap is filled.
    fn take(&mut self, gap: u64, now: Instant) -> u64 {
        let rate = u64::from(MediaKind::Audio.clock_rate());
        let passed = (now - self.began).as_secs() + HOUR;
        if self.filled.saturating_add(gap) > passed * rate {
            return 0;
        }
        self.filled += gap;
        gap
    }
}

/// Packets with empty frames, which make a player conceal that many samples, rounded down to 2.5 ms
/// (RFC 7845 section 4.1).
fn fill(samples: u64, is_stereo: bool) -> impl Iterator<Item = ([u8; 2], u64)> {
    let toc = SHORTEST_FRAMES | if is_stereo { STEREO } else { 0 } | ANY_COUNT;
    let mut left = samples / SHORTEST;
    std::iter::from_fn(move || {
        let count = left.min(MOST_FRAMES);
        left -= count;
        (count > 0).then_some(([toc, count as u8], count * SHORTEST))
    })
}

/// The comment header, with the vendor and no comments (RFC 7845 section 5.2).
fn tags() -> Vec<u8> {
    let vendor = env!("CARGO_PKG_NAME");
    let length = (vendor.len() as u32).to_le_bytes();
    [b"OpusTags", &length[..], vendor.as_bytes(), &[0; 4]].concat()
}

fn segments(packet: &[u8]) -> usize {
    packet.len() / SEGMENT + 1
}

/// The CRC of a page, neither reflected nor inverted (RFC 3533 section 6).
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

const BEGINS: u8 = 2;
const ENDS: u8 = 4;
/// The position of the checksum in a page.
const CHECKSUM: usize = 22;
const SEGMENT: usize = 255;
const MAX_SEGMENTS: usize = 255;
/// The length of a page: one second, the most that a crash loses.
const PAGE_SAMPLES: u64 = 48_000;
const HOUR: u64 = 3600;
/// RFC 6716 section 3.1: frames of 2.5 ms with all frequencies.
const SHORTEST_FRAMES: u8 = 28 << 3;
const SHORTEST: u64 = 120;
const STEREO: u8 = 1 << 2;
/// The count is in the next byte.
const ANY_COUNT: u8 = 3;
/// The frames of 2.5 ms in the longest packet, of 120 ms.
const MOST_FRAMES: u64 = 48;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::media::ogg;

    fn packet(number: u8, timestamp: u32, size: usize) -> RemoteFrame {
        RemoteFrame {
            data: [&[0xfc, number], vec![7; size].as_slice()].concat().into(),
            timestamp,
            is_key: true,
            duration: Some(Duration::from_millis(20)),
            level: None,
            lost: 0,
            follows_loss: false,
            wall_clock: None,
        }
    }

    /// When each packet that was written begins, in milliseconds.
    fn written(packets: impl IntoIterator<Item = RemoteFrame>) -> Vec<(u8, u128)> {
        let mut file = OggWriter::new(Vec::new()).unwrap();
        packets.into_iter().for_each(|packet| file.write(&packet).unwrap());
        let file = ogg::read(&Bytes::from(file.finish().unwrap())).unwrap();
        let mut at = Duration::ZERO;
        let starts = file.frames().iter().map(|frame| {
            let start = at.as_millis();
            at += frame.duration;
            (frame.data.clone(), start)
        });
        let real = starts.filter(|(data, _)| data[0] == 0xfc);
        real.map(|(data, start)| (data[1], start)).collect()
    }

    #[test]
    fn packets_of_any_size_are_read_back() {
        let sizes = [0, 1, 252, 253, 254, 508, 1273];
        let packets: Vec<RemoteFrame> =
            (0..200).map(|n| packet(n, u32::from(n) * 960, sizes[usize::from(n) % 7])).collect();
        let mut file = OggWriter::new(Vec::new()).unwrap();
        packets.iter().for_each(|packet| file.write(packet).unwrap());
        let file = ogg::read(&Bytes::from(file.finish().unwrap())).unwrap();
        let data: Vec<&Bytes> = file.frames().iter().map(|frame| &frame.data).collect();
        assert_eq!(data, packets.iter().map(|packet| &packet.data).collect::<Vec<_>>());
    }

    #[test]
    fn what_comes_after_a_gap_is_in_its_place() {
        // One packet is missing, then almost ten seconds; 7 ms cannot be filled exactly.
        let stamps = [0, 960, 2880, 480_000, 480_960 + 336];
        let packets = stamps.iter().zip(0..).map(|(stamp, n)| packet(n, *stamp, 9));
        assert_eq!(written(packets), [(0, 0), (1, 20), (2, 60), (3, 10_000), (4, 10_025)]);
    }

    #[test]
    fn gaps_are_kept_behind_one_that_is_left_out() {
        let two_hours = 2 * 3600 * 48_000;
        let stamps = [0, two_hours, two_hours + 960 + 48_000];
        let packets = stamps.iter().zip(0..).map(|(stamp, n)| packet(n, *stamp, 9));
        assert_eq!(written(packets), [(0, 0), (1, 20), (2, 1040)]);
    }

    #[test]
    fn a_sender_that_jumps_ahead_does_not_fill_the_disk() {
        let mut gaps = Gaps::new(Instant::now());
        let (now, hour) = (gaps.began, HOUR * 48_000);
        assert_eq!(gaps.take(hour / 2, now), hour / 2);
        assert_eq!(gaps.take(hour, now), 0);
        assert_eq!(gaps.take(hour / 2, now), hour / 2);
        assert_eq!(gaps.take(48_000, now), 0);
        assert_eq!(gaps.take(48_000, now + Duration::from_secs(1)), 48_000);
    }
}
