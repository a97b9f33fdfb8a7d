//! Participants that are signaling sockets alone, with the messages of real ones.

mod connection;
mod entrance;
mod participant;

pub(crate) use self::participant::{SignalingVisit, take_part};
