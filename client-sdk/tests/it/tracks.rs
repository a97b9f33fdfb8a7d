//! Several tracks of one kind, each with a slot of its own.

use client_sdk::{MediaError, MediaKind, ParticipantId, Slot, Source};
use tokio::time::timeout;

use crate::common::pictures::drain;
use crate::common::{PATIENCE, Witness, listener, meet, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn tracks_of_one_kind_arrive_by_their_slots_whoever_comes_first() {
    let server = server().await;
    let slots = [desk(), Slot::audio("desk").unwrap(), Slot::ScreenAudio];
    for (comes_first, other) in
        [(true, talker()), (false, talker()), (true, listener()), (false, listener())]
    {
        let options = slots
            .iter()
            .fold(talker(), |options, slot| options.publish(slot.clone(), Source::Clip));
        let (mut sender, mut viewer) = meet(&server, options, other, comes_first).await;
        let from = sender.id();
        viewer.until("media", |seen| seen.has_media(from)).await;
        for (slot, kind) in [(Slot::Audio, MediaKind::Audio), (Slot::Video, MediaKind::Video)] {
            assert_eq!(viewer.tracks[&(from, kind)].slot(), Some(&slot));
            viewer.receive_fresh(from, kind, 10).await;
        }
        for slot in &slots {
            receive(&mut viewer, from, slot).await;
        }

        // Another one comes, and one goes.
        let mast = Slot::video("mast").unwrap();
        sender.participant.publish(mast.clone(), &Source::Clip).await.unwrap();
        receive(&mut viewer, from, &mast).await;
        sender.participant.unpublish(desk()).await;
        drain(viewer.further.remove(&(from, desk())).unwrap()).await;
        receive(&mut viewer, from, &mast).await;
        sender.participant.publish(desk(), &Source::Clip).await.unwrap();
        receive(&mut viewer, from, &desk()).await;
        for kind in [MediaKind::Audio, MediaKind::Video] {
            viewer.receive_fresh(from, kind, 10).await;
        }
        sender.catch_up().await;
        assert_eq!(sender.degraded, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_that_takes_the_place_of_another_is_a_new_one() {
    let server = server().await;
    let (sender, mut viewer) = meet(&server, talker(), listener(), true).await;
    let from = sender.id();
    viewer.until("media", |seen| seen.has_media(from)).await;
    sender.participant.publish(desk(), &Source::Clip).await.unwrap();
    receive(&mut viewer, from, &desk()).await;
    let table = Slot::video("table").unwrap();
    sender.participant.unpublish(desk()).await;
    sender.participant.publish(table.clone(), &Source::Clip).await.unwrap();
    receive(&mut viewer, from, &table).await;
    drain(viewer.further.remove(&(from, desk())).unwrap()).await;
    viewer.receive_fresh(from, MediaKind::Video, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_send_more_than_one_track_of_a_kind() {
    let server = server().await;
    let options = talker().publish(desk(), Source::Clip);
    let (mut one, mut other) = meet(&server, options.clone(), options, true).await;
    let (id, other_id) = (one.id(), other.id());
    for (witness, from) in [(&mut one, other_id), (&mut other, id)] {
        witness.until("media", |seen| seen.has_media(from)).await;
        receive(witness, from, &desk()).await;
        witness.receive_fresh(from, MediaKind::Video, 10).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_is_muted_by_its_slot_alone() {
    let server = server().await;
    let options = talker().publish(desk(), Source::Clip);
    let (sender, mut viewer) = meet(&server, options, listener(), true).await;
    let from = sender.id();
    viewer.until("media", |seen| seen.has_media(from)).await;
    receive(&mut viewer, from, &desk()).await;
    sender.participant.mute(desk()).await;
    let seen = viewer.participant.clone();
    viewer.until("the state", |_| seen.is_muted(from, desk())).await;
    assert!(!seen.is_muted(from, Slot::Video));
    viewer.receive_fresh(from, MediaKind::Video, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sound_of_a_screen_goes_with_it() {
    let server = server().await;
    let (sharer, mut viewer) = meet(&server, talker(), talker(), false).await;
    let from = sharer.id();
    viewer.until("media", |seen| seen.has_media(from)).await;
    sharer.participant.publish(Slot::Screen, &Source::Clip).await.unwrap();
    sharer.participant.publish(Slot::ScreenAudio, &Source::Clip).await.unwrap();
    viewer.until("the screen", |seen| seen.screens.contains_key(&from)).await;
    receive(&mut viewer, from, &Slot::ScreenAudio).await;
    sharer.participant.stop_sharing().await;
    drain(viewer.screens.remove(&from).unwrap()).await;
    drain(viewer.further.remove(&(from, Slot::ScreenAudio)).unwrap()).await;
    viewer.receive_fresh(from, MediaKind::Audio, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_that_is_too_many_is_not_sent() {
    let server = server().await;
    let (mut sender, _other) = meet(&server, talker(), listener(), true).await;
    let slots: Vec<Slot> = (0..7).map(|n| Slot::audio(&n.to_string()).unwrap()).collect();
    for slot in &slots {
        sender.participant.publish(slot.clone(), &Source::Clip).await.unwrap();
    }
    sender.until("the refusal", |seen| !seen.degraded.is_empty()).await;
    assert_eq!(sender.degraded, [(slots[6].clone(), MediaError::TooManyTracks.to_string())]);
}

fn desk() -> Slot {
    Slot::video("desk").unwrap()
}

/// Waits for packets that were not there yet.
async fn receive(viewer: &mut Witness, from: ParticipantId, slot: &Slot) {
    let key = (from, slot.clone());
    viewer.until("a further track", |seen| seen.further.contains_key(&key)).await;
    let track = viewer.further.get_mut(&key).unwrap();
    assert_eq!(track.kind(), slot.kind());
    for _ in 0..10 {
        timeout(PATIENCE, track.recv()).await.unwrap().unwrap();
    }
}
