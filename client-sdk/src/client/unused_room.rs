//! A room that was created and not entered yet.

use std::mem;
use std::panic::resume_unwind;

use tokio::runtime::Handle;

use crate::api::{Api, CreatedRoom, NewRoom};
use crate::error::RequestError;

/// A room that nobody knows of, but that counts among its creator's. It is closed when this is
/// dropped. If it cannot be closed either, it expires.
pub(super) struct UnusedRoom {
    api: Api,
    access_token: String,
    room_id: String,
    is_settled: bool,
}

impl UnusedRoom {
    /// Creates a room. If the caller does not wait for it, it is closed as soon as it exists.
    pub(super) async fn create(
        api: &Api,
        access_token: &str,
        room: &NewRoom,
    ) -> Result<(CreatedRoom, Self), RequestError> {
        let (api, access_token, room) = (api.clone(), access_token.to_owned(), room.clone());
        let creating = tokio::spawn(async move {
            let created = api.create_room(&access_token, &room).await?;
            let room_id = created.room_id.clone();
            Ok((created, Self { api, access_token, room_id, is_settled: false }))
        });
        creating.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
    }

    /// Leaves the room open, since it was entered.
    pub(super) fn keep(mut self) {
        self.is_settled = true;
    }

    /// Closes the room, and waits until it is closed.
    pub(super) async fn close(mut self) {
        let _ = self.api.close_room(&self.access_token, &self.room_id).await;
        self.is_settled = true;
    }
}

impl Drop for UnusedRoom {
    fn drop(&mut self) {
        // Without a runtime, the program ends.
        if let Ok(runtime) = Handle::try_current()
            && !self.is_settled
        {
            let (api, room_id) = (self.api.clone(), mem::take(&mut self.room_id));
            let access_token = mem::take(&mut self.access_token);
            runtime.spawn(async move { api.close_room(&access_token, &room_id).await });
        }
    }
}
