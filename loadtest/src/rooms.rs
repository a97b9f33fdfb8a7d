//! Creates the rooms of a run, and closes them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use client_sdk::{NewRoom, OnCreatorLeave, RequestError};
use futures_util::stream::{self, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::interrupt::Interrupt;
use crate::kind::Kind;
use crate::recorder::{Fate, Recorder, Step};
use crate::target::Target;
use crate::world::{CreatorAccess, RoomAccess};

/// Creates a room of each size, so many a second. `None` stands for a room that was refused, or
/// that was not there yet when the run was interrupted.
pub(crate) async fn create_all(
    target: &Arc<Target>,
    sizes: &[u8],
    rate: f64,
    recorder: &Arc<Recorder>,
    interrupt: &Interrupt,
) -> Vec<Option<RoomAccess>> {
    let begin = Instant::now();
    let mut creating = JoinSet::new();
    for (index, &size) in sizes.iter().enumerate() {
        let intended = begin + Duration::from_secs_f64(index as f64 / rate);
        let (target, recorder) = (Arc::clone(target), Arc::clone(recorder));
        creating.spawn(async move {
            sleep_until(intended.into()).await;
            let started = Instant::now();
            let created = create(&target, size).await;
            let ended = Instant::now();
            match created {
                Ok(room) => {
                    recorder.answered(Kind::Create, Step { intended, started, ended });
                    (index, Some(room))
                }
                Err(error) => {
                    recorder.unanswered(Kind::Create, intended, Fate::Refused, ended);
                    let url = &target.url;
                    recorder.failed(format!("cannot create a room at {url}: {error}"));
                    (index, None)
                }
            }
        });
    }
    let mut rooms = vec![None; sizes.len()];
    loop {
        let created = tokio::select! {
            created = creating.join_next() => created,
            () = interrupt.wait() => None,
        };
        match created {
            Some(Ok((index, room))) => rooms[index] = room,
            Some(Err(_)) => {}
            None => return rooms,
        }
    }
}

/// Closes rooms. Those that cannot be closed expire.
pub(crate) async fn close_all(target: &Target, rooms: Vec<String>) {
    let closing = stream::iter(rooms).for_each_concurrent(AT_ONCE, |room| async move {
        let _ = target.client.close_room(&target.token, &room).await;
    });
    let _ = timeout(PATIENCE, closing).await;
}

async fn create(target: &Target, size: u8) -> Result<RoomAccess, RequestError> {
    let new = NewRoom {
        name: Some("load test".into()),
        max_participants: Some(size),
        // The creator may leave before the others do.
        on_creator_leave: Some(OnCreatorLeave::Keep),
        ..NewRoom::default()
    };
    let room = target.client.create_room(&target.token, &new).await?;
    let token = room.ws_token.unwrap_or_else(|| target.token.clone());
    Ok(RoomAccess {
        id: room.room_id,
        password: room.password,
        creator: CreatorAccess { token, ice_servers: room.ice_servers },
    })
}

const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);
