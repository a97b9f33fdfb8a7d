//! The audio level in the headers of RTP packets (RFC 6464).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use rtc::rtp::header::Header;

use crate::media::AudioLevel;

/// The id of the extension on one connection; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct LevelExtension(Arc<AtomicU8>);

impl LevelExtension {
    pub(super) const URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

    /// Learns the id from a description of the other side (RFC 8285 section 5), which contains the
    /// extension if that side accepts it.
    pub(super) fn learn(&self, sdp: &str) {
        self.0.store(sdp.lines().find_map(number).unwrap_or(NONE), Ordering::Relaxed);
    }

    pub(super) fn read(&self, header: &Header) -> Option<AudioLevel> {
        let number = self.number()?;
        let below = header.get_extension(number)?.first()? & !VOICE;
        // Seven bits fit.
        Some(AudioLevel::from_decibels(-(below as i8)))
    }

    pub(super) fn write(&self, level: AudioLevel, header: &mut Header) {
        let Some(number) = self.number() else { return };
        let voice = if level >= AudioLevel::SPEECH { VOICE } else { 0 };
        let value = voice | level.decibels().unsigned_abs();
        if let Err(error) = header.set_extension(number, Bytes::copy_from_slice(&[value])) {
            tracing::debug!(%error, "an audio level is left out");
        }
    }

    fn number(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number != NONE)
    }
}

/// The id of the extension, if that line of a description contains it.
fn number(line: &str) -> Option<u8> {
    let (number, extension) = line.strip_prefix("a=extmap:")?.split_once(' ')?;
    let is_it = extension.split_whitespace().next() == Some(LevelExtension::URI);
    // A direction may follow.
    let number = number.split('/').next().filter(|_| is_it)?.parse().ok()?;
    // Other ids need two-byte headers, which are not written here.
    (1..15).contains(&number).then_some(number)
}

/// No id. Zero is padding.
const NONE: u8 = 0;
const VOICE: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
        a=extmap:14/sendrecv urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r\n";

    #[test]
    fn a_level_that_is_written_is_read_again_under_the_number_of_the_description() {
        let extension = LevelExtension::default();
        extension.learn(OFFER);
        for decibels in [0, -49, -50, -51, -127] {
            let level = AudioLevel::from_decibels(decibels);
            let mut header = Header { version: 2, ..Header::default() };
            extension.write(level, &mut header);
            assert_eq!(header.get_extension_ids(), [14]);
            assert_eq!(extension.read(&header), Some(level));
        }
    }

    #[test]
    fn nothing_is_written_or_read_that_was_not_negotiated() {
        let extension = LevelExtension::default();
        let mut header = Header { version: 2, ..Header::default() };
        extension.learn(OFFER);
        let others = ["", "a=extmap:1 urn:other\r\n", "a=extmap:x", "a=extmap:99 urn:ietf:params:"];
        for other in others {
            extension.learn(other);
            extension.write(AudioLevel::SILENCE, &mut header);
            assert_eq!((header.get_extension_ids(), extension.read(&header)), (vec![], None));
        }
    }
}
