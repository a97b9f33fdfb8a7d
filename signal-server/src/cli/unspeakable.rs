//! A store whose saving fails with an error that panics when it is shown.

use std::fmt;

use super::{RoomStore, RoomWrite, StoredRoom};

pub(crate) struct Unspeakable;

#[derive(Debug)]
pub(crate) struct UnspeakableError;

impl fmt::Display for UnspeakableError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a bug of the store's")
    }
}

impl std::error::Error for UnspeakableError {}

impl RoomStore for Unspeakable {
    type Error = UnspeakableError;

    fn load(&mut self) -> Result<Vec<StoredRoom>, UnspeakableError> {
        Ok(Vec::new())
    }

    fn save(&mut self, _: &[RoomWrite]) -> Result<(), UnspeakableError> {
        Err(UnspeakableError)
    }
}
