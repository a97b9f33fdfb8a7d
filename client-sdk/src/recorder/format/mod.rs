//! The description of a codec in a container, read from the first frame of a track.

mod av1;
mod h264;
mod vpx;

use std::borrow::Cow;

use bytes::Bytes;

use crate::media::Codec;

/// The description of a track (Matroska codec specifications, RFC 9559).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Format {
    pub(super) codec_id: &'static str,
    /// The codec private data, which a decoder needs before the first frame.
    pub(super) private: Option<Vec<u8>>,
    /// Width and height of the pictures; `None` for sound.
    pub(super) size: Option<(u32, u32)>,
}

impl Format {
    /// Reads the format from a frame that a decoder can start with; `None` if it is not one.
    pub(super) fn of(codec: Codec, frame: &[u8]) -> Option<Self> {
        let format = match codec {
            Codec::Av1 => av1::format(frame),
            Codec::H264 => h264::format(frame),
            Codec::Opus => {
                Some(Self { codec_id: "A_OPUS", private: Some(OPUS_HEAD.to_vec()), size: None })
            }
            Codec::Vp8 => vpx::vp8(frame),
            Codec::Vp9 => vpx::vp9(frame),
        };
        format.filter(|format| format.size.is_none_or(|(width, height)| width > 0 && height > 0))
    }
}

/// The frame in the form of the container.
pub(super) fn stored(codec: Codec, frame: &Bytes) -> Cow<'_, [u8]> {
    match codec {
        Codec::H264 => Cow::Owned(h264::with_lengths(frame)),
        Codec::Av1 | Codec::Opus | Codec::Vp8 | Codec::Vp9 => Cow::Borrowed(frame),
    }
}

/// Whether a codec is one of WebM; the others need Matroska.
pub(super) fn is_webm(codec: Codec) -> bool {
    match codec {
        Codec::Av1 | Codec::Opus | Codec::Vp8 | Codec::Vp9 => true,
        Codec::H264 => false,
    }
}

/// RFC 7845 section 5.1: version 1, two channels, nothing to skip, 48 kHz, no gain. RTP always has
/// two channels (RFC 7587 section 7), independent of the packets.
pub(super) const OPUS_HEAD: [u8; 19] = *b"OpusHead\x01\x02\0\0\x80\xbb\0\0\0\0\0";

#[cfg(test)]
mod tests {
    use super::*;

    /// The first frame of an IVF file: behind a header of 32 bytes, and 12 before each frame.
    fn first_frame(file: &[u8]) -> &[u8] {
        let size = u32::from_le_bytes(file[32..36].try_into().unwrap()) as usize;
        &file[44..44 + size]
    }

    #[test]
    fn the_size_of_pictures_is_read_from_each_codec() {
        let small = Some((64, 48));
        for (codec, frame, id, size) in [
            (
                Codec::Vp8,
                first_frame(include_bytes!("../../../media/clip.ivf")),
                "V_VP8",
                Some((320, 240)),
            ),
            (
                Codec::Vp9,
                first_frame(include_bytes!("../../../tests/fixtures/vp9.ivf")),
                "V_VP9",
                small,
            ),
            (
                Codec::Av1,
                first_frame(include_bytes!("../../../tests/fixtures/av1.ivf")),
                "V_AV1",
                small,
            ),
            (
                Codec::H264,
                &include_bytes!("../../../tests/fixtures/baseline.h264")[..],
                "V_MPEG4/ISO/AVC",
                small,
            ),
        ] {
            let format = Format::of(codec, frame).unwrap_or_else(|| panic!("{codec}"));
            assert_eq!((format.codec_id, format.size), (id, size));
            // Senders may send anything.
            for length in 0..frame.len().min(200) {
                Format::of(codec, &frame[..length]);
                Format::of(codec, &[&frame[..length], &[0xff; 40]].concat());
            }
            assert_eq!(Format::of(codec, b"\x01no picture at all"), None, "{codec}");
        }
    }

    #[test]
    fn high_profiles_of_h264_are_described_with_their_colors() {
        // High 10 with 4:2:0, as x264 writes it.
        let sequence =
            b"\x67\x6e\0\x0a\xa6\xcd\x94\x47\xb0\x11\0\0\x03\0\x01\0\0\x03\0\x14\x0f\x12\x25\x96";
        let unit = [b"\0\0\0\x01", &sequence[..], b"\0\0\0\x01\x68\xeb", b"\0\0\0\x01\x65\x88"];
        let format = Format::of(Codec::H264, &unit.concat()).unwrap();
        // 4:2:0, and two bits more than eight for each sample; no extensions.
        assert!(format.private.unwrap().ends_with(&[0xfd, 0xfa, 0xfa, 0]));
        let baseline = &include_bytes!("../../../tests/fixtures/baseline.h264")[..];
        let private = Format::of(Codec::H264, baseline).unwrap().private.unwrap();
        let [.., before, _, _, _, _] = private[..] else { panic!("{private:?}") };
        assert_ne!(before, 0xfc | 1);
    }

    #[test]
    fn the_units_of_h264_are_stored_with_their_lengths() {
        let unit = Bytes::from_static(b"\0\0\0\x01\x67ab\0\0\x01\x68c\0\0\0\x01\x65defg");
        assert_eq!(
            stored(Codec::H264, &unit).as_ref(),
            b"\0\0\0\x03\x67ab\0\0\0\x02\x68c\0\0\0\x05\x65defg"
        );
    }
}
