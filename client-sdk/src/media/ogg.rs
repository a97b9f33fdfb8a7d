//! Opus in an Ogg file (RFC 3533, RFC 7845).

use bytes::{Bytes, BytesMut};

use super::recording::Recording;
use super::{Codec, Frame};
use crate::opus;

pub(crate) const MAGIC: &[u8] = b"OggS";

/// Reads the packets of a file. Those within a page share its memory.
pub(crate) fn read(file: &Bytes) -> Result<Recording, String> {
    let mut packets = packets(file)?.into_iter();
    if !packets.next().is_some_and(|packet| packet.starts_with(b"OpusHead")) {
        return Err("it is Ogg, but not with Opus".into());
    }
    let mut frames = Vec::new();
    for (index, data) in packets.enumerate() {
        if data.is_empty() || data.starts_with(b"OpusTags") {
            continue;
        }
        let duration = opus::duration(&data)
            .ok_or_else(|| format!("packet {} does not begin like Opus", index + 2))?;
        frames.push(Frame { data, duration, is_key: true, level: None });
    }
    Recording::new(Codec::Opus, frames)
}

fn packets(file: &Bytes) -> Result<Vec<Bytes>, String> {
    let mut packets = Vec::new();
    // The start of a packet that continues in the next page.
    let mut begun = BytesMut::new();
    let mut rest = file.clone();
    while !rest.is_empty() {
        let cut_off = "the last page is cut off";
        let header = rest.get(..HEADER_BYTES).ok_or(cut_off)?;
        if !header.starts_with(MAGIC) {
            return Err("there is something other than Ogg between its pages".into());
        }
        let body = HEADER_BYTES + usize::from(header[HEADER_BYTES - 1]);
        let lacing =
            rest.slice(HEADER_BYTES..).get(..body - HEADER_BYTES).map(Bytes::copy_from_slice);
        let lacing = lacing.ok_or(cut_off)?;
        let (mut start, mut end) = (body, body);
        for size in lacing {
            end += usize::from(size);
            // A segment of 255 bytes is followed by another one of the same packet.
            if size < u8::MAX {
                let piece = slice(&rest, start, end).ok_or(cut_off)?;
                packets.push(if begun.is_empty() {
                    piece
                } else {
                    begun.extend_from_slice(&piece);
                    begun.split().freeze()
                });
                start = end;
            }
        }
        begun.extend_from_slice(&slice(&rest, start, end).ok_or(cut_off)?);
        rest = rest.slice(end..);
    }
    Ok(packets)
}

fn slice(bytes: &Bytes, start: usize, end: usize) -> Option<Bytes> {
    (end <= bytes.len()).then(|| bytes.slice(start..end))
}

const HEADER_BYTES: usize = 27;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SHORT_PAGES: &[u8] = include_bytes!("../../media/clip.ogg");
    const LONG_PAGES: &[u8] = include_bytes!("../../tests/fixtures/long_pages.ogg");

    #[test]
    fn a_page_may_hold_many_packets() {
        let recording = read(&Bytes::from_static(LONG_PAGES)).unwrap();
        let durations = recording.frames().iter().map(|frame| frame.duration);
        assert!(durations.clone().all(|duration| duration == Duration::from_millis(20)));
        assert!(
            durations.sum::<Duration>().abs_diff(Duration::from_secs(2))
                <= Duration::from_millis(20)
        );
    }

    #[test]
    fn a_packet_may_go_on_in_the_next_page() {
        let page = |lacing: &[u8], body: &[u8]| {
            let mut page = b"OggS".to_vec();
            page.resize(HEADER_BYTES - 1, 0);
            page.push(lacing.len() as u8);
            [page.as_slice(), lacing, body].concat()
        };
        let file = [page(&[3, 255], &[7; 258]), page(&[2, 0], &[8; 2])].concat();
        let found: Vec<usize> = packets(&file.into()).unwrap().iter().map(Bytes::len).collect();
        assert_eq!(found, [3, 257, 0]);
    }

    #[test]
    fn a_file_cut_off_or_damaged_anywhere_is_never_a_panic() {
        for file in [SHORT_PAGES, LONG_PAGES].map(Bytes::from_static) {
            let whole = read(&file).unwrap().frames().len();
            for length in (0..file.len()).step_by(7) {
                if let Ok(recording) = read(&file.slice(..length)) {
                    assert!(recording.frames().len() < whole);
                }
            }
        }
        for index in (0..LONG_PAGES.len()).step_by(3) {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = LONG_PAGES.to_vec();
                damaged[index] = value;
                let _ = read(&damaged.into());
            }
        }
    }
}
