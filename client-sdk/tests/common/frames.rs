//! Assembles frames from packets, to compare them with those of a file. The code is independent of
//! the SDK's.

use bytes::Bytes;
use client_sdk::{MediaKind, ParticipantId, RtpPacket};
use tokio::time::timeout;

use super::{PATIENCE, Witness};

/// How a codec is laid out in files and in packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    Av1,
    H264,
    Opus,
    Vp8,
    Vp9,
}

/// Waits for this many whole frames; one that lost a packet does not count.
pub async fn receive_frames(
    witness: &mut Witness,
    from: ParticipantId,
    kind: MediaKind,
    form: Form,
    count: usize,
) -> Vec<Bytes> {
    witness.until("a track", |seen| seen.tracks.contains_key(&(from, kind))).await;
    let track = witness.tracks.get_mut(&(from, kind)).unwrap();
    let mut frames = Vec::new();
    let mut parts: Vec<RtpPacket> = Vec::new();
    while frames.len() < count {
        let packet = timeout(PATIENCE, track.recv())
            .await
            .expect("no more packets")
            .expect("the track ended");
        if packet.payload.is_empty() {
            continue;
        }
        let is_last = packet.marker || form == Form::Opus;
        parts.push(packet);
        if is_last {
            let parts = std::mem::take(&mut parts);
            let is_whole = parts
                .windows(2)
                .all(|pair| pair[0].sequence_number.wrapping_add(1) == pair[1].sequence_number);
            if is_whole && form.begins(&parts[0].payload) {
                frames.push(form.join(&parts));
            }
        }
    }
    frames
}

impl Form {
    /// The frames of a file, in the shape of [`receive_frames`].
    pub fn frames_of(self, file: &[u8]) -> Vec<Bytes> {
        match self {
            Self::Av1 => ivf(file).iter().map(|unit| obus(unit)).collect(),
            Self::H264 => pictures(file),
            Self::Opus => opus(file),
            Self::Vp8 | Self::Vp9 => ivf(file).into_iter().map(Bytes::copy_from_slice).collect(),
        }
    }

    /// One frame in the format for decoders, in the same shape.
    pub fn frame_of(self, data: &[u8]) -> Bytes {
        match self {
            Self::Av1 => obus(data),
            Self::H264 => pictures(data).remove(0),
            Self::Opus | Self::Vp8 | Self::Vp9 => Bytes::copy_from_slice(data),
        }
    }

    /// Whether a frame begins with that packet.
    fn begins(self, payload: &[u8]) -> bool {
        match self {
            Self::Av1 => payload[0] & 0x80 == 0,
            Self::H264 => payload[0] & 0x1f != 28 || payload[1] & 0x80 != 0,
            Self::Opus => true,
            Self::Vp8 => payload[0] & 0x10 != 0,
            Self::Vp9 => payload[0] & 0x08 != 0,
        }
    }

    fn join(self, parts: &[RtpPacket]) -> Bytes {
        let mut frame = Vec::new();
        let mut obu = Vec::new();
        for RtpPacket { payload, .. } in parts {
            match self {
                Self::Av1 => av1_elements(payload, &mut obu, &mut frame),
                Self::H264 => h264_units(payload, &mut frame),
                Self::Opus => frame.extend_from_slice(payload),
                Self::Vp8 => frame.extend_from_slice(&payload[vp8_descriptor(payload)..]),
                // Flexible mode with a picture id of two bytes, and nothing else.
                Self::Vp9 => {
                    assert_eq!(payload[0] & 0b1011_0011, 0b1001_0000, "another VP9 descriptor");
                    frame.extend_from_slice(&payload[3..]);
                }
            }
        }
        frame.into()
    }
}

/// RFC 7741 section 4.2.
fn vp8_descriptor(payload: &[u8]) -> usize {
    if payload[0] & 0x80 == 0 {
        return 1;
    }
    let extensions = payload[1];
    let picture_id = match extensions & 0x80 {
        0 => 0,
        _ if payload[2] & 0x80 != 0 => 2,
        _ => 1,
    };
    2 + picture_id + usize::from(extensions & 0x40 != 0) + usize::from(extensions & 0x30 != 0)
}

/// RFC 6184 sections 5.6 to 5.8: units without start codes, one after the other.
fn h264_units(payload: &[u8], units: &mut Vec<u8>) {
    match payload[0] & 0x1f {
        24 => {
            let mut rest = &payload[1..];
            while let [high, low, tail @ ..] = rest {
                let (unit, tail) = tail.split_at(usize::from(*high) << 8 | usize::from(*low));
                units.extend_from_slice(unit);
                rest = tail;
            }
        }
        28 => {
            if payload[1] & 0x80 != 0 {
                units.push(payload[0] & 0xe0 | payload[1] & 0x1f);
            }
            units.extend_from_slice(&payload[2..]);
        }
        _ => units.extend_from_slice(payload),
    }
}

/// AV1 RTP payload format 1.0 section 4.4; `obu` is the beginning of an OBU that continues.
fn av1_elements(payload: &[u8], obu: &mut Vec<u8>, frame: &mut Vec<u8>) {
    let (goes_on, count) = (payload[0] & 0x40 != 0, usize::from(payload[0] >> 4 & 3));
    let mut rest = &payload[1..];
    let mut index = 0;
    while !rest.is_empty() {
        index += 1;
        let element = if index == count {
            std::mem::take(&mut rest)
        } else {
            let (size, tail) = leb128(rest);
            let (element, tail) = tail.split_at(size);
            rest = tail;
            element
        };
        obu.extend_from_slice(element);
        if !(rest.is_empty() && goes_on) {
            frame.append(obu);
        }
    }
}

/// What the packets of a temporal unit carry: its OBUs without sizes and without the delimiter.
fn obus(mut unit: &[u8]) -> Bytes {
    let mut obus = Vec::new();
    while let [header, rest @ ..] = unit {
        let (size, rest) = leb128(rest);
        let (payload, rest) = rest.split_at(size);
        if header >> 3 != 2 {
            obus.push(header & !2);
            obus.extend_from_slice(payload);
        }
        unit = rest;
    }
    obus.into()
}

fn leb128(bytes: &[u8]) -> (usize, &[u8]) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let value =
        bytes[..length].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
    (value, &bytes[length..])
}

fn ivf(file: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut rest = &file[32..];
    while !rest.is_empty() {
        let size = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        frames.push(&rest[12..12 + size]);
        rest = &rest[12 + size..];
    }
    frames
}

/// Pictures of one slice each. The units of a picture are without start codes; those that are not
/// part of the picture come last.
fn pictures(file: &[u8]) -> Vec<Bytes> {
    let mut pictures = Vec::new();
    let mut picture = Vec::new();
    let text: Vec<usize> =
        (0..file.len() - 3).filter(|at| file[*at..].starts_with(&[0, 0, 1])).collect();
    for (index, start) in text.iter().enumerate() {
        let end = text.get(index + 1).copied().unwrap_or(file.len());
        let mut unit = &file[start + 3..end];
        while let [head @ .., 0] = unit {
            unit = head;
        }
        picture.extend_from_slice(unit);
        if matches!(unit[0] & 0x1f, 1 | 5) {
            pictures.push(std::mem::take(&mut picture).into());
        }
    }
    pictures
}

/// The packets of a file whose pages end with the end of a packet.
fn opus(file: &[u8]) -> Vec<Bytes> {
    let mut packets = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let count = usize::from(rest[26]);
        let (lacing, mut body) = rest[27..].split_at(count);
        let mut size = 0;
        for piece in lacing {
            size += usize::from(*piece);
            if *piece < 255 {
                let (packet, tail) = body.split_at(size);
                packets.push(Bytes::copy_from_slice(packet));
                (body, size) = (tail, 0);
            }
        }
        rest = body;
    }
    packets.split_off(2)
}
