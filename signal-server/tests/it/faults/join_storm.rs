//! More participants come at once than there are seats.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::serve;
use crate::common::{Api, Participant, Room, text};

const SEATS: usize = 50;
const COMING: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_who_come_at_once_exactly_as_many_get_in_as_there_are_seats() {
    let server =
        serve(&["--joins-per-minute", "1000", "--max-connections-per-address", "1000"]).await;
    let api = Arc::new(Api::at(server.api.address()));
    let (first, second) = tokio::join!(storm(&api, true), storm(&api, false));
    for (room, mut inside, outside) in [first, second] {
        // Those inside see everybody else, and the creator's seat is kept.
        if inside.len() == SEATS - 1 {
            inside.push(api.enter_v2(&room, &room.access_token).await);
        }
        assert_eq!(inside.len(), SEATS);
        let ids: HashSet<String> =
            inside.iter().map(|(_, joined)| text(&joined["participant_id"])).collect();
        assert_eq!(ids.len(), SEATS);
        for (participant, joined) in &mut inside {
            let mut seen: HashSet<String> = joined["participants"]
                .as_array()
                .unwrap()
                .iter()
                .map(|peer| text(&peer["id"]))
                .collect();
            while seen.len() < SEATS - 1 {
                let heard = participant.hear().await;
                assert_eq!(heard["type"], "peer_joined", "{heard}");
                seen.insert(text(&heard["participant"]["id"]));
            }
            seen.insert(text(&joined["participant_id"]));
            assert_eq!(seen, ids);
            participant.say(&json!({"type": "ping", "t": 1})).await;
            assert_eq!(participant.hear().await["type"], "pong", "and nobody more");
        }
        // A guest goes, since the creator is the first or the last; and of those who were refused
        // one gets in.
        let (mut leaver, _) = inside.swap_remove(1);
        leaver.say(&json!({"type": "leave"})).await;
        assert_eq!(leaver.closed().await, 1000);
        let storm =
            outside.into_iter().map(|token| enter(Arc::clone(&api), room.id.clone(), token));
        let entered = storm.collect::<JoinSet<_>>().join_all().await;
        assert_eq!(entered.iter().filter(|entered| entered.is_ok()).count(), 1);
    }
}

/// Sixty guests come to a room at once. Returns those who got in, and the tokens of the others.
async fn storm(
    api: &Arc<Api>,
    creator_is_there: bool,
) -> (Room, Vec<(Participant, Value)>, Vec<String>) {
    let room = api.room_with(&json!({"max_participants": SEATS})).await;
    let mut inside = Vec::new();
    let mut tokens = Vec::new();
    for _ in 0..COMING {
        tokens.push(api.ws_token(&room, "guest").await);
    }
    if creator_is_there {
        inside.push(api.enter_v2(&room, &room.access_token).await);
    }
    let ready = Arc::new(Barrier::new(COMING));
    let mut coming = JoinSet::new();
    for token in tokens {
        let (api, room, ready) = (Arc::clone(api), room.id.clone(), Arc::clone(&ready));
        coming.spawn(async move {
            ready.wait().await;
            enter(api, room, token).await
        });
    }
    let mut outside = Vec::new();
    for came in coming.join_all().await {
        match came {
            Ok(entered) => inside.push(entered),
            Err(token) => outside.push(token),
        }
    }
    let guests = inside.len() - usize::from(creator_is_there);
    assert_eq!((guests, outside.len()), (SEATS - 1, COMING - (SEATS - 1)));
    (room, inside, outside)
}

/// Enters as v2. The error is the unused token of a guest for whom the room is full.
async fn enter(api: Arc<Api>, room: String, token: String) -> Result<(Participant, Value), String> {
    let (mut socket, _) =
        Participant::connect(api.socket_url(&room, &token) + "&v=2").await.unwrap();
    let heard = socket.hear().await;
    if heard["type"] == "joined" {
        return Ok((socket, heard));
    }
    assert_eq!((&heard["code"], socket.closed().await), (&json!("room_full"), 4504), "{heard}");
    Err(token)
}
