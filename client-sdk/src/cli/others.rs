//! The other participants, and whether all of them have left for good.

use std::collections::HashSet;
use std::time::Duration;

use signal_core::ParticipantId;
use tokio::time::Instant;

use crate::event::Event;

/// The other participants, by the events that were taken.
pub(super) struct Others {
    here: HashSet<ParticipantId>,
    /// Whether anybody was here.
    were_here: bool,
    /// From when on nobody is waited for; `None` while the server is away.
    settled: Option<Instant>,
}

impl Others {
    pub(super) fn new(now: Instant) -> Self {
        Self { here: HashSet::new(), were_here: false, settled: Some(now) }
    }

    pub(super) fn learn(&mut self, event: &Event, now: Instant) {
        match event {
            Event::ParticipantJoined(participant) => {
                self.were_here = true;
                self.here.insert(participant.id);
            }
            Event::ParticipantLeft(id) => drop(self.here.remove(id)),
            Event::Reconnecting => self.settled = None,
            // The others may have lost the server too, and come back later than this participant.
            Event::Rejoined { .. } | Event::Resumed { .. } => self.settled = Some(now + GRACE),
            // Nobody can come back.
            Event::SignalingLost { .. } => self.settled = Some(now),
            _ => {}
        }
    }

    /// From when on all others have left for good; `None` if somebody is here or may come back.
    pub(super) fn left_at(&self) -> Option<Instant> {
        self.settled.filter(|_| self.were_here && self.here.is_empty())
    }
}

/// As long as the server keeps the seats of those who lost it.
const GRACE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use signal_core::message::ParticipantInfo;

    use super::*;

    #[test]
    fn whoever_was_alone_from_the_start_stays() {
        let mut others = Others::new(Instant::now());
        assert_eq!(others.left_at(), None);
        others.learn(&Event::Resumed { lossy: false }, Instant::now());
        assert_eq!(others.left_at(), None);
    }

    #[test]
    fn the_leave_of_the_last_is_final_while_the_server_is_there() {
        let now = Instant::now();
        let mut others = Others::new(now);
        others.learn(&joined("p_a"), now);
        others.learn(&joined("p_b"), now);
        others.learn(&left("p_a"), now);
        assert_eq!(others.left_at(), None);
        others.learn(&left("p_b"), now);
        assert!(others.left_at().is_some_and(|at| at <= now));
    }

    #[test]
    fn after_an_outage_those_who_come_back_later_are_waited_for() {
        let now = Instant::now();
        for back in [Event::Rejoined { id: id("p_m") }, Event::Resumed { lossy: true }] {
            let mut others = Others::new(now);
            others.learn(&joined("p_z"), now);
            others.learn(&Event::Reconnecting, now);
            others.learn(&left("p_z"), now);
            assert_eq!(others.left_at(), None, "the server is away");
            others.learn(&back, now);
            assert_eq!(others.left_at(), Some(now + GRACE));
            others.learn(&joined("p_a"), now);
            assert_eq!(others.left_at(), None, "somebody is back");
        }
    }

    #[test]
    fn without_the_room_nobody_is_waited_for() {
        let now = Instant::now();
        let mut others = Others::new(now);
        others.learn(&joined("p_z"), now);
        others.learn(&Event::Reconnecting, now);
        others.learn(&Event::SignalingLost { reason: "x".into() }, now);
        others.learn(&left("p_z"), now);
        assert_eq!(others.left_at(), Some(now));
    }

    fn joined(who: &str) -> Event {
        Event::ParticipantJoined(ParticipantInfo {
            id: id(who),
            name: "x".into(),
            is_creator: false,
            connected: true,
            state: None,
            attributes: None,
            publish: true,
        })
    }

    fn left(who: &str) -> Event {
        Event::ParticipantLeft(id(who))
    }

    fn id(text: &str) -> ParticipantId {
        text.parse().unwrap()
    }
}
