//! Participants that are signaling sockets alone, with the messages of real ones.

mod entrance;
mod link;
mod participant;
mod room;
pub(crate) mod texts;

pub(crate) use self::participant::{SignalingVisit, take_part};
pub(crate) use self::room::Room;
