//! Participants that send media to each other.

mod bad_network;
mod freezes;
mod mark;
mod meter;
mod numbers;
mod observations;
mod participant;
mod quality;
mod rhythm;
mod sampler;
mod silence;
mod source;
mod stalled;
mod totals;

pub(crate) use self::observations::Observations;
pub(crate) use self::participant::take_part;
pub(crate) use self::quality::{Quality, Stream};
pub(crate) use self::silence::SilentStream;
pub(crate) use self::source::{audio, video};
pub(crate) use self::totals::{SHORT_VISIT, Totals};
