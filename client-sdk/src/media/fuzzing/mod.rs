//! The properties that hold for every file, whatever its bytes. Compiled for tests and fuzzing
//! only, since the checks use private types.

#[cfg(test)]
mod replay;

use bytes::Bytes;

use super::recording::Recording;
#[cfg(feature = "opus")]
use super::wav as files_of_wav;
use super::{Frame, MediaKind, matroska as files_of_matroska};
#[cfg(feature = "opus")]
use crate::opus::OpusOptions;

/// A WebM or Matroska file.
pub fn matroska(data: &[u8]) {
    let file = Bytes::copy_from_slice(data);
    for kind in [MediaKind::Audio, MediaKind::Video] {
        if let Ok(recording) = files_of_matroska::read(&file, kind) {
            assert_eq!(recording.codec().kind(), kind);
            assert_can_be_played(&recording);
        }
    }
}

/// A WAV file.
#[cfg(feature = "opus")]
pub fn wav(data: &[u8]) {
    if let Ok(recording) = files_of_wav::read(data, OpusOptions::speech()) {
        assert_can_be_played(&recording);
    }
}

/// A player neither spins nor stands still, and begins with what can be decoded.
fn assert_can_be_played(recording: &Recording) {
    let (mut index, mut last) = (0, None);
    while let Some((start, frame)) = recording.frame(index) {
        assert!(index > 0 || frame.is_key, "it does not begin with a keyframe");
        assert!(
            last.is_none_or(|last| last + Frame::MIN_DURATION <= start),
            "frame {index} is early"
        );
        assert!((Frame::MIN_DURATION..=Frame::MAX_DURATION).contains(&frame.duration));
        last = Some(start);
        index += 1;
    }
    assert!(last.is_some_and(|last| last < recording.length()), "it is too short");
}
