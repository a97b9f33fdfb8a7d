//! Turns the RTP payloads of each codec into frames.
//!
//! The depacketizers of webrtc-rs keep state between packets, which a lost packet corrupts, and
//! some panic on malformed input. These functions get all packets of one frame and reject malformed
//! ones.

mod av1;
mod h264;
mod vp8;
mod vp9;

use bytes::Bytes;

use crate::media::Codec;

/// A frame, assembled from its packets.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Assembled {
    pub(super) data: Bytes,
    pub(super) is_key: bool,
}

/// Whether a frame can start with this payload.
pub(super) fn is_start(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Av1 => av1::is_start(payload),
        Codec::H264 => h264::is_start(payload),
        Codec::Opus => true,
        Codec::Vp8 => vp8::is_start(payload),
        Codec::Vp9 => vp9::is_start(payload),
    }
}

/// Whether a keyframe begins with this payload.
pub(super) fn begins_keyframe(codec: Codec, payload: &[u8]) -> bool {
    is_start(codec, payload)
        && match codec {
            Codec::Av1 => av1::begins_keyframe(payload),
            Codec::H264 => h264::begins_keyframe(payload),
            Codec::Opus => true,
            Codec::Vp8 => vp8::begins_keyframe(payload),
            Codec::Vp9 => vp9::begins_keyframe(payload),
        }
}

/// Joins the payloads of one frame; `None` if they are not a frame.
pub(super) fn assemble(codec: Codec, payloads: &[Bytes]) -> Option<Assembled> {
    match codec {
        Codec::Av1 => av1::assemble(payloads),
        Codec::H264 => h264::assemble(payloads),
        Codec::Opus => match payloads {
            [packet] if !packet.is_empty() => {
                Some(Assembled { data: packet.clone(), is_key: true })
            }
            _ => None,
        },
        Codec::Vp8 => vp8::assemble(payloads),
        Codec::Vp9 => vp9::assemble(payloads),
    }
}

/// Joins the payloads without their descriptors; a single one is not copied.
fn join(payloads: &[Bytes], descriptor: impl Fn(&[u8]) -> Option<usize>) -> Option<Bytes> {
    if let [payload] = payloads {
        return Some(payload.slice(descriptor(payload)?..));
    }
    let mut data = Vec::with_capacity(payloads.iter().map(Bytes::len).sum());
    for payload in payloads {
        data.extend_from_slice(payload.get(descriptor(payload)?..)?);
    }
    Some(data.into())
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, RngExt, SeedableRng};
    use rtc::rtp::codec::av1::Av1Payloader;
    use rtc::rtp::codec::h264::H264Payloader;
    use rtc::rtp::codec::vp8::Vp8Payloader;
    use rtc::rtp::codec::vp9::Vp9Payloader;
    use rtc::rtp::packetizer::Payloader;

    use super::*;

    const MTU: usize = 200;

    fn noise(random: &mut StdRng, length: usize) -> Vec<u8> {
        // Without zeros, which H.264 could take for start codes.
        (0..length).map(|_| random.random_range(1..=255)).collect()
    }

    #[test]
    fn vp8_frames_of_every_size_survive_the_way() {
        let mut random = StdRng::seed_from_u64(1);
        let mut payloader = Vp8Payloader::default();
        payloader.enable_picture_id = true;
        for length in 1..600 {
            let mut frame = noise(&mut random, length);
            let is_key = length % 3 == 0;
            frame[0] = frame[0] & !1 | u8::from(!is_key);
            let payloads = payloader.payload(MTU, &frame.clone().into()).unwrap();
            assert!(is_start(Codec::Vp8, &payloads[0]));
            assert!(payloads[1..].iter().all(|payload| !is_start(Codec::Vp8, payload)));
            assert_eq!(begins_keyframe(Codec::Vp8, &payloads[0]), is_key);
            assert!(payloads[1..].iter().all(|payload| !begins_keyframe(Codec::Vp8, payload)));
            assert_eq!(
                assemble(Codec::Vp8, &payloads),
                Some(Assembled { data: frame.into(), is_key })
            );
        }
    }

    #[test]
    fn vp9_frames_of_every_size_survive_the_way() {
        let mut random = StdRng::seed_from_u64(2);
        let mut payloader = Vp9Payloader::default();
        for length in 1..600 {
            let frame = noise(&mut random, length);
            let payloads = payloader.payload(MTU, &frame.clone().into()).unwrap();
            assert!(is_start(Codec::Vp9, &payloads[0]));
            assert!(payloads[1..].iter().all(|payload| !is_start(Codec::Vp9, payload)));
            assert_eq!(assemble(Codec::Vp9, &payloads).unwrap().data, frame);
        }
    }

    #[test]
    fn what_browsers_put_before_vp9_is_taken_off() {
        // Non-flexible mode with layers and a structure of one size and a group of two pictures,
        // then a delta frame.
        let key = [0xaa, 0x80, 1, 0, 0, 0x18, 1, 64, 0, 240, 2, 0x04, 1, 0x08, 1, 2, b'k'];
        let delta = [0xe8, 0x80, 2, 0, 1, b'd'];
        // Flexible mode with two references.
        let flexible = [0xd8, 5, 0x03, 0x04, b'f'];
        let expected =
            [(&key[..], &b"k"[..], true), (&delta, b"d", false), (&flexible, b"f", false)];
        for (payload, data, is_key) in expected {
            let assembled = assemble(Codec::Vp9, &[Bytes::copy_from_slice(payload)]);
            let data = Bytes::copy_from_slice(data);
            assert_eq!(assembled, Some(Assembled { data, is_key }), "{payload:?}");
            assert_eq!(begins_keyframe(Codec::Vp9, payload), is_key, "{payload:?}");
        }
    }

    #[test]
    fn h264_access_units_survive_the_way_with_their_parameter_sets() {
        let mut random = StdRng::seed_from_u64(3);
        let mut payloader = H264Payloader::default();
        for length in 4..600 {
            let nal = |header: u8, body: &[u8]| [&[0, 0, 0, 1, header], body].concat();
            let is_key = length % 2 == 0;
            let slice = nal(if is_key { 0x65 } else { 0x61 }, &noise(&mut random, length));
            let unit = if is_key {
                [nal(0x67, &[0x42, 0xe0, 0x1f]), nal(0x68, &[0xce, 0x3c]), slice].concat()
            } else {
                slice
            };
            let payloads = payloader.payload(MTU, &unit.clone().into()).unwrap();
            assert!(is_start(Codec::H264, &payloads[0]));
            assert_eq!(begins_keyframe(Codec::H264, &payloads[0]), is_key, "{length}");
            assert_eq!(
                assemble(Codec::H264, &payloads),
                Some(Assembled { data: unit.into(), is_key })
            );
        }
    }

    #[test]
    fn av1_temporal_units_survive_the_way() {
        let mut random = StdRng::seed_from_u64(4);
        for length in 1..600_usize {
            let is_key = length % 2 == 0;
            let obu = |kind: u8, body: &[u8]| {
                let size = if body.len() < 128 {
                    vec![body.len() as u8]
                } else {
                    vec![(body.len() & 0x7f) as u8 | 0x80, (body.len() >> 7) as u8]
                };
                [&[kind << 3 | 2], &size[..], body].concat()
            };
            let frame = obu(6, &noise(&mut random, length));
            let unit =
                if is_key { [obu(1, &noise(&mut random, 10)), frame].concat() } else { frame };
            // Temporal delimiters are not sent.
            let sent = [obu(2, &[]), unit.clone()].concat();
            let payloads = Av1Payloader::default().payload(MTU, &sent.into()).unwrap();
            assert!(is_start(Codec::Av1, &payloads[0]));
            assert_eq!(begins_keyframe(Codec::Av1, &payloads[0]), is_key, "{length}");
            assert_eq!(
                assemble(Codec::Av1, &payloads),
                Some(Assembled { data: unit.into(), is_key })
            );
        }
    }

    #[test]
    fn no_payload_makes_it_panic() {
        let mut random = StdRng::seed_from_u64(5);
        for codec in [Codec::Av1, Codec::H264, Codec::Opus, Codec::Vp8, Codec::Vp9] {
            for _ in 0..50_000 {
                let payloads: Vec<Bytes> = (0..random.random_range(1..4))
                    .map(|_| {
                        let mut bytes = vec![0; random.random_range(0..12)];
                        random.fill_bytes(&mut bytes);
                        bytes.into()
                    })
                    .collect();
                let _ = is_start(codec, &payloads[0]);
                let _ = begins_keyframe(codec, &payloads[0]);
                let _ = assemble(codec, &payloads);
            }
        }
    }

    #[test]
    fn what_is_cut_short_is_no_frame() {
        let whole: [(Codec, &[u8]); 5] = [
            (Codec::Av1, &[0x20, 5, 0x32, 1]),
            (Codec::H264, &[24, 0, 5, 0x65, 1]),
            (Codec::Opus, &[]),
            (Codec::Vp8, &[0x90, 0x80, 0x80]),
            (Codec::Vp9, &[0x88, 0x80]),
        ];
        for (codec, payload) in whole {
            assert_eq!(assemble(codec, &[Bytes::from_static(payload)]), None, "{codec}");
        }
    }
}
