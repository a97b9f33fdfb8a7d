//! Creates the rooms of a run, and closes them.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client_sdk::{NewRoom, OnCreatorLeave, RequestError};
use futures_util::stream::{self, StreamExt};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::interrupt::Interrupt;
use crate::measure::latency_kind::Kind;
use crate::measure::recorder::{Fate, Recorder, Step};
use crate::participants::world::{CreatorAccess, RoomAccess};
use crate::target::Target;

/// Creates rooms of these sizes that last so many minutes, so many a second. `None` stands for a
/// room that was refused, or that was not there yet when the run was interrupted.
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

/// Rooms are left that could not be closed.
#[derive(Debug, Error)]
#[error(
    "{left} of {all} rooms could not be closed, and stay until they expire: {}",
    cause.as_deref().unwrap_or("the server no longer responds")
)]
pub(crate) struct LeftOpen {
    left: usize,
    all: usize,
    /// Why the first of them could not be closed, if there was an answer.
    cause: Option<String>,
}

/// Closes rooms, for as long as the server responds.
pub(crate) async fn close_all(target: &Target, rooms: Vec<String>) -> Result<(), LeftOpen> {
    let close = |room: String| async move {
        match target.client.close_room(&target.token, &room).await {
            // Somebody else has closed it.
            Err(error) if matches!(error.code(), Some("room_closed" | "room_not_found")) => Ok(()),
            closed => closed,
        }
    };
    close_each(rooms, close).await
}

async fn close_each<E: Display, F: Future<Output = Result<(), E>>>(
    rooms: Vec<String>,
    close: impl Fn(String) -> F,
) -> Result<(), LeftOpen> {
    let all = rooms.len();
    let (mut done, mut closed, mut cause) = (0, 0, None);
    let mut told = Instant::now();
    let mut closing = stream::iter(rooms).map(close).buffer_unordered(AT_ONCE);
    // A server that closes many rooms takes its time.
    while let Ok(Some(result)) = timeout(PATIENCE, closing.next()).await {
        done += 1;
        match result {
            Ok(()) => closed += 1,
            Err(error) => {
                cause.get_or_insert_with(|| error.to_string());
            }
        }
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            eprintln!("closing rooms: {done} of {all}");
        }
    }
    if closed == all { Ok(()) } else { Err(LeftOpen { left: all - closed, all, cause }) }
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
/// How long to wait for the next room to close.
const PATIENCE: Duration = Duration::from_secs(5);
const TELL_EVERY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::{SystemTime, UNIX_EPOCH};

    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    use signal_server::testing;
    use tokio::time::sleep;

    use super::*;
    use crate::target::RemoteServer;

    #[tokio::test]
    async fn rooms_are_closed_at_the_end_and_those_that_are_left_are_told() {
        let server = testing::start().await.unwrap();
        let (url, token) = (server.url(), server.access_token("load"));
        let remote = RemoteServer { url, token, ca: String::new(), metrics: None, pid: None };
        let target = Target::remote(&remote).unwrap();
        let room = create(&target, 2, 10).await.unwrap().id;
        close_all(&target, vec![room.clone()]).await.unwrap();
        assert_eq!(target.client.list_rooms(&target.token).await.unwrap(), []);
        close_all(&target, vec![room.clone()]).await.unwrap();
        let target = Target::remote(&RemoteServer { token: "x".into(), ..remote }).unwrap();
        let told = close_all(&target, vec![room]).await.unwrap_err().to_string();
        assert!(told.starts_with("1 of 1 rooms could not be closed, and stay"), "{told}");
        assert!(!told.ends_with("no longer responds"), "{told}");
    }

    #[tokio::test(start_paused = true)]
    async fn many_rooms_are_closed_for_as_long_as_the_server_responds() {
        let rooms = |count: usize| vec!["1".to_owned(); count];
        let slow = |_| async {
            sleep(Duration::from_millis(100)).await;
            Ok::<(), String>(())
        };
        close_each(rooms(2_000), slow).await.unwrap();
        let hangs = |_| pending::<Result<(), String>>();
        let told = close_each(rooms(2_000), hangs).await.unwrap_err().to_string();
        assert!(told.starts_with("2000 of 2000") && told.ends_with("no longer responds"), "{told}");
    }

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
