//! The frames of a source arrive at the other side, over real sockets and the real server.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use client_sdk::{
    Codec, Frame, MediaError, MediaKind, MediaSource, NewRoom, PushError, Source, async_trait,
};
use signal_server::testing::TestServer;

use crate::common::frames::{Form, receive_frames};
use crate::common::{Witness, client, listener, server};

#[tokio::test(flavor = "multi_thread")]
async fn vp8_of_the_built_in_clip_arrives_frame_by_frame() {
    let file = Form::Vp8.frames_of(&fs::read("media/clip.ivf").unwrap());
    arrives(MediaKind::Video, Source::Clip, Form::Vp8, &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vp9_of_a_file_arrives_frame_by_frame() {
    let path = "tests/fixtures/vp9.ivf";
    let file = Form::Vp9.frames_of(&fs::read(path).unwrap());
    arrives(MediaKind::Video, Source::File(path.into()), Form::Vp9, &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn av1_of_a_file_arrives_frame_by_frame() {
    let path = "tests/fixtures/av1.ivf";
    let file = Form::Av1.frames_of(&fs::read(path).unwrap());
    arrives(MediaKind::Video, Source::File(path.into()), Form::Av1, &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h264_of_a_file_arrives_frame_by_frame() {
    let path = "tests/fixtures/baseline.h264";
    let file = Form::H264.frames_of(&fs::read(path).unwrap());
    let source = Source::AnnexB { path: path.into(), frame_rate: 15.0 };
    arrives(MediaKind::Video, source, Form::H264, &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opus_of_a_file_with_long_pages_arrives_packet_by_packet() {
    let path = "tests/fixtures/long_pages.ogg";
    let file = Form::Opus.frames_of(&fs::read(path).unwrap());
    arrives(MediaKind::Audio, Source::File(path.into()), Form::Opus, &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sides_send_different_codecs_to_each_other() {
    let vp9 = Form::Vp9.frames_of(&fs::read("tests/fixtures/vp9.ivf").unwrap());
    let h264 = Form::H264.frames_of(&fs::read("tests/fixtures/baseline.h264").unwrap());
    let server = server().await;
    let one = Source::File("tests/fixtures/vp9.ivf".into());
    let other = Source::AnnexB { path: "tests/fixtures/baseline.h264".into(), frame_rate: 15.0 };
    let (mut one, mut other) = meet(&server, listener().video(one), listener().video(other)).await;
    let (from_one, from_other) = (one.id(), other.id());
    in_order(&receive_frames(&mut other, from_one, MediaKind::Video, Form::Vp9, 20).await, &vp9);
    in_order(&receive_frames(&mut one, from_other, MediaKind::Video, Form::H264, 20).await, &h264);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_pushed_arrive_and_the_pusher_learns_who_needs_a_keyframe() {
    let server = server().await;
    let (pusher, source) = Source::pushed(Codec::Vp8);
    let (sender, mut receiver) = meet(&server, listener().video(source), listener()).await;
    let from = sender.id();
    let pushing = tokio::spawn(async move {
        // Until the connection stands and asks, nothing is sent that it could miss.
        pusher.keyframe_wanted().await;
        for number in 0.. {
            match pusher.push(numbered(number)) {
                Ok(()) => {}
                Err(PushError::Closed) => return,
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let frames = receive_frames(&mut receiver, from, MediaKind::Video, Form::Vp8, 30).await;
    let file: Vec<Bytes> = (0..2000).map(|number| numbered(number).data).collect();
    in_order(&frames, &file);
    sender.participant.leave().await;
    pushing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_more_packets_than_a_connection_takes_at_once_arrives_whole() {
    let server = server().await;
    let (pusher, source) = Source::pushed(Codec::Vp8);
    let (sender, mut receiver) = meet(&server, listener().video(source), listener()).await;
    let from = sender.id();
    let mut picture = numbered(1);
    picture.data = [&picture.data[..], &[7; 400_000]].concat().into();
    let pushed = picture.clone();
    let pushing = tokio::spawn(async move {
        // A network may lose some of it. Then the next one has to arrive.
        while pusher.push(pushed.clone()) != Err(PushError::Closed) {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let frames = receive_frames(&mut receiver, from, MediaKind::Video, Form::Vp8, 1).await;
    assert!(frames[0] == picture.data);
    sender.participant.leave().await;
    pushing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_the_applications_own_is_read_once_for_all_peers() {
    struct Counter(u32);

    #[async_trait]
    impl MediaSource for Counter {
        fn codec(&self) -> Codec {
            Codec::Vp8
        }

        async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
            self.0 += 1;
            Ok(Some(numbered(self.0)))
        }
    }

    let server = server().await;
    let options = listener().video(Source::custom(Counter(0)));
    let client = client(&server);
    let token = server.access_token("alice");
    let (room, sender) = client.create(&token, &NewRoom::default(), options).await.unwrap();
    let mut receivers = Vec::new();
    for name in ["bob", "carol"] {
        let receiver = client.join(&room.room_id, &room.password, name, listener()).await.unwrap();
        receivers.push(Witness::new(receiver));
    }
    let file: Vec<Bytes> = (0..5000).map(|number| numbered(number).data).collect();
    let mut starts = Vec::new();
    for receiver in &mut receivers {
        let frames = receive_frames(receiver, sender.id(), MediaKind::Video, Form::Vp8, 30).await;
        starts.push(in_order(&frames, &file));
    }
    // At 50 frames a second neither has been sent a thousand: both see one count, not one each.
    assert!(starts[0].abs_diff(starts[1]) < 1000, "{starts:?}");
}

/// Something that a VP8 packetizer takes for a keyframe, with its number in it.
fn numbered(number: u32) -> Frame {
    let data = [&[0x10, 2, 0, 0x9d, 1, 0x2a, 16, 0, 16, 0][..], &number.to_be_bytes()].concat();
    Frame { data: data.into(), duration: Duration::from_millis(20), is_key: true, level: None }
}

async fn arrives(kind: MediaKind, source: Source, form: Form, file: &[Bytes]) {
    let server = server().await;
    let options = match kind {
        MediaKind::Audio => listener().audio(source),
        MediaKind::Video => listener().video(source),
    };
    let (sender, mut receiver) = meet(&server, options, listener()).await;
    let frames = receive_frames(&mut receiver, sender.id(), kind, form, 25).await;
    in_order(&frames, file);
}

async fn meet(
    server: &TestServer,
    first: client_sdk::Options,
    second: client_sdk::Options,
) -> (Witness, Witness) {
    let client = client(server);
    let token = server.access_token("alice");
    let (room, creator) = client.create(&token, &NewRoom::default(), first).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", second).await.unwrap();
    (Witness::new(creator), Witness::new(guest))
}

/// Checks that frames follow each other as in the file, which plays in a loop; tells where they
/// start.
///
/// A receiver that has lost the beginning gets it again, and skips to a keyframe that arrives while
/// it catches up.
fn in_order(frames: &[Bytes], file: &[Bytes]) -> usize {
    let start =
        file.iter().position(|frame| *frame == frames[0]).expect("the first frame is in the file");
    let mut at = start;
    let mut jumps = 0;
    for frame in &frames[1..] {
        at = (at + 1) % file.len();
        if file[at] != *frame {
            jumps += 1;
            at = file.iter().position(|known| known == frame).expect("the frame is in the file");
        }
    }
    assert!(jumps <= 3, "{jumps} of {} frames do not follow the one before", frames.len());
    start
}
