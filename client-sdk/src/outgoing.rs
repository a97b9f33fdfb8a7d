//! What a participant sends to everybody: starts and stops sources.

use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    /// In a track of its own, beside the video. Pages with one element for each participant then
    /// show the screen without the participant's audio.
    BesideVideo,
    /// In the video's track, where the video continues once the screen ends.
    #[default]
    InsteadOfVideo,
}

/// The player of each slot. A screen in the video's place is in the video's slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Media(BTreeMap<Slot, Arc<Player>>);

impl Media {
    pub(crate) fn player(&self, slot: &Slot) -> Option<&Arc<Player>> {
        self.0.get(slot)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.keys()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.is_alike(other, |player| player.number())
    }

    /// Whether the tracks of `self` can carry `other` without a negotiation: each codec is the
    /// same.
    fn has_same_tracks(&self, other: &Self) -> bool {
        self.is_alike(other, |player| player.codec())
    }

    fn is_alike<T: PartialEq>(&self, other: &Self, property: impl Fn(&Player) -> T) -> bool {
        let properties = |media: &Self| -> Vec<(Slot, T)> {
            media.0.iter().map(|(slot, player)| (slot.clone(), property(player))).collect()
        };
        properties(self) == properties(other)
    }
}

/// Starts and stops the players. Connections watch the current ones.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The published players. The video plays on while a screen has its place.
    published: BTreeMap<Slot, Arc<Player>>,
    screen_place: SharePlace,
    muted: BTreeSet<Slot>,
    /// The replacements for muted players.
    stand_ins: HashMap<Slot, Arc<Player>>,
    /// The media that connections send. They watch it.
    shown: watch::Sender<Media>,
    /// Whether tracks were added or removed, which the other side learns from an offer.
    needs_negotiation: bool,
    budget: BudgetWatch,
    sheds_video: bool,
    /// The events of the players, by their numbers.
    told: mpsc::UnboundedReceiver<(u32, PlayerEvent)>,
    /// Cloned for each player, which uses it when it ends.
    tell: mpsc::UnboundedSender<(u32, PlayerEvent)>,
    players_started: u32,
}

impl Outgoing {
    pub(crate) fn new(options: &Options) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        Self {
            published: BTreeMap::new(),
            screen_place: SharePlace::default(),
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

    /// Starts the first sources. No connection is open yet, so they need no negotiation.
    pub(crate) fn publish_first(
        &mut self,
        sources: impl IntoIterator<Item = (Slot, OpenSource, TrackSource)>,
    ) {
        for (slot, source, label) in sources {
            self.publish(slot, source, label);
        }
        self.needs_negotiation = false;
    }

    /// Sends a source in this slot, in place of an earlier one.
    pub(crate) fn publish(&mut self, slot: Slot, source: OpenSource, label: TrackSource) {
        if slot == Slot::Screen {
            self.screen_place = SharePlace::BesideVideo;
        }
        let player = self.start(source, label);
        self.published.insert(slot, player);
        self.show();
    }

    /// Whether a track can be sent in this slot.
    pub(crate) fn has_room(&self, slot: &Slot) -> bool {
        self.published.len() < MAX_TRACKS || self.published.contains_key(slot)
    }

    /// Stops sending in this slot.
    pub(crate) fn unpublish(&mut self, slot: &Slot) {
        self.published.remove(slot);
        self.show();
    }

    /// Shares a screen, in place of an earlier one.
    pub(crate) fn share(&mut self, source: OpenSource, place: SharePlace) {
        let player = self.start(source, TrackSource::Screen);
        self.published.insert(Slot::Screen, player);
        self.screen_place = place;
        self.show();
    }

    pub(crate) fn stop_sharing(&mut self) {
        self.published.remove(&Slot::Screen);
        self.published.remove(&Slot::ScreenAudio);
        self.show();
    }

    /// Sends silence or a black picture in this slot, or stops doing so. The source plays on
    /// unheard and unseen.
    pub(crate) fn mute(&mut self, slot: Slot, is_muted: bool) {
        let _ = if is_muted { self.muted.insert(slot) } else { self.muted.remove(&slot) };
        self.show();
    }

    /// The names of the muted slots, as announced to the others.
    pub(crate) fn muted(&self) -> Vec<String> {
        self.muted.iter().map(Slot::to_string).collect()
    }

    /// Waits until a source ends by itself. It is then no longer sent, unless it is a file, which
    /// may be played again. Safe to cancel.
    pub(crate) async fn ended(&mut self) -> Event {
        loop {
            let Some((player, event)) = self.told.recv().await else {
                // This never happens while `tell` exists.
                return std::future::pending().await;
            };
            let mut slots = self.published.iter();
            let slot = slots.find(|(_, published)| published.number() == player);
            match (slot.map(|(slot, _)| slot.clone()), event) {
                (Some(Slot::Screen), event) => {
                    self.stop_sharing();
                    let reason = match event {
                        PlayerEvent::Played => MediaError::Ended,
                        PlayerEvent::Stopped(reason) => reason,
                    };
                    return Event::ShareEnded { reason };
                }
                (Some(slot), PlayerEvent::Played) => return Event::Ended { slot },
                (Some(slot), PlayerEvent::Stopped(reason)) => {
                    self.unpublish(&slot);
                    return Event::Degraded { slot, reason };
                }
                // The player was replaced meanwhile.
                (None, _) => {}
            }
        }
    }

    /// Compares the cost of sending to that many others with the budget. Above it, returns an event
    /// once, and gives up video and screens if the options ask for it.
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
                "the mesh exceeds the upload budget"
            );
            events.push(Event::OverBudget { cost, budget });
        }
        if self.sheds_video && video > 0 {
            for slot in self.published.keys() {
                let reason = MediaError::OverBudget;
                match (slot, slot.kind()) {
                    (Slot::Screen, _) => events.push(Event::ShareEnded { reason }),
                    (_, MediaKind::Video) => {
                        events.push(Event::Degraded { slot: slot.clone(), reason });
                    }
                    (_, MediaKind::Audio) => {}
                }
            }
            if self.published.contains_key(&Slot::Screen) {
                self.published.remove(&Slot::ScreenAudio);
            }
            self.published.retain(|slot, _| slot.kind() == MediaKind::Audio);
            self.show();
        }
        events
    }

    /// The number of audio and of video tracks sent to each other participant, except muted ones,
    /// which cost next to nothing.
    fn tracks(&self) -> (u64, u64) {
        let (mut audio, mut video) = (0, 0);
        for (slot, player) in &self.shown.borrow().0 {
            if self.stand_ins.values().any(|stand_in| Arc::ptr_eq(stand_in, player)) {
                continue;
            }
            match slot.kind() {
                MediaKind::Audio => audio += 1,
                MediaKind::Video => video += 1,
            }
        }
        (audio, video)
    }

    /// Whether the tracks have changed in a way that has to be negotiated; `true` once for each
    /// change.
    pub(crate) fn take_needs_negotiation(&mut self) -> bool {
        std::mem::take(&mut self.needs_negotiation)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Media> {
        self.shown.subscribe()
    }

    fn start(&mut self, source: OpenSource, label: TrackSource) -> Arc<Player> {
        self.players_started += 1;
        let (player, tell) = (self.players_started, self.tell.clone());
        Arc::new(Player::start(source, player, label, move |event| {
            // After the end of the room the receiver is gone.
            let _ = tell.send((player, event));
        }))
    }

    fn show(&mut self) {
        let mut earlier = std::mem::take(&mut self.stand_ins);
        let mut media = BTreeMap::new();
        for (slot, player) in self.published.clone() {
            let shown = match self.muted.contains(&slot) {
                true => self.stand_in(&slot, &player, earlier.remove(&slot)),
                false => player,
            };
            media.insert(slot, shown);
        }
        if self.screen_place == SharePlace::InsteadOfVideo
            && let Some(screen) = media.remove(&Slot::Screen)
        {
            media.insert(Slot::Video, screen);
        }
        let media = Media(media);
        let needs_negotiation = &mut self.needs_negotiation;
        self.shown.send_if_modified(|shown| {
            *needs_negotiation |= !shown.has_same_tracks(&media);
            let is_other = !shown.is_same(&media);
            *shown = media;
            is_other
        });
    }

    /// The replacement for a muted player.
    fn stand_in(
        &mut self,
        slot: &Slot,
        player: &Player,
        earlier: Option<Arc<Player>>,
    ) -> Arc<Player> {
        let (codec, label) = (player.codec(), player.label());
        let stand_in = earlier
            .filter(|earlier| (earlier.codec(), earlier.label()) == (codec, label))
            .unwrap_or_else(|| self.start(OpenSource::muted(codec), label));
        self.stand_ins.insert(slot.clone(), Arc::clone(&stand_in));
        stand_in
    }
}

/// The limit on tracks. Descriptions of many more would be longer than a server relays.
pub(crate) const MAX_TRACKS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Codec;

    #[tokio::test]
    async fn a_screen_that_is_given_up_takes_its_sound_along() {
        let mut outgoing = Outgoing::new(&Options::default().upload_budget(1).shed_video(true));
        let sources = [
            (Slot::Audio, Codec::Opus, TrackSource::Microphone),
            (Slot::Screen, Codec::Vp8, TrackSource::Screen),
            (Slot::ScreenAudio, Codec::Opus, TrackSource::Screen),
        ];
        for (slot, codec, label) in sources {
            outgoing.publish(slot, OpenSource::muted(codec), label);
        }
        outgoing.weigh(2);
        let shown = outgoing.watch().borrow().clone();
        assert_eq!(shown.slots().collect::<Vec<_>>(), [&Slot::Audio]);
    }
}
