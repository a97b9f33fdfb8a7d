//! Files that are played to several viewers: joins, keyframe requests, and the end.

use std::fs;
use std::time::Duration;

use client_sdk::{Client, MediaKind, NewRoom, Playback, RemoteFrame, RemoteFrames, Slot, Source};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::common::frames::Form;
use crate::common::{PATIENCE, Witness, client, listener, meet, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_film_goes_on_for_those_who_watch_when_others_join_and_lose_packets() {
    let file = Form::Vp8.frames_of(&fs::read("media/clip.ivf").unwrap());
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    let options = listener().video(Source::Clip);
    let (room, sender) = client.create(&token, &NewRoom::default(), options).await.unwrap();
    let join = async |name| {
        let guest = client.join(&room.room_id, &room.password, name, listener()).await;
        let mut guest = Witness::new(guest.unwrap());
        let video = (sender.id(), MediaKind::Video);
        guest.until("video", |seen| seen.tracks.contains_key(&video)).await;
        let frames = guest.tracks.remove(&video).unwrap().into_frames().unwrap();
        (guest, frames)
    };
    let (_first, mut first) = join("first").await;
    // It has caught up by then.
    receive(&mut first, 20).await;
    let others = async {
        for name in ["second", "third", "fourth"] {
            let (_guest, mut frames) = join(name).await;
            // Though the first packet may be lost before there is a track.
            let seen = receive(&mut frames, 10).await;
            assert!(seen.iter().any(|frame| frame.is_key), "{name} cannot decode");
            frames.track().request_keyframe();
            receive(&mut frames, 10).await;
        }
    };
    let (seen, ()) = tokio::join!(receive(&mut first, 90), others);
    let place = |frame: &RemoteFrame| file.iter().position(|known| *known == frame.data).unwrap();
    // How far each picture is from where the first would have been at its time.
    let leads = seen.iter().map(|frame| {
        let passed = frame.timestamp.wrapping_sub(seen[0].timestamp);
        let pictures = ((passed + PICTURE / 2) / PICTURE) as usize % file.len();
        (place(frame) + file.len() - pictures) % file.len()
    });
    let leads: Vec<usize> = leads.collect();
    let are_at = |lead| leads.iter().filter(|other| **other == lead).count();
    let clock = (0..file.len()).max_by_key(|lead| are_at(*lead)).unwrap();
    assert!(are_at(clock) > 60, "the film is not played by a clock: {leads:?}");
    // On a busy machine this viewer may have to catch up, but the film is never ahead.
    let behind = leads.iter().map(|lead| (clock + file.len() - lead) % file.len());
    assert!(behind.max() < Some(file.len() / 2), "the film has jumped ahead: {leads:?}");
}

#[tokio::test]
async fn a_film_begins_once_its_participant_is_in_the_room() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let film = Playback::once();
    let options =
        listener().audio(Source::Clip.played_by(&film)).enter_timeout(Duration::from_millis(100));
    client.join("ABC234", "123456", "guest", options).await.unwrap_err();
    assert_eq!(film.position(), Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_film_is_told_and_the_next_one_goes_on_in_its_track() {
    let server = server().await;
    let file = |film: &Playback| Source::File("tests/fixtures/vp9.ivf".into()).played_by(film);
    let film = Playback::once();
    let (mut sender, mut viewer) =
        meet(&server, listener().video(file(&film)), listener(), true).await;
    let video = (sender.id(), MediaKind::Video);
    viewer.until("video", |seen| seen.tracks.contains_key(&video)).await;
    sender.until("the end", |seen| !seen.ended.is_empty()).await;
    assert_eq!((&sender.ended[..], sender.degraded.len()), (&[Slot::Video][..], 0));
    assert!(film.position().abs_diff(Duration::from_secs(2)) < Duration::from_millis(1));

    let next = Playback::looped();
    sender.participant.publish(MediaKind::Video, &file(&next)).await.unwrap();
    // It is the track that there was.
    viewer.receive_fresh(video.0, MediaKind::Video, 20).await;
    viewer.catch_up().await;
    next.pause();
    assert!(next.position() < Duration::from_secs(2));
}

async fn receive(frames: &mut RemoteFrames, count: usize) -> Vec<RemoteFrame> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let frame = timeout(PATIENCE, frames.recv()).await.expect("no frame").expect("no track");
        assert!(!frame.follows_loss || seen.is_empty(), "lost on loopback");
        seen.push(frame);
    }
    seen
}

/// The clip has 15 pictures a second, and RTP time 90,000 units.
const PICTURE: u32 = 6000;
