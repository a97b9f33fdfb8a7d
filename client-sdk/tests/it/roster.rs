//! A handle knows who is in the room, and several tasks may hold it.

use std::time::Duration;

use client_sdk::{Audience, Event, NewRoom, ParticipantInfo};
use serde_json::json;
use tokio::time::timeout;

use crate::common::{PATIENCE, Witness, client, listener, room_of, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_knows_the_room_and_the_others_from_the_start_and_as_they_change() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    let (room, creator) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", listener()).await.unwrap();
    let [alice] = &guest.participants()[..] else { panic!("{:?}", guest.participants()) };
    assert_eq!((alice.id, &*alice.name, alice.is_creator), (creator.id(), "alice", true));
    assert_eq!(guest.room().unwrap().id.to_string(), room.room_id);

    let mut witness = Witness::new(creator);
    let id = guest.id();
    witness.until("the guest", |seen| seen.present.contains(&id)).await;
    guest.set_name("Bob").await.unwrap();
    guest.set_state(&json!({"hand": true})).await.unwrap();
    let knows = |info: Option<ParticipantInfo>| {
        let Some(info) = info else { return false };
        let state = info.state.as_ref().map(|state| state.as_bytes().to_vec());
        &*info.name == "Bob" && state.as_deref() == Some(br#"{"hand":true}"#)
    };
    witness.until("the name and the state", |seen| knows(seen.participant.participant(id))).await;
    guest.leave().await;
    witness.until("the leave", |seen| seen.participant.participants().is_empty()).await;
    assert!(witness.participant.participant(id).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_task_sends_while_others_share_the_events() {
    let server = server().await;
    let (_, witnesses) = room_of(&server, 2, listener()).await;
    let [sender, receiver] = witnesses.try_into().ok().unwrap();
    let (sender, receiver) = (sender.participant, receiver.participant);
    let to = Audience::One(receiver.id());
    let sending = tokio::spawn(async move {
        for n in 0..MESSAGES {
            sender.send_message(to, "count", &n).await.unwrap();
        }
        sender
    });
    let takers = [receiver.clone(), receiver.clone()].map(|mut taker| {
        tokio::spawn(async move {
            let mut taken = 0;
            while let Ok(Some(event)) = timeout(Duration::from_secs(2), taker.next_event()).await {
                taken += usize::from(matches!(event, Event::Message { .. }));
            }
            taken
        })
    });
    let mut taken = 0;
    for taker in takers {
        taken += timeout(PATIENCE, taker).await.unwrap().unwrap();
    }
    assert_eq!(taken, MESSAGES);
    let sender = sending.await.unwrap();
    drop(receiver.clone());
    // A handle that is left keeps the seat.
    sender.send_message(to, "count", &0).await.unwrap();
}

const MESSAGES: usize = 20;
