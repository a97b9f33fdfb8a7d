//! Ids of participants, rooms, connections, nodes and operations.
//!
//! The host draws every random number that an id needs.

mod room_id;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use self::room_id::RoomId;

/// Identifies a participant inside one room, for example `p_zzzzz7k2`.
///
/// An id is 1 to 15 characters of `[0-9A-Za-z_-]`. It is stored inline, so it is cheap to copy, and
/// it never needs escaping in JSON. Ids compare as strings do, which the rule "the smaller id
/// offers" relies on. The ids that this crate issues are `p_` and eight characters of `[0-9a-z]`;
/// within a room each is smaller than all that were issued before it.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ParticipantId {
    // Padded with zeros, which sort before every permitted character, so that the derived `Ord` is
    // that of strings.
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl ParticipantId {
    const MAX_LEN: usize = 15;
    /// How many ids a room can issue: five base-36 digits.
    pub(crate) const PER_ROOM: u32 = 36 * 36 * 36 * 36 * 36;

    /// Builds id number `counter` of a room. A smaller counter gives a smaller id.
    pub(crate) fn issue(counter: u32, suffix: IdSuffix) -> Self {
        debug_assert!(counter < Self::PER_ROOM);
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..2].copy_from_slice(b"p_");
        write_base36(&mut bytes[2..7], counter);
        write_base36(&mut bytes[7..10], suffix.0);
        Self { bytes, len: 10 }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        let used = &self.bytes[..usize::from(self.len)];
        std::str::from_utf8(used).expect("an id holds ASCII only, checked where it is built")
    }
}

impl FromStr for ParticipantId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let permitted = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(permitted) {
            return Err(InvalidId::Participant);
        }
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes, len: text.len() as u8 })
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Three random base-36 digits that make a participant id hard to guess.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdSuffix(u32);

impl IdSuffix {
    /// Makes a suffix of a random number, taken modulo 36³.
    pub fn new(random: u32) -> Self {
        Self(random % (36 * 36 * 36))
    }

    pub(crate) fn as_u32(self) -> u32 {
        self.0
    }
}

/// One open socket of this process, or another carrier of frames. The host never reuses an id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnId(pub u64);

/// One server process of a cluster. Draw it at random at every start, so that a restarted process
/// is a new node.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(pub u64);

/// One operation that a [`Hub`](crate::hub::Hub) asked its store for; handed back with the result.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OpId(pub(crate) u64);

/// The connection that carries a seat, and the node that the connection ends at.
///
/// An attachment is unique for all time, so an operation that names one may be repeated or delayed
/// without harm.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Attachment {
    /// The node that holds the socket.
    pub node: NodeId,
    /// The socket.
    pub conn: ConnId,
}

/// What a token names: the creator's seat, or the guest seat of one `join`.
///
/// A participant is recognized by its ticket, not by its id: a ticket that is used again replaces
/// the older socket, and the newer one may enter under a fresh id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Ticket {
    /// The one seat of the room's creator.
    Creator,
    /// A guest's seat, named by the participant id that `join` returned.
    Guest(ParticipantId),
    /// A guest's seat, by the seat name that the host has chosen.
    Host(TicketTag),
}

/// A hash of the host's own name for a seat, for example a user id if each user has one seat. The
/// core only compares it, and never sends it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TicketTag([u8; 16]);

impl TicketTag {
    /// Wraps a hash, for example the first 128 bits of an HMAC-SHA256 (RFC 2104).
    pub fn new(hash: [u8; 16]) -> Self {
        Self(hash)
    }

    /// The hash.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// A text is not an id of the expected kind.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidId {
    /// Not a participant id.
    #[error("not a participant id: expected 1 to 15 characters of [0-9A-Za-z_-]")]
    Participant,
    /// Not a room id.
    #[error("not a room id: expected 1 to 64 characters of [0-9A-Za-z._~-], not `.` or `..`")]
    Room,
    /// A generated room id where a chosen one is expected.
    #[error(
        "expected a chosen room id; a generated room id is six characters of \
         23456789ABCDEFGHJKMNPQRSTUVWXYZ"
    )]
    GeneratedRoom,
}

fn write_base36(out: &mut [u8], mut value: u32) {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    for digit in out.iter_mut().rev() {
        *digit = DIGITS[(value % 36) as usize];
        value /= 36;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_counter_gives_a_smaller_id_whatever_the_suffix() {
        let newer = ParticipantId::issue(35, IdSuffix::new(u32::MAX));
        let older = ParticipantId::issue(36, IdSuffix::new(0));
        assert_eq!(older.as_str(), "p_00010000");
        assert!(newer < older);
        assert!(newer.as_str() < older.as_str());
    }

    #[test]
    fn ids_compare_as_their_texts_do() {
        let texts = ["p_", "p_0", "p_00", "p_1", "p_A", "p_a", "p_aa", "p_zzzzzzzzzzzzz", "q"];
        let mut ids: Vec<ParticipantId> =
            texts.iter().rev().map(|text| text.parse().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids.iter().map(ParticipantId::as_str).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn a_participant_id_that_would_need_escaping_is_refused() {
        for wrong in ["", "p_\"x", "p x", "p_ü", "p_12345678901234"] {
            assert_eq!(wrong.parse::<ParticipantId>(), Err(InvalidId::Participant), "{wrong}");
        }
    }
}
