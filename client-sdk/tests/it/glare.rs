//! Both sides offer at once, and media flows both ways afterwards.

use client_sdk::{MediaKind, NewRoom};

use crate::common::wire::Wire;
use crate::common::{Witness, server, talker, until_media_flows};

const ROUNDS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn two_participants_that_offer_at_once_end_up_with_media_both_ways() {
    let server = server().await;
    let (wire, client) = Wire::to(server.address()).await;
    let token = server.access_token("alice");
    let (room, creator) = client.create(&token, &NewRoom::default(), talker()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", talker()).await.unwrap();
    let mut witnesses = [Witness::new(creator), Witness::new(guest)];
    until_media_flows(&mut witnesses).await;
    let [a, b] = &mut witnesses;
    let (a_id, b_id) = (a.id(), b.id());
    for round in 0..ROUNDS {
        let before = wire.conflicts();
        wire.hold();
        a.participant.restart_ice(b_id).await;
        b.participant.restart_ice(a_id).await;
        // Both offers are on their way before the server sees either.
        wire.let_go(2).await;
        for (witness, from) in [(&mut *a, b_id), (&mut *b, a_id)] {
            for kind in [MediaKind::Audio, MediaKind::Video] {
                witness.receive_fresh(from, kind, 5).await;
            }
        }
        wire.until_conflict(before).await;
        assert_eq!(wire.conflicts(), before + 1, "round {round}");
    }
    for (witness, from) in [(a, b_id), (b, a_id)] {
        assert!(witness.is_connected(from));
        witness.receive_fresh(from, MediaKind::Audio, 50).await;
    }
}
