//! Both sides offer at once, and media flows both ways afterwards.

#![allow(clippy::unwrap_used)]

mod common;

use client_sdk::MediaKind;
use common::{room_of, server, talker, until_media_flows};

#[tokio::test(flavor = "multi_thread")]
async fn two_participants_that_offer_at_once_end_up_with_media_both_ways() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, talker()).await;
    until_media_flows(&mut witnesses).await;
    let [a, b] = &mut witnesses[..] else { unreachable!() };
    let (a_id, b_id) = (a.id(), b.id());
    for _ in 0..20 {
        tokio::join!(a.participant.restart_ice(b_id), b.participant.restart_ice(a_id));
        for (witness, from) in [(&mut *a, b_id), (&mut *b, a_id)] {
            witness.receive(from, MediaKind::Audio, 5).await;
        }
    }
    // What waited in the queues is old; what arrives behind it is not.
    for (witness, from) in [(a, b_id), (b, a_id)] {
        for kind in [MediaKind::Audio, MediaKind::Video] {
            witness.receive(from, kind, 600).await;
        }
    }
}
