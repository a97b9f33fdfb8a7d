//! A store whose saving fails with an error that panics when it is shown.

use std::fmt;

use super::{RoomStore, RoomWrite, StoredRoom};

pub(crate) struct PanickingStore;

#[derive(Debug)]
pub(crate) struct PanickingError;

impl fmt::Display for PanickingError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a bug of the store's")
    }
}

impl std::error::Error for PanickingError {}

impl RoomStore for PanickingStore {
    type Error = PanickingError;

    fn load(&mut self) -> Result<Vec<StoredRoom>, PanickingError> {
        Ok(Vec::new())
    }

    fn save(&mut self, _: &[RoomWrite]) -> Result<(), PanickingError> {
        Err(PanickingError)
    }
}
