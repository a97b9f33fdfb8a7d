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

/// Polls at an interval of `every` for that long, or until it is interrupted. Stays between two
/// polls are missed. A failed poll after the first one is reported as a gap.
pub(crate) async fn of_rooms(
    target: &Target,
    every: Duration,
    lasts: Duration,
    interrupt: &Interrupt,
) -> Result<Shape, RecordError> {
    let (begin, mut seen, mut gap) = (Instant::now(), Seen::default(), None);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while begin.elapsed() < lasts {
        tokio::select! {
            _ = ticks.tick() => {}
            () = interrupt.wait() => break,
        }
        let at = begin.elapsed();
        match participants(target).await {
            Ok(present) => {
                if let Some(from) = gap.take() {
                    tell_gap(from, at);
                }
                seen.look(&present, at);
            }
            // A wrong token for example.
            Err(error) if seen.looks == 0 => return Err(error),
            Err(error) => {
                if gap.is_none() {
                    eprintln!("{error}");
                }
                gap.get_or_insert(at);
            }
        }
    }
    if let Some(from) = gap {
        tell_gap(from, begin.elapsed());
    }
    Ok(Shape::of(seen.stays))
}

fn tell_gap(from: Duration, to: Duration) {
    let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
    eprintln!(
        "nothing was seen from {from:.1} s to {to:.1} s of the recording: arrivals and departures in between are recorded at its end"
    );
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
        let details = match client.show_room(&target.token, &room.room_id).await {
            Ok(details) => details,
            // It has closed since it was listed.
            Err(error) if error.code() == Some("room_not_found") => continue,
            Err(error) => return Err(RecordError(error)),
        };
        present.extend(details.participants.iter().map(|seat| (room.room_id.clone(), seat.id)));
    }
    Ok(present)
}

#[derive(Default)]
struct Seen {
    looks: u64,
    stays: Vec<Stay>,
    rooms: BTreeMap<String, u32>,
    present: HashMap<(String, ParticipantId), usize>,
}

impl Seen {
    fn look(&mut self, present: &Present, at: Duration) {
        self.looks += 1;
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
