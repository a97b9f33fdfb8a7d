//! What the limits of a hub have to be for its largest room.

use super::{FloodLimit, HubConfig, InvalidConfig, RateLimit, ReplayLimit};
use crate::room::Capacity;

impl HubConfig {
    /// The default limits, raised where rooms of that size need it. For rooms of 500, up to 5.4 MiB
    /// may wait for each connection.
    pub fn for_rooms_of(max_capacity: Capacity) -> Self {
        let config = Self { max_capacity, ..Self::default() };
        let max_unsent_bytes = config.max_unsent_bytes.max(2 * config.largest_snapshot());
        let burst_bytes = config.rate.burst_bytes.max(config.offers());
        let messages = config.replay.messages.max(2 * config.most_participants());
        let bytes = config.replay.bytes.max(config.arrivals());
        Self {
            max_unsent_bytes,
            flood: FloodLimit::of(max_unsent_bytes),
            rate: RateLimit { burst_bytes, ..config.rate },
            replay: ReplayLimit { messages, bytes, ..config.replay },
            ..config
        }
    }

    /// Checks that a room of the [`max_capacity`](Self::max_capacity) works.
    pub(super) fn check_room_size(&self) -> Result<(), InvalidConfig> {
        let participants = self.max_capacity.participants();
        let invalid = |field, least: usize, reason: &str| {
            let expected =
                format!("at least {least}, {reason} a room of {participants} (`max_capacity`)");
            Err(InvalidConfig::new(field, expected))
        };
        let entry = self.largest_snapshot().saturating_add(self.max_frame_bytes);
        if self.max_unsent_bytes < entry {
            return invalid(
                "max_unsent_bytes",
                entry,
                "the longest `joined` and one frame more in",
            );
        }
        if self.replay.messages < self.most_participants() {
            let reason = "so that the arrival of everybody can be sent again in";
            return invalid("replay.messages", self.most_participants(), reason);
        }
        if self.replay.bytes < self.arrivals() {
            let reason = "so that the arrival of everybody can be sent again in";
            return invalid("replay.bytes", self.arrivals(), reason);
        }
        let RateLimit { burst_bytes, bytes_per_second, patience, .. } = self.rate;
        let sent = u64::from(bytes_per_second).saturating_mul(patience.as_secs());
        let least = u64::from(self.offers()).saturating_sub(sent);
        // A host of smaller rooms may let newcomers wait for as long as it likes.
        if self.max_capacity > Capacity::DEFAULT_MAX && u64::from(burst_bytes) < least {
            let reason = "so that a newcomer can offer to everybody within `rate.patience` in";
            return invalid(
                "rate.burst_bytes",
                usize::try_from(least).unwrap_or(usize::MAX),
                reason,
            );
        }
        Ok(())
    }

    /// The longest `joined` or snapshot, in bytes.
    fn largest_snapshot(&self) -> usize {
        let participant = self.max_state_bytes.saturating_add(PARTICIPANT_BYTES);
        participant.saturating_mul(self.most_participants())
    }

    /// The bytes of a `peer_joined` for each participant of the largest room.
    fn arrivals(&self) -> usize {
        self.most_participants() * PARTICIPANT_BYTES
    }

    /// The bytes of an offer, with its candidates, to each participant of the largest room.
    fn offers(&self) -> u32 {
        u32::from(self.max_capacity.participants()) * OFFER_BYTES
    }

    fn most_participants(&self) -> usize {
        self.max_capacity.participants().into()
    }
}

/// The longest name and attributes of a participant in JSON, and what surrounds them.
const PARTICIPANT_BYTES: usize = 1536;
/// An offer with its candidates is rarely longer.
const OFFER_BYTES: u32 = 8 * 1024;
