//! The cost of a full mesh, in which everybody sends to everybody.

/// The bit rates that a participant sends to each other one, without headers; 0 if it does not send
/// that kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MeshTracks {
    /// Audio.
    pub audio: u64,
    /// Video.
    pub video: u64,
}

/// The cost of a full mesh for each participant, if all send the same.
///
/// A participant sends everything once for each other one. Its upload grows with the size of the
/// room, and the total upload with the square of it.
///
/// ```
/// use client_sdk::{MeshCost, MeshTracks};
///
/// let tracks = MeshTracks { audio: 40_000, video: 1_000_000 };
/// let cost = MeshCost::new(6, tracks);
/// assert_eq!((cost.connections, cost.connections_in_room), (5, 15));
/// assert!(cost.upload > 5 * 1_040_000);
/// assert_eq!(MeshCost::most_participants(tracks, 10_000_000), 9);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MeshCost {
    /// Participants in the room.
    pub participants: usize,
    /// Connections of each participant.
    pub connections: usize,
    /// Connections in the room.
    pub connections_in_room: usize,
    /// The upload of each participant in bits a second, with the headers of IPv4, UDP and SRTP, and
    /// without retransmissions.
    pub upload: u64,
    /// The download of each participant in bits a second, counted in the same way.
    pub download: u64,
}

impl MeshCost {
    /// Computes the cost of a room of this size, including this participant.
    #[must_use]
    pub fn new(participants: usize, tracks: MeshTracks) -> Self {
        let connections = participants.saturating_sub(1);
        let bitrate = tracks.with_headers().saturating_mul(connections as u64);
        Self {
            participants,
            connections,
            connections_in_room: participants.saturating_mul(connections) / 2,
            upload: bitrate,
            download: bitrate,
        }
    }

    /// Computes the largest room for an upload in bits a second; `usize::MAX` if nothing is sent.
    #[must_use]
    pub fn most_participants(tracks: MeshTracks, upload: u64) -> usize {
        match upload.checked_div(tracks.with_headers()) {
            Some(others) => usize::try_from(others).unwrap_or(usize::MAX).saturating_add(1),
            None => usize::MAX,
        }
    }
}

impl MeshTracks {
    fn with_headers(self) -> u64 {
        let headers = |packets: u64| packets.saturating_mul(8 * HEADER_BYTES);
        let audio_packets = if self.audio == 0 { 0 } else { AUDIO_PACKETS };
        let audio = self.audio.saturating_add(headers(audio_packets));
        let video = self.video.saturating_add(headers(self.video.div_ceil(8 * VIDEO_PACKET_BYTES)));
        audio.saturating_add(video)
    }
}

/// Reports when a mesh exceeds the budget.
#[derive(Debug)]
pub(crate) struct BudgetWatch {
    expected: MeshTracks,
    /// The upload budget in bits a second.
    budget: u64,
    is_over: bool,
}

impl BudgetWatch {
    /// `expected` is the bit rate of one track of each kind.
    pub(crate) fn new(expected: MeshTracks, budget: u64) -> Self {
        Self { expected, budget, is_over: false }
    }

    pub(crate) fn budget(&self) -> u64 {
        self.budget
    }

    /// The cost if it exceeds the budget, and whether it did not before.
    pub(crate) fn weigh(
        &mut self,
        others: usize,
        audio_tracks: u64,
        video_tracks: u64,
    ) -> Option<(MeshCost, bool)> {
        let tracks = MeshTracks {
            audio: self.expected.audio.saturating_mul(audio_tracks),
            video: self.expected.video.saturating_mul(video_tracks),
        };
        let cost = MeshCost::new(others + 1, tracks);
        let was_over = std::mem::replace(&mut self.is_over, cost.upload > self.budget);
        self.is_over.then_some((cost, !was_over))
    }
}

/// IPv4 20, UDP 8, RTP with extensions 20, authentication tag 10.
const HEADER_BYTES: u64 = 58;
/// A second, at 20 ms each.
const AUDIO_PACKETS: u64 = 50;
const VIDEO_PACKET_BYTES: u64 = 1180;

#[cfg(test)]
mod tests {
    use super::*;

    const TRACKS: MeshTracks = MeshTracks { audio: 40_000, video: 944_000 };
    /// 63 200 of audio; of video 100 packets a second.
    const EACH: u64 = 40_000 + 50 * 58 * 8 + 944_000 + 100 * 58 * 8;

    #[test]
    fn each_sends_everything_once_for_each_other_one() {
        for (participants, in_room) in [(1, 0), (2, 1), (3, 3), (10, 45), (50, 1225)] {
            let cost = MeshCost::new(participants, TRACKS);
            let others = participants - 1;
            assert_eq!((cost.connections, cost.connections_in_room), (others, in_room));
            assert_eq!((cost.upload, cost.download), (others as u64 * EACH, others as u64 * EACH));
        }
        assert_eq!(MeshCost::new(0, TRACKS).upload, 0);
        assert_eq!(MeshCost::new(50, MeshTracks::default()).upload, 0);
        assert_eq!(
            MeshCost::new(usize::MAX, MeshTracks { audio: u64::MAX, video: 1 }).upload,
            u64::MAX
        );
    }

    #[test]
    fn a_room_of_the_most_that_fit_is_within_the_budget_and_of_one_more_is_not() {
        for budget in [0, EACH - 1, EACH, 10_000_000] {
            let most = MeshCost::most_participants(TRACKS, budget);
            assert!(MeshCost::new(most, TRACKS).upload <= budget);
            assert!(MeshCost::new(most + 1, TRACKS).upload > budget);
        }
        assert_eq!(MeshCost::most_participants(MeshTracks::default(), 0), usize::MAX);
    }

    #[test]
    fn a_warning_comes_once_for_each_time_that_the_budget_is_passed() {
        let mut watch = BudgetWatch::new(TRACKS, 2 * EACH);
        let warnings: Vec<_> = [1, 2, 3, 4, 3, 2, 3]
            .map(|others| {
                watch
                    .weigh(others, 1, 1)
                    .filter(|(_, is_new)| *is_new)
                    .map(|(cost, _)| cost.connections)
            })
            .into();
        assert_eq!(warnings, [None, None, Some(3), None, None, None, Some(3)]);
    }
}
