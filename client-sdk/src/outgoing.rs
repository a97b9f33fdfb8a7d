//! What a participant sends to everybody: starts and stops sources.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::event::Event;
use crate::media::{MediaError, MediaKind, OpenSource, Player, PlayerEvent};
use crate::mesh::BudgetWatch;
use crate::options::Options;
use crate::session::TrackSource;
use crate::slot::Slot;

/// Where a shared screen is shown.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SharePlace {
    /// In a track of its own, beside the video.
    BesideVideo,
    /// In the video's track, where the video goes on once the screen ends.
    #[default]
    InsteadOfVideo,
}

/// The player of each slot; a screen in the video's place is in its slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Media {
    audio: Option<Arc<Player>>,
    video: Option<Arc<Player>>,
    screen: Option<Arc<Player>>,
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

    /// Whether the tracks of `self` can carry `other` without a negotiation: each codec is the
    /// same.
    fn has_same_tracks(&self, other: &Self) -> bool {
        let codec = |media: &Self, slot| media.player(slot).map(|player| player.codec());
        Slot::ALL.iter().all(|slot| codec(self, *slot) == codec(other, *slot))
    }
}

/// Starts and stops the players; connections watch which there are.
#[derive(Debug)]
pub(crate) struct Outgoing {
    audio: Option<Arc<Player>>,
    /// Plays on while a screen has its place.
    video: Option<Arc<Player>>,
    screen: Option<(Arc<Player>, SharePlace)>,
    muted: BTreeSet<Slot>,
    /// What is sent in the place of what is muted.
    stand_ins: HashMap<Slot, Arc<Player>>,
    /// What connections send. They follow it by themselves.
    shown: watch::Sender<Media>,
    /// Whether tracks were added or removed, which the other side learns from an offer.
    needs_negotiation: bool,
    budget: BudgetWatch,
    sheds_video: bool,
    /// What the players tell, by their numbers.
    told: mpsc::UnboundedReceiver<(u32, PlayerEvent)>,
    /// Cloned for each player, which uses it when it ends.
    tell: mpsc::UnboundedSender<(u32, PlayerEvent)>,
    players_started: u32,
}

impl Outgoing {
    pub(crate) fn new(options: &Options) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        Self {
            audio: None,
            video: None,
            screen: None,
            muted: options.muted.clone(),
            stand_ins: HashMap::new(),
            shown: watch::Sender::new(Media::default()),
            needs_negotiation: false,
            budget: BudgetWatch::new(options.expected_bitrates, options.upload_budget),
            sheds_video: options.sheds_video,
            told,
            tell,
            players_started: 0,
        }
    }

    /// Starts what the participant enters with: no connection is open yet, so all of them will have
    /// it from the start.
    pub(crate) fn publish_first(
        &mut self,
        sources: impl IntoIterator<Item = (MediaKind, OpenSource, TrackSource)>,
    ) {
        for (kind, source, label) in sources {
            self.publish(kind, source, label);
        }
        self.needs_negotiation = false;
    }

    /// Sends a source in the place of the one of its kind.
    pub(crate) fn publish(&mut self, kind: MediaKind, source: OpenSource, label: TrackSource) {
        *self.published(kind) = Some(self.start(source, label));
        self.show();
    }

    /// Stops sending that kind.
    pub(crate) fn unpublish(&mut self, kind: MediaKind) {
        *self.published(kind) = None;
        self.show();
    }

    /// Shares a screen in the place of the one before.
    pub(crate) fn share(&mut self, source: OpenSource, place: SharePlace) {
        self.screen = Some((self.start(source, TrackSource::Screen), place));
        self.show();
    }

    pub(crate) fn stop_sharing(&mut self) {
        self.screen = None;
        self.show();
    }

    /// Sends silence or a black picture in the place of what is sent there, or no longer. It plays on
    /// unheard and unseen.
    pub(crate) fn mute(&mut self, slot: Slot, is_muted: bool) {
        let _ = if is_muted { self.muted.insert(slot) } else { self.muted.remove(&slot) };
        self.show();
    }

    /// What is muted, as the others are told.
    pub(crate) fn muted(&self) -> Vec<String> {
        self.muted.iter().map(Slot::to_string).collect()
    }

    /// Waits until a source ends by itself. It is then no longer sent, unless it is a file, which
    /// may be played again. Safe to cancel.
    pub(crate) async fn ended(&mut self) -> Event {
        loop {
            let Some((player, event)) = self.told.recv().await else {
                // Not before `tell` is dropped.
                return std::future::pending().await;
            };
            if self.screen.as_ref().is_some_and(|(screen, _)| screen.number() == player) {
                self.stop_sharing();
                let reason = match event {
                    PlayerEvent::Played => MediaError::Ended,
                    PlayerEvent::Stopped(reason) => reason,
                };
                return Event::ShareEnded { reason };
            }
            for kind in [MediaKind::Audio, MediaKind::Video] {
                let published = self.published(kind).as_ref();
                if published.is_none_or(|published| published.number() != player) {
                    continue;
                }
                let PlayerEvent::Stopped(reason) = event else { return Event::Ended { kind } };
                self.unpublish(kind);
                return Event::Degraded { kind, reason };
            }
            // A player that was replaced meanwhile is of no interest.
        }
    }

    /// Compares the cost of sending this to so many others with the budget. Above it, reports that
    /// once, and gives up video and screens if the options say so.
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

    /// The number of audio and of video tracks sent to each other participant. What is muted costs
    /// next to nothing.
    fn tracks(&self) -> (u64, u64) {
        let Media { audio, video, screen } = &*self.shown.borrow();
        let is_stand_in = |player: &Arc<Player>| {
            self.stand_ins.values().any(|stand_in| Arc::ptr_eq(stand_in, player))
        };
        let count = |player: &Option<Arc<Player>>| {
            u64::from(player.as_ref().is_some_and(|player| !is_stand_in(player)))
        };
        (count(audio), count(video) + count(screen))
    }

    /// Whether what is sent has changed in a way that has to be negotiated; true once for each
    /// change.
    pub(crate) fn take_needs_negotiation(&mut self) -> bool {
        std::mem::take(&mut self.needs_negotiation)
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

    fn start(&mut self, source: OpenSource, label: TrackSource) -> Arc<Player> {
        self.players_started += 1;
        let (player, tell) = (self.players_started, self.tell.clone());
        Arc::new(Player::start(source, player, label, move |event| {
            // After the end of the room nobody listens.
            let _ = tell.send((player, event));
        }))
    }

    fn show(&mut self) {
        let audio = self.unless_muted(Slot::Audio, self.audio.clone());
        let camera = self.unless_muted(Slot::Video, self.video.clone());
        let (screen, place) = self.screen.clone().unzip();
        let screen = self.unless_muted(Slot::Screen, screen);
        let media = match place.unwrap_or_default() {
            SharePlace::BesideVideo => Media { audio, video: camera, screen },
            SharePlace::InsteadOfVideo => Media { audio, video: screen.or(camera), screen: None },
        };
        let needs_negotiation = &mut self.needs_negotiation;
        self.shown.send_if_modified(|shown| {
            *needs_negotiation |= !shown.has_same_tracks(&media);
            let is_other = !shown.is_same(&media);
            *shown = media;
            is_other
        });
    }

    /// The player, or what is sent in its place.
    fn unless_muted(&mut self, slot: Slot, player: Option<Arc<Player>>) -> Option<Arc<Player>> {
        let earlier = self.stand_ins.remove(&slot);
        let player = player?;
        if !self.muted.contains(&slot) {
            return Some(player);
        }
        let (codec, label) = (player.codec(), player.label());
        let stand_in = earlier
            .filter(|earlier| (earlier.codec(), earlier.label()) == (codec, label))
            .unwrap_or_else(|| self.start(OpenSource::muted(codec), label));
        self.stand_ins.insert(slot, Arc::clone(&stand_in));
        Some(stand_in)
    }
}
