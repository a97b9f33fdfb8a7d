//! How a connection enters a room.

use bytes::Bytes;

use crate::ice::IceServers;
use crate::ids::IdSuffix;
use crate::name::DisplayName;
use crate::room::Grant;
use crate::token::{ResumeToken, TokenHash};

/// How a connection gets its seat.
#[derive(Clone, Debug)]
pub enum Entry {
    /// With a credential that the host has not verified yet. An engine asks with
    /// [`Question::Entry`](crate::Question::Entry), a hub with
    /// [`Output::Authorize`](crate::hub::Output::Authorize). Both hold back what the participant
    /// sends meanwhile.
    Ask {
        /// The credential for the host, passed through unread.
        credential: Bytes,
    },
    /// With a token that the host has verified.
    Attach {
        /// The grant of the token.
        grant: Grant,
        /// The name to show.
        name: DisplayName,
        /// v2: the ICE servers for the participant.
        ice: Option<IceServers>,
    },
    /// v2: with a resume token. The store verifies it.
    Resume {
        /// The hash of the token.
        token: TokenHash,
        /// How many messages the participant has received.
        last_seq: u64,
        /// The ICE servers for the participant; [`Room::resumable`](crate::room::Room::resumable)
        /// returns the seat that the token resumes.
        ice: Option<IceServers>,
    },
}

/// Random values for one connection, drawn by the host.
#[derive(Clone, Debug)]
pub struct Randomness {
    /// The random part of a participant id.
    pub suffix: IdSuffix,
    /// A new resume token.
    pub resume_token: ResumeToken,
}

impl Randomness {
    /// Makes both from random bytes. `hash` is the hash that the host computes of a presented
    /// resume token, for example SHA-256.
    pub fn draw(random: [u8; 36], hash: impl FnOnce(&str) -> [u8; 32]) -> Self {
        let [a, b, c, d, token @ ..] = random;
        let text: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        let hash = TokenHash::new(hash(&text));
        Self {
            suffix: IdSuffix::new(u32::from_le_bytes([a, b, c, d])),
            resume_token: ResumeToken::new(text, hash),
        }
    }
}
