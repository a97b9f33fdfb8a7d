//! A participant shares its screen in place of the video or beside it, and ends the share.

use client_sdk::{Codec, MediaError, MediaKind, SharePlace, Source, TrackSource};

use crate::common::pictures::{drain, push, until_ended, until_marked, until_turned};
use crate::common::{self, Witness, listener, meet, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_takes_the_videos_place_on_its_track_and_gives_it_back() {
    let server = server().await;
    let (pusher, camera) = Source::pushed(Codec::Vp8);
    push(pusher, b"camera");
    let (sharer, mut viewer) = meet(&server, listener().video(camera), talker(), false).await;
    let video = (sharer.id(), MediaKind::Video);
    until_marked(&mut viewer, video, b"camera").await;
    // No event is taken from here on, so that a track that ended and began again would not be seen.
    let track = viewer.tracks.get_mut(&video).unwrap();
    assert_eq!(track.source(), Some(TrackSource::Camera));
    for mark in [b"screen", b"window"] {
        let (pusher, screen) = Source::pushed(Codec::Vp8);
        push(pusher, mark);
        sharer.participant.share(&screen, SharePlace::InsteadOfVideo).await.unwrap();
        until_turned(track, mark).await;
    }
    sharer.participant.stop_sharing().await;
    until_turned(track, b"camera").await;
}

/// Offers of this crate ask for audio and video, so the sections exist before anything is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_screen_arrives_where_nobody_has_sent_anything_before() {
    let server = server().await;
    for is_offered_by_sharer in [true, false] {
        let (sharer, mut viewer) =
            meet(&server, listener(), listener(), !is_offered_by_sharer).await;
        let from = sharer.id();
        viewer.until("the connection", |seen| seen.is_connected(from)).await;
        let (pusher, screen) = Source::pushed(Codec::Vp8);
        push(pusher, b"screen");
        sharer.participant.share(&screen, SharePlace::InsteadOfVideo).await.unwrap();
        viewer.until("the screen", |seen| seen.screens.contains_key(&from)).await;
        until_turned(viewer.screens.get_mut(&from).unwrap(), b"screen").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_where_there_is_no_video_is_negotiated() {
    let server = server().await;
    for comes_first in [true, false] {
        let options = listener().audio(Source::Clip);
        let (mut sharer, mut viewer) = meet(&server, options, talker(), comes_first).await;
        let from = sharer.id();
        viewer.until("audio", |seen| seen.tracks.contains_key(&(from, MediaKind::Audio))).await;
        for mark in [b"first", b"again"] {
            share(&sharer, mark, SharePlace::InsteadOfVideo).await;
            until_screen(&mut viewer, &sharer, mark).await;
            sharer.participant.stop_sharing().await;
            drain(viewer.screens.remove(&from).unwrap()).await;
        }
        viewer.receive_fresh(from, MediaKind::Audio, 10).await;
        sharer.until("media", |seen| seen.has_media(viewer.id())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_beside_the_video_is_a_track_of_its_own() {
    let server = server().await;
    let (pusher, camera) = Source::pushed(Codec::Vp8);
    push(pusher, b"camera");
    let (sharer, mut viewer) = meet(&server, listener().video(camera), talker(), true).await;
    let video = (sharer.id(), MediaKind::Video);
    until_marked(&mut viewer, video, b"camera").await;
    share(&sharer, b"screen", SharePlace::BesideVideo).await;
    until_screen(&mut viewer, &sharer, b"screen").await;
    until_marked(&mut viewer, video, b"camera").await;
    sharer.participant.stop_sharing().await;
    drain(viewer.screens.remove(&video.0).unwrap()).await;
    until_marked(&mut viewer, video, b"camera").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_later_sees_the_screen_beside_the_video() {
    let server = server().await;
    let (room, mut witnesses) = common::room_of(&server, 1, talker()).await;
    let sharer = witnesses.remove(0);
    share(&sharer, b"screen", SharePlace::BesideVideo).await;
    let client = common::client(&server);
    let viewer = client.join(&room.room_id, &room.password, "late", listener()).await.unwrap();
    let mut viewer = Witness::new(viewer);
    until_screen(&mut viewer, &sharer, b"screen").await;
    viewer.until("media", |seen| seen.has_media(sharer.id())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_ends_by_itself_gives_the_place_back_and_is_told() {
    let server = server().await;
    let (pusher, camera) = Source::pushed(Codec::Vp8);
    push(pusher, b"camera");
    let (mut sharer, mut viewer) = meet(&server, listener().video(camera), talker(), true).await;
    let video = (sharer.id(), MediaKind::Video);
    until_marked(&mut viewer, video, b"camera").await;
    let (pusher, screen) = Source::pushed(Codec::Vp8);
    let pushing = push(pusher, b"screen");
    sharer.participant.share(&screen, SharePlace::InsteadOfVideo).await.unwrap();
    until_turned(viewer.tracks.get_mut(&video).unwrap(), b"screen").await;
    pushing.abort();
    until_turned(viewer.tracks.get_mut(&video).unwrap(), b"camera").await;
    sharer.until("the end", |seen| !seen.shares_ended.is_empty()).await;
    assert_eq!(sharer.shares_ended, ["the source has ended"]);
    assert!(sharer.degraded.is_empty());

    let missing = Source::File("no/such/file".into());
    let error = sharer.participant.share(&missing, SharePlace::BesideVideo).await.unwrap_err();
    assert!(matches!(error, MediaError::File { .. }), "{error}");
    sharer.participant.unpublish(MediaKind::Video).await;
    until_ended(&mut viewer, video).await;
}

async fn share(sharer: &Witness, mark: &'static [u8], place: SharePlace) {
    let (pusher, screen) = Source::pushed(Codec::Vp8);
    push(pusher, mark);
    sharer.participant.share(&screen, place).await.unwrap();
}

async fn until_screen(viewer: &mut Witness, of: &Witness, mark: &[u8]) {
    let from = of.id();
    viewer.until("the screen", |seen| seen.screens.contains_key(&from)).await;
    until_turned(viewer.screens.get_mut(&from).unwrap(), mark).await;
}
