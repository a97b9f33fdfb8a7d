//! The rooms of a user, which the server lists, looked at again and again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use client_sdk::{ParticipantId, RequestError};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};

use crate::interrupt::Interrupt;
use crate::scenario::{Shape, Stay};
use crate::target::Target;

/// The rooms of a server cannot be listed.
#[derive(Debug, Error)]
#[error("cannot list the rooms: {0}")]
pub(crate) struct RecordError(RequestError);

/// Looks `every` so often for that long, or until it is interrupted. Whoever comes and goes between
/// two looks is not seen.
pub(crate) async fn of_rooms(
    target: &Target,
    every: Duration,
    lasts: Duration,
    interrupt: &Interrupt,
) -> Result<Shape, RecordError> {
    let (begin, mut seen) = (Instant::now(), Seen::default());
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while begin.elapsed() < lasts {
        tokio::select! {
            _ = ticks.tick() => {}
            () = interrupt.wait() => break,
        }
        let at = begin.elapsed();
        seen.look(&participants(target).await?, at);
    }
    Ok(Shape::of(seen.stays))
}

type Present = HashSet<(String, ParticipantId)>;

/// Those who are in the rooms of the user now.
async fn participants(target: &Target) -> Result<Present, RecordError> {
    let client = &target.client;
    let mut present = HashSet::new();
    for room in client.list_rooms(&target.token).await.map_err(RecordError)? {
        if room.participant_count == 0 {
            continue;
        }
        // It may have closed since it was listed.
        let Ok(details) = client.show_room(&target.token, &room.room_id).await else { continue };
        present.extend(details.participants.iter().map(|seat| (room.room_id.clone(), seat.id)));
    }
    Ok(present)
}

#[derive(Default)]
struct Seen {
    stays: Vec<Stay>,
    rooms: BTreeMap<String, u32>,
    present: HashMap<(String, ParticipantId), usize>,
}

impl Seen {
    fn look(&mut self, present: &Present, at: Duration) {
        let stays = &mut self.stays;
        self.present.retain(|participant, index| {
            let stays_on = present.contains(participant);
            if !stays_on {
                stays[*index].leave = Some(at);
            }
            stays_on
        });
        for participant in present {
            if self.present.contains_key(participant) {
                continue;
            }
            let next = self.rooms.len() as u32;
            let room = *self.rooms.entry(participant.0.clone()).or_insert(next);
            self.present.insert(participant.clone(), self.stays.len());
            self.stays.push(Stay { room, arrive: at, leave: None });
        }
    }
}
