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

/// Creates a room of each size that lasts so many minutes, so many a second. `None` stands for a room that was refused, or
/// that was not there yet when the run was interrupted.
pub(crate) async fn create_all(
    target: &Arc<Target>,
    sizes: &[u8],
    minutes: u16,
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
            let created = create(&target, size, minutes).await;
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

async fn create(target: &Target, size: u8, minutes: u16) -> Result<RoomAccess, RequestError> {
    let new = NewRoom {
        name: Some("load test".into()),
        max_participants: Some(size),
        expires_minutes: Some(minutes),
        // The creator may leave before the others do.
        on_creator_leave: Some(OnCreatorLeave::Keep),
        ..NewRoom::default()
    };
    let room = target.client.create_room(&target.token, &new).await?;
    // The ws token of the creator expires, and it may be the first to arrive much later.
    let creator = CreatorAccess { token: target.token.clone(), ice_servers: room.ice_servers };
    Ok(RoomAccess { id: room.room_id, password: room.password, creator })
}

const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    use signal_server::testing;

    use super::*;
    use crate::target::RemoteServer;

    #[tokio::test]
    async fn a_creator_may_be_the_first_in_its_room_as_long_as_the_room_lasts() {
        let server = testing::start().await.unwrap();
        let day = Duration::from_secs(24 * 3600);
        let token = server.server().access_token("load", None, day).unwrap();
        let (url, ca) = (server.url(), String::new());
        let target = Target::remote(&RemoteServer { url, token, ca, metrics: None, pid: None });
        let (target, now) = (target.unwrap(), SystemTime::now());
        let room = create(&target, 2, 180).await.unwrap();
        let claims = room.creator.token.split('.').nth(1).unwrap();
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        let lasts = UNIX_EPOCH + Duration::from_secs(claims["exp"].as_u64().unwrap());
        assert!(lasts > now + Duration::from_secs(180 * 60), "{claims}");
    }
}
