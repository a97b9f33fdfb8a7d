//! Participants that send media to each other.

mod bad_network;
mod participant;
mod totals;

pub(crate) use self::participant::{Observations, take_part};
pub(crate) use self::totals::{Packets, Totals};
