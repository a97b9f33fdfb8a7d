//! A participant that sends all the time, to one whose application takes events slowly.

use std::time::Duration;

use client_sdk::{Event, NewRoom, Participant, ParticipantId, SendError};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::common::{PATIENCE, Witness, client, listener, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn data_of_one_holds_up_that_one_and_hides_nobody_else() {
    // The first is many messages, the second many bytes.
    for (count, size) in [(8_000, 512), (100, 60_000)] {
        let server = server().await;
        let client = client(&server);
        let token = server.access_token("alice");
        let (room, slow) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
        let mut slow = Witness::new(slow);
        let join =
            |name: &'static str, options| client.join(&room.room_id, &room.password, name, options);
        let flooder = join("flooder", listener()).await.unwrap();
        let flooder_id = flooder.id();
        slow.until("the channel", |seen| seen.channels.contains(&flooder_id)).await;
        let flood = flood(flooder, slow.id(), count, size);

        // A third participant joins while the application takes no events.
        let mut third = Witness::new(join("third", talker()).await.unwrap());
        let slow_id = slow.id();
        third.until("the channel", |seen| seen.channels.contains(&slow_id)).await;
        assert!(!flood.is_finished(), "all of it waits for the application");

        let (mut joined, mut tracks, mut received) = (false, 0, 0);
        while received < count || tracks < 2 || !joined {
            let event = timeout(PATIENCE, slow.participant.next_event()).await.unwrap().unwrap();
            match event {
                Event::Data { participant, data } => {
                    assert_eq!((participant, data.len()), (flooder_id, size));
                    let number = u64::from_be_bytes(data[..8].try_into().unwrap());
                    assert_eq!(number, received as u64, "nothing is lost");
                    received += 1;
                }
                Event::Lagged { dropped } => panic!("{dropped} events are lost"),
                Event::ParticipantJoined(participant) => joined |= participant.id == third.id(),
                Event::Track(track) => {
                    assert_eq!(track.participant(), third.id());
                    tracks += 1;
                }
                _ => {}
            }
        }
        drop(flood.await.unwrap());
    }
}

/// Sends numbered data as fast as it is accepted, and stays.
fn flood(from: Participant, to: ParticipantId, count: usize, size: usize) -> JoinHandle<Witness> {
    tokio::spawn(async move {
        let mut from = Witness::new(from);
        from.until("the channel", |seen| seen.channels.contains(&to)).await;
        for number in 0..count as u64 {
            let mut data = vec![0; size];
            data[..8].copy_from_slice(&number.to_be_bytes());
            while let Err(error) = from.participant.send_data(to, data.clone()).await {
                assert_eq!(error, SendError::Busy);
                sleep(Duration::from_millis(5)).await;
            }
        }
        from
    })
}
