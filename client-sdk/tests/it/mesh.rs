//! A participant is told when the room becomes too large for what it can upload.

use client_sdk::{MediaKind, MeshCost, MeshTracks, Slot, Source};

use crate::common::{self, listener, room_of, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_is_passed_by_whoever_is_one_too_many_and_told_once() {
    let server = server().await;
    let tracks = MeshTracks { audio: 40_000, video: 200_000 };
    // Enough for two others.
    let budget = MeshCost::new(3, tracks).upload;
    let options = talker().expected_bitrates(tracks).upload_budget(budget);
    let (_, mut witnesses) = room_of(&server, 4, options).await;
    let ids: Vec<_> = witnesses.iter().map(common::Witness::id).collect();
    for witness in &mut witnesses {
        let others: Vec<_> = ids.iter().filter(|id| **id != witness.id()).copied().collect();
        witness.until("everybody", |seen| others.iter().all(|id| seen.is_connected(*id))).await;
        assert_eq!(witness.over_budget, [(MeshCost::new(4, tracks), budget)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_nothing_has_nothing_to_pay() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, listener().upload_budget(0)).await;
    let other = witnesses[1].id();
    witnesses[0].until("the other", |seen| seen.is_connected(other)).await;
    assert_eq!(witnesses[0].over_budget, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn video_is_given_up_and_audio_kept_where_that_was_asked_for() {
    let server = server().await;
    let tracks = MeshTracks { audio: 40_000, video: 200_000 };
    let budget = MeshCost::new(2, tracks).upload;
    let options = talker().expected_bitrates(tracks).upload_budget(budget).shed_video(true);
    let (_, mut witnesses) = room_of(&server, 3, options).await;
    let ids: Vec<_> = witnesses.iter().map(common::Witness::id).collect();
    for witness in &mut witnesses {
        witness.until("the end of the video", |seen| !seen.degraded.is_empty()).await;
        let reason = "sending it to everybody exceeds the upload budget".to_owned();
        assert_eq!(witness.degraded, [(Slot::Video, reason)]);
    }
    for other in &ids[1..] {
        let audio = (*other, MediaKind::Audio);
        witnesses[0].until("audio", |seen| seen.tracks.contains_key(&audio)).await;
        witnesses[0].receive_fresh(*other, MediaKind::Audio, 10).await;
    }
    // As long as it does not fit it is given up again.
    witnesses[0].participant.publish(MediaKind::Video, &Source::Clip).await.unwrap();
    witnesses[0].until("the end of the video", |seen| seen.degraded.len() == 2).await;
    // Where it fits again it may be sent again.
    witnesses.pop().unwrap().participant.leave().await;
    let [sender, receiver] = &mut witnesses[..] else { panic!("two are left") };
    sender.until("the leave", |seen| seen.present.len() == 1).await;
    sender.participant.publish(MediaKind::Video, &Source::Clip).await.unwrap();
    let video = (sender.id(), MediaKind::Video);
    receiver.tracks.remove(&video);
    receiver.until("video", |seen| seen.tracks.contains_key(&video)).await;
}
