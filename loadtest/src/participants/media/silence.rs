//! Why one participant does not hear or see another one.

use std::fmt;

use client_sdk::{ConnectionFailure, MediaKind, ParticipantId};

use crate::measure::stream::StreamKind;

use super::observations::Observations;

/// A stream that was to arrive and of which nothing has.
#[derive(Clone, Debug)]
pub(crate) struct SilentStream {
    /// The number of the room in the plan.
    pub(crate) room: usize,
    pub(crate) from: ParticipantId,
    pub(crate) to: ParticipantId,
    pub(crate) kind: StreamKind,
    pub(crate) why: Silence,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Silence {
    /// One of them has not learned of the other.
    NeverMet,
    NeverConnected(Option<ConnectionFailure>),
    /// The source could not be sent.
    NoSource(String),
    /// Its sender has no such stream on this connection.
    NoTrack,
    /// There is a stream, and its sender has sent nothing over it.
    NeverSent,
    /// So many packets were sent, and none has arrived.
    NothingArrived {
        sent: u64,
    },
    /// Packets arrived, and none of them made a picture.
    NoFrame {
        received: u64,
    },
    /// A screen was shown, and nothing of it has arrived.
    NoScreen,
    /// Nothing is known of the sending end.
    Unknown,
}

impl Silence {
    /// Why nothing that `from` sends has arrived at `to`.
    pub(super) fn of(kind: MediaKind, from: &Observations, to: &Observations) -> Self {
        if !to.met.contains_key(&from.id()) || !from.met.contains_key(&to.id()) {
            return Self::NeverMet;
        }
        if !to.connected.contains_key(&from.id()) {
            return Self::NeverConnected(to.failed.get(&from.id()).copied().flatten());
        }
        if let Some(reason) = from.degraded.get(&kind.into()) {
            return Self::NoSource(reason.clone());
        }
        let Some(stats) = from.stats.get(&to.id()) else { return Self::Unknown };
        match stats.sent.iter().find(|sent| sent.kind == kind) {
            None => Self::NoTrack,
            Some(sent) if sent.packets == 0 => Self::NeverSent,
            Some(sent) => Self::NothingArrived { sent: sent.packets },
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverMet => f.write_str("one of them did not learn of the other"),
            Self::NeverConnected(None) => f.write_str("never connected"),
            Self::NeverConnected(Some(failure)) => write!(f, "never connected: {failure}"),
            Self::NoSource(reason) => write!(f, "the source failed: {reason}"),
            Self::NoTrack => f.write_str("no track was negotiated"),
            Self::NeverSent => f.write_str("there is a track, and its sender sent nothing"),
            Self::NothingArrived { sent } => {
                write!(f, "{sent} packets were sent, and none arrived")
            }
            Self::NoFrame { received } => {
                write!(f, "{received} packets arrived, and no picture was whole")
            }
            Self::NoScreen => f.write_str("it was shown, and nothing of it arrived"),
            Self::Unknown => f.write_str("nothing is known of its sender"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use client_sdk::PeerStats;

    use super::*;

    fn pair() -> [Observations; 2] {
        let ids: [ParticipantId; 2] = ["p_00000002", "p_00000003"].map(|id| id.parse().unwrap());
        let now = Instant::now();
        let mut pair = ids.map(|id| Observations::new(id, now));
        for (one, other) in [(0, ids[1]), (1, ids[0])] {
            pair[one].met.insert(other, now);
            pair[one].connected.insert(other, now);
        }
        pair
    }

    #[test]
    fn a_silent_stream_is_told_by_the_first_thing_that_was_missing() {
        let why = |change: fn(&mut Observations, &mut Observations)| {
            let [mut from, mut to] = pair();
            change(&mut from, &mut to);
            Silence::of(MediaKind::Audio, &from, &to).to_string()
        };
        assert_eq!(why(|_, _| {}), "nothing is known of its sender");
        let no_track = |from: &mut Observations, to: &mut Observations| {
            from.stats.insert(to.id(), PeerStats::default());
        };
        assert_eq!(why(no_track), "no track was negotiated");
        let no_source = |from: &mut Observations, _: &mut Observations| {
            from.degraded.insert(StreamKind::Audio, "it has ended".into());
        };
        assert_eq!(why(no_source), "the source failed: it has ended");
        let of_pictures = |from: &mut Observations, _: &mut Observations| {
            from.degraded.insert(StreamKind::Video, "it has ended".into());
        };
        assert_eq!(why(of_pictures), "nothing is known of its sender");
        let not_connected = |from: &mut Observations, to: &mut Observations| {
            to.connected.clear();
            to.failed.insert(from.id(), Some(ConnectionFailure::NoPath));
        };
        assert_eq!(why(not_connected), "never connected: no pair of ICE candidates works");
        let unknown = |from: &mut Observations, _: &mut Observations| from.met.clear();
        assert_eq!(why(unknown), "one of them did not learn of the other");
    }
}
