//! The replacement for a muted source.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use super::recording::Recording;
use super::{AudioLevel, Codec, Frame, MediaError, MediaKind, MediaSource, annex_b, ivf};

/// Silence or a black picture, sent so rarely that it costs next to nothing.
///
/// If nothing were sent, the others would still see the last picture, and decoders would prolong
/// the last sound. A page also plays nothing of a new participant before it has both sound and
/// pictures.
///
/// A frame is no longer than the shortest pause before the next one, so that time does not run
/// ahead.
pub(super) struct Muted {
    codec: Codec,
    frame: Frame,
    sent: u32,
    next: Instant,
}

impl Muted {
    pub(super) fn new(codec: Codec) -> Self {
        Self { codec, frame: frame(codec), sent: 0, next: Instant::now() }
    }

    /// The pause before the next frame. The first packets are close together, since one may be
    /// lost.
    fn pause(&self) -> Duration {
        match self.codec.kind() {
            MediaKind::Audio if self.sent < FIRST_PACKETS => FRAME_DURATION,
            // As often as an encoder with discontinuous transmission (RFC 6716 section 2.1.9).
            MediaKind::Audio => Duration::from_millis(400),
            MediaKind::Video if self.sent < FIRST_PICTURES => Duration::from_millis(500),
            MediaKind::Video => Duration::from_secs(5),
        }
    }
}

#[async_trait]
impl MediaSource for Muted {
    fn codec(&self) -> Codec {
        self.codec
    }

    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
        sleep_until(self.next).await;
        self.sent = self.sent.saturating_add(1);
        self.next = Instant::now() + self.pause();
        Ok(Some(self.frame.clone()))
    }

    fn request_keyframe(&mut self) {
        self.next = Instant::now();
    }

    fn is_live(&self) -> bool {
        true
    }
}

fn frame(codec: Codec) -> Frame {
    let picture = |read: Result<Recording, String>| {
        let recording = read.expect("a test reads the pictures that come with the crate");
        let (_, frame) = recording.frame(0).expect("a recording has a frame");
        Frame { duration: FRAME_DURATION, ..frame.clone() }
    };
    let ivf = |file: &'static [u8]| picture(ivf::read(&Bytes::from_static(file)));
    match codec {
        Codec::Av1 => ivf(include_bytes!("../../media/black/av1.ivf")),
        Codec::H264 => {
            let file = Bytes::from_static(include_bytes!("../../media/black/baseline.h264"));
            picture(annex_b::read(&file, 1.0))
        }
        Codec::Opus => Frame {
            data: Bytes::from_static(&SILENCE),
            duration: FRAME_DURATION,
            is_key: true,
            level: Some(AudioLevel::SILENCE),
        },
        Codec::Vp8 => ivf(include_bytes!("../../media/black/vp8.ivf")),
        Codec::Vp9 => ivf(include_bytes!("../../media/black/vp9.ivf")),
    }
}

/// An Opus packet of silence, independent of earlier packets.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
const FRAME_DURATION: Duration = Duration::from_millis(20);
const FIRST_PACKETS: u32 = 5;
const FIRST_PICTURES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_begins_at_once_and_is_seldom_repeated() {
        for (codec, at_most) in
            [(Codec::Av1, 6), (Codec::H264, 6), (Codec::Opus, 32), (Codec::Vp8, 6), (Codec::Vp9, 6)]
        {
            let begun = Instant::now();
            let mut muted = Muted::new(codec);
            let first = muted.next_frame().await.unwrap().unwrap();
            assert!(first.is_key && begun.elapsed() < Duration::from_millis(5), "{codec}");
            let (mut count, mut played) = (0, first.duration);
            while begun.elapsed() < Duration::from_secs(10) {
                assert_eq!(muted.next_frame().await.unwrap().unwrap(), first);
                count += 1;
                played += first.duration;
                let ahead = played.saturating_sub(begun.elapsed());
                assert!(ahead <= FRAME_DURATION, "{codec} is {ahead:?} ahead");
            }
            assert!(count <= at_most, "{count} of {codec}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_needs_the_picture_gets_it_at_once() {
        let mut muted = Muted::new(Codec::Vp8);
        for _ in 0..10 {
            muted.next_frame().await.unwrap();
        }
        let asked = Instant::now();
        muted.request_keyframe();
        muted.next_frame().await.unwrap();
        assert!(asked.elapsed() < Duration::from_millis(5));
    }
}
