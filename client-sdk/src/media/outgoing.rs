//! What a participant sends at the moment, to all others alike.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::{MediaKind, MediaSource, Player, Source};
use crate::error::MediaError;
use crate::event::Event;
use crate::mesh::BudgetWatch;
use crate::options::Options;
use crate::track_source::TrackSource;

/// A place for something that is sent: one track of each connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Slot {
    Audio,
    Video,
    /// A screen beside the video.
    Screen,
}

/// Where a screen is shown.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SharePlace {
    /// In a track of its own, beside the video.
    BesideVideo,
    /// In the video's track, which goes on where the screen ends.
    #[default]
    InsteadOfVideo,
}

/// What is in each slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Media {
    audio: Option<Arc<Player>>,
    video: Option<Arc<Player>>,
    screen: Option<Arc<Player>>,
}

impl Slot {
    pub(crate) const ALL: [Self; 3] = [Self::Audio, Self::Video, Self::Screen];
}

impl Media {
    pub(crate) fn player(&self, slot: Slot) -> Option<&Arc<Player>> {
        match slot {
            Slot::Audio => self.audio.as_ref(),
            Slot::Video => self.video.as_ref(),
            Slot::Screen => self.screen.as_ref(),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let number = |media: &Self, slot| media.player(slot).map(|player| player.number());
        Slot::ALL.iter().all(|slot| number(self, *slot) == number(other, *slot))
    }
}

/// Starts and stops sources; connections watch what there is.
#[derive(Debug)]
pub(crate) struct Outgoing {
    audio: Option<Arc<Player>>,
    /// Goes on while a screen is shown in its place.
    video: Option<Arc<Player>>,
    screen: Option<(Arc<Player>, SharePlace)>,
    shown: watch::Sender<Media>,
    budget: BudgetWatch,
    sheds_video: bool,
    ends: mpsc::UnboundedReceiver<End>,
    /// Cloned for each player, which uses it once.
    ends_in: mpsc::UnboundedSender<End>,
    players_started: u32,
}

/// A player has come to its end.
#[derive(Debug)]
struct End {
    player: u32,
    reason: MediaError,
}

impl Outgoing {
    pub(crate) fn new(options: &Options) -> Self {
        let (ends_in, ends) = mpsc::unbounded_channel();
        Self {
            audio: None,
            video: None,
            screen: None,
            shown: watch::Sender::new(Media::default()),
            budget: BudgetWatch::new(options.expected_bitrates, options.upload_budget),
            sheds_video: options.sheds_video,
            ends,
            ends_in,
            players_started: 0,
        }
    }

    /// Starts what can be opened, and tells what cannot.
    pub(crate) fn publish_all<'a>(
        &mut self,
        sources: impl IntoIterator<Item = (MediaKind, Option<&'a Source>)>,
    ) -> Vec<(MediaKind, MediaError)> {
        let mut failed = Vec::new();
        for (kind, source) in sources {
            let Some(source) = source else { continue };
            match source.open(kind) {
                Ok(opened) => self.publish(kind, opened, source.label(kind)),
                Err(reason) => failed.push((kind, reason)),
            }
        }
        failed
    }

    /// Sends a source, in the place of the one of its kind that was sent before.
    pub(crate) fn publish(
        &mut self,
        kind: MediaKind,
        source: Box<dyn MediaSource>,
        label: TrackSource,
    ) {
        *self.published(kind) = Some(self.start(source, label));
        self.show();
    }

    /// Sends no more of that kind.
    pub(crate) fn unpublish(&mut self, kind: MediaKind) {
        *self.published(kind) = None;
        self.show();
    }

    /// Shows a screen, in the place of the one that was shown before.
    pub(crate) fn share(&mut self, source: Box<dyn MediaSource>, place: SharePlace) {
        self.screen = Some((self.start(source, TrackSource::Screen), place));
        self.show();
    }

    pub(crate) fn stop_sharing(&mut self) {
        self.screen = None;
        self.show();
    }

    /// Waits until a source ends by itself, which is not sent any more then. Safe to cancel.
    pub(crate) async fn ended(&mut self) -> Event {
        loop {
            let Some(End { player, reason }) = self.ends.recv().await else {
                // Not before `ends_in` is dropped.
                return std::future::pending().await;
            };
            if self.screen.as_ref().is_some_and(|(screen, _)| screen.number() == player) {
                self.stop_sharing();
                return Event::ShareEnded { reason };
            }
            for kind in [MediaKind::Audio, MediaKind::Video] {
                if self
                    .published(kind)
                    .as_ref()
                    .is_some_and(|published| published.number() == player)
                {
                    self.unpublish(kind);
                    return Event::Degraded { kind, reason };
                }
            }
            // One that was replaced meanwhile concerns nobody.
        }
    }

    /// Looks at what it costs to send all this to so many others; where that is too much, tells so once and gives up video
    /// and screens, if that was asked for.
    pub(crate) fn weigh(&mut self, others: usize) -> Vec<Event> {
        let (audio, video) = self.tracks();
        let Some((cost, is_new)) = self.budget.weigh(others, audio, video) else {
            return Vec::new();
        };
        let mut events = Vec::new();
        if is_new {
            let budget = self.budget.budget();
            tracing::warn!(
                connections = cost.connections,
                upload = cost.upload,
                budget,
                "the mesh costs more upload than there is"
            );
            events.push(Event::OverBudget { cost, budget });
        }
        if self.sheds_video && video > 0 {
            if self.screen.take().is_some() {
                events.push(Event::ShareEnded { reason: MediaError::OverBudget });
            }
            if self.video.take().is_some() {
                events.push(Event::Degraded {
                    kind: MediaKind::Video,
                    reason: MediaError::OverBudget,
                });
            }
            self.show();
        }
        events
    }

    /// How many tracks of audio and of video are sent to each other participant.
    fn tracks(&self) -> (u64, u64) {
        let Media { audio, video, screen } = &*self.shown.borrow();
        let count = |player: &Option<Arc<Player>>| u64::from(player.is_some());
        (count(audio), count(video) + count(screen))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Media> {
        self.shown.subscribe()
    }

    fn published(&mut self, kind: MediaKind) -> &mut Option<Arc<Player>> {
        match kind {
            MediaKind::Audio => &mut self.audio,
            MediaKind::Video => &mut self.video,
        }
    }

    fn start(&mut self, source: Box<dyn MediaSource>, label: TrackSource) -> Arc<Player> {
        self.players_started += 1;
        let (player, ends) = (self.players_started, self.ends_in.clone());
        Arc::new(Player::start(source, player, label, move |ended| {
            let reason = ended.err().unwrap_or(MediaError::Ended);
            // Nobody is interested once the room is over.
            let _ = ends.send(End { player, reason });
        }))
    }

    fn show(&self) {
        let (instead, beside) = match &self.screen {
            Some((screen, SharePlace::InsteadOfVideo)) => (Some(screen), None),
            Some((screen, SharePlace::BesideVideo)) => (None, Some(screen)),
            None => (None, None),
        };
        let media = Media {
            audio: self.audio.clone(),
            video: instead.or(self.video.as_ref()).cloned(),
            screen: beside.cloned(),
        };
        self.shown.send_if_modified(|shown| {
            let is_other = !shown.is_same(&media);
            *shown = media;
            is_other
        });
    }
}
