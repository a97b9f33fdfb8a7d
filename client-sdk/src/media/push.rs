//! A source whose frames the application pushes one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use thiserror::Error;
use tokio::sync::{Notify, mpsc};

use super::MediaError;
use super::{Codec, Frame, MediaKind, MediaSource, Source};

impl Source {
    /// Creates a source whose frames the application pushes. Each frame is sent as soon as it is
    /// pushed. Its RTP timestamp is the end of the previous frame, unless it is pushed more than
    /// 100 ms later. The source ends when the pusher is dropped.
    ///
    /// Up to 64 frames and 4 MiB wait; [`Pusher::push`] refuses more.
    #[must_use]
    pub fn pushed(codec: Codec) -> (Pusher, Self) {
        let (sender, frames) = mpsc::channel(QUEUE_FRAMES);
        let state = Arc::new(State::default());
        let pusher = Pusher { codec, frames: sender, state: Arc::clone(&state) };
        (pusher, Self::custom(Pushed { codec, frames, state }))
    }
}

/// The application's end of [`Source::pushed`].
#[derive(Debug)]
pub struct Pusher {
    codec: Codec,
    frames: mpsc::Sender<Frame>,
    state: Arc<State>,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PushError {
    /// The participant has left the room, or does not send the source any more.
    #[error("the source is no longer sent")]
    Closed,
    /// Too many frames wait because they are pushed faster than they are sent, or the picture
    /// depends on one that was dropped for that reason.
    #[error("frames are handed in faster than they are sent, and this one is dropped")]
    Full,
}

impl Pusher {
    /// Pushes a frame without waiting.
    ///
    /// # Errors
    ///
    /// [`PushError::Closed`] if the source is no longer sent; [`PushError::Full`] if too much
    /// waits, in which case the frame is dropped. Pictures that depend on a dropped one could not
    /// be decoded: they are dropped too until the next keyframe, which is requested.
    pub fn push(&self, frame: Frame) -> Result<(), PushError> {
        if self.frames.is_closed() {
            return Err(PushError::Closed);
        }
        let is_video = self.codec.kind() == MediaKind::Video;
        if is_video && !frame.is_key && self.state.is_broken.load(Ordering::Acquire) {
            return Err(PushError::Full);
        }
        let (size, is_key) = (frame.data.len(), frame.is_key);
        let queued = self.state.bytes.fetch_add(size, Ordering::AcqRel) + size;
        let pushed = if queued > QUEUE_BYTES {
            Err(PushError::Full)
        } else {
            self.frames.try_send(frame).map_err(|error| match error {
                mpsc::error::TrySendError::Closed(_) => PushError::Closed,
                mpsc::error::TrySendError::Full(_) => PushError::Full,
            })
        };
        match pushed {
            Ok(()) if is_key => self.state.is_broken.store(false, Ordering::Release),
            Ok(()) => {}
            Err(_) => {
                self.state.bytes.fetch_sub(size, Ordering::AcqRel);
                if is_video {
                    self.state.is_broken.store(true, Ordering::Release);
                    self.state.keyframe_wanted.notify_one();
                }
            }
        }
        pushed
    }

    /// Waits until a viewer needs a keyframe. One call covers all requests since the last one. Safe
    /// to cancel.
    pub async fn keyframe_wanted(&self) {
        self.state.keyframe_wanted.notified().await;
    }

    /// Waits until the source is no longer sent.
    pub async fn closed(&self) {
        self.frames.closed().await;
    }
}

/// Shared by both ends.
#[derive(Debug, Default)]
struct State {
    /// The bytes that wait.
    bytes: AtomicUsize,
    /// Whether a picture was dropped on which the next ones depend.
    is_broken: AtomicBool,
    keyframe_wanted: Notify,
}

/// The participant's end.
struct Pushed {
    codec: Codec,
    frames: mpsc::Receiver<Frame>,
    state: Arc<State>,
}

#[async_trait]
impl MediaSource for Pushed {
    fn codec(&self) -> Codec {
        self.codec
    }

    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
        let frame = self.frames.recv().await;
        if let Some(frame) = &frame {
            self.state.bytes.fetch_sub(frame.data.len(), Ordering::AcqRel);
        }
        Ok(frame)
    }

    fn request_keyframe(&mut self) {
        self.state.keyframe_wanted.notify_one();
    }

    fn is_live(&self) -> bool {
        true
    }
}

const QUEUE_FRAMES: usize = 64;
const QUEUE_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::media::OpenSource;

    fn frame(size: usize, is_key: bool) -> Frame {
        Frame {
            data: vec![0; size].into(),
            duration: Duration::from_millis(40),
            is_key,
            level: None,
        }
    }

    fn open(source: &Source, kind: MediaKind) -> Box<dyn MediaSource> {
        match source.open_blocking(kind).unwrap() {
            OpenSource::Custom(source) => source,
            OpenSource::Recording(..) => panic!("{source:?} is no file"),
        }
    }

    #[tokio::test]
    async fn after_a_dropped_picture_only_a_keyframe_is_taken() {
        for (size, fits) in [(1, QUEUE_FRAMES), (1 << 20, 4)] {
            let (pusher, source) = Source::pushed(Codec::Vp8);
            let mut source = open(&source, MediaKind::Video);
            for n in 0..fits {
                assert_eq!(pusher.push(frame(size, n == 0)), Ok(()));
            }
            assert_eq!(pusher.push(frame(size, false)), Err(PushError::Full));
            pusher.keyframe_wanted().await;
            assert!(source.next_frame().await.unwrap().unwrap().is_key);
            assert_eq!(pusher.push(frame(size, false)), Err(PushError::Full));
            assert_eq!(pusher.push(frame(size, true)), Ok(()));
            assert!(source.next_frame().await.unwrap().is_some());
            assert_eq!(pusher.push(frame(size, false)), Ok(()));
        }
    }

    #[tokio::test]
    async fn each_end_learns_that_the_other_is_gone() {
        let (pusher, source) = Source::pushed(Codec::Opus);
        drop(open(&source, MediaKind::Audio));
        pusher.closed().await;
        assert_eq!(pusher.push(frame(1, true)), Err(PushError::Closed));

        let (pusher, source) = Source::pushed(Codec::Opus);
        let mut opened = open(&source, MediaKind::Audio);
        assert!(matches!(source.open_blocking(MediaKind::Audio), Err(MediaError::Taken)));
        drop(pusher);
        assert_eq!(opened.next_frame().await.unwrap(), None);
    }
}
