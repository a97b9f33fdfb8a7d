//! What a participant sends at the moment, to all others alike.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::{MediaKind, MediaSource, Player, Source};
use crate::error::MediaError;

/// At most one source of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Media {
    audio: Option<Arc<Player>>,
    video: Option<Arc<Player>>,
}

impl Media {
    pub(crate) fn player(&self, kind: MediaKind) -> Option<&Arc<Player>> {
        match kind {
            MediaKind::Audio => self.audio.as_ref(),
            MediaKind::Video => self.video.as_ref(),
        }
    }

    fn slot(&mut self, kind: MediaKind) -> &mut Option<Arc<Player>> {
        match kind {
            MediaKind::Audio => &mut self.audio,
            MediaKind::Video => &mut self.video,
        }
    }
}

/// Starts and stops sources; connections watch what there is.
#[derive(Debug)]
pub(crate) struct Outgoing {
    media: watch::Sender<Media>,
    ends: mpsc::UnboundedReceiver<End>,
    /// Cloned for each player, which uses it once.
    ends_in: mpsc::UnboundedSender<End>,
    /// Tells players apart.
    started: u32,
    current: [u32; 2],
}

#[derive(Debug)]
struct End {
    kind: MediaKind,
    number: u32,
    reason: MediaError,
}

impl Outgoing {
    pub(crate) fn new() -> Self {
        let (ends_in, ends) = mpsc::unbounded_channel();
        let media = watch::Sender::new(Media::default());
        Self { media, ends, ends_in, started: 0, current: [0; 2] }
    }

    /// Starts what can be opened, and tells what cannot.
    pub(crate) fn publish_all<'a>(
        &mut self,
        sources: impl IntoIterator<Item = (MediaKind, Option<&'a Source>)>,
    ) -> Vec<(MediaKind, MediaError)> {
        let mut failed = Vec::new();
        for (kind, source) in sources {
            match source.map(|source| source.open(kind)) {
                Some(Ok(source)) => self.publish(kind, source),
                Some(Err(reason)) => failed.push((kind, reason)),
                None => {}
            }
        }
        failed
    }

    /// Sends a source, in the place of the one of its kind that was sent before.
    pub(crate) fn publish(&mut self, kind: MediaKind, source: Box<dyn MediaSource>) {
        self.started += 1;
        let (number, ends) = (self.started, self.ends_in.clone());
        let player = Player::start(source, move |ended| {
            let reason = ended.err().unwrap_or(MediaError::Ended);
            // Nobody is interested once the room is over.
            let _ = ends.send(End { kind, number, reason });
        });
        self.current[kind as usize] = number;
        self.media.send_modify(|media| *media.slot(kind) = Some(Arc::new(player)));
    }

    /// Sends no more of that kind.
    pub(crate) fn unpublish(&mut self, kind: MediaKind) {
        self.current[kind as usize] = 0;
        self.media.send_if_modified(|media| media.slot(kind).take().is_some());
    }

    /// Waits until a source ends by itself, which is not sent any more then. Safe to cancel.
    pub(crate) async fn ended(&mut self) -> (MediaKind, MediaError) {
        loop {
            let Some(End { kind, number, reason }) = self.ends.recv().await else {
                // Not before `ends_in` is dropped.
                return std::future::pending().await;
            };
            // One that was replaced meanwhile concerns nobody.
            if self.current[kind as usize] == number {
                self.unpublish(kind);
                return (kind, reason);
            }
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Media> {
        self.media.subscribe()
    }
}
