//! The rules of one room, applied to the record directly.

mod admission;
mod changing;
mod ending;
mod guessing;
mod moderating;
mod permissions;
mod resuming;
mod seating;
mod stored;
pub(crate) mod support;
