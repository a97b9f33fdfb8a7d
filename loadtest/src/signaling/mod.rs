//! Participants that are signaling sockets alone, with the messages of real ones.

mod entrance;
mod link;
mod participant;

pub(crate) use self::participant::{SignalingVisit, take_part};
