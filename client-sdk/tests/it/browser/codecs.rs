//! Video of other codecs than VP8, both ways.

use client_sdk::{MediaKind, Source};
use tokio::time::timeout;

use super::page::Entry;
use super::stage::{Kind, Stage};
use crate::common::{PATIENCE, listener};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_decodes_every_codec_that_a_program_sends() {
    let stage = Stage::set().await;
    for (source, codec) in [
        (
            Source::AnnexB { path: "tests/fixtures/baseline.h264".into(), frame_rate: 15.0 },
            "video/H264",
        ),
        (Source::File("tests/fixtures/vp9.ivf".into()), "video/VP9"),
        (Source::File("tests/fixtures/av1.ivf".into()), "video/AV1"),
    ] {
        for page_first in [true, false] {
            let room = stage.room().await;
            let options = listener().video(source.clone());
            let (program, page);
            if page_first {
                page = stage.page(Kind::Keeping, &room).await;
                program = stage.guest(&room, options).await;
            } else {
                program = stage.guest(&room, options).await;
                page = stage.page(Kind::Keeping, &room).await;
            }
            page.until_decoded(program.id(), codec).await;
            page.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_receives_the_codec_that_a_page_has_chosen() {
    let stage = Stage::set().await;
    for (codec, is_keyframe) in [
        ("video/AV1", is_av1_keyframe as fn(&[u8]) -> bool),
        ("video/H264", is_h264_keyframe),
        ("video/VP9", is_vp9_keyframe),
    ] {
        for page_first in [true, false] {
            let room = stage.room().await;
            let entry = Entry { codec: Some(codec), ..stage.entry(&room) };
            let (mut program, page) = stage.pair(Kind::Keeping, page_first, &entry).await;
            let video = (page.id(), MediaKind::Video);
            program.until("video", |seen| seen.tracks.contains_key(&video)).await;
            let track = program.tracks.get_mut(&video).unwrap();
            let receiving = async {
                while !is_keyframe(&track.recv().await.expect("the video goes on").payload) {}
                for _ in 0..30 {
                    track.recv().await.expect("the video goes on");
                }
            };
            timeout(PATIENCE, receiving).await.unwrap_or_else(|_| panic!("no keyframe in {codec}"));
            page.close().await;
        }
    }
}

/// AV1 RTP payload format 1.0, section 4.4: the packet begins a coded video sequence.
fn is_av1_keyframe(packet: &[u8]) -> bool {
    packet.len() > 1 && packet[0] & 0x08 != 0
}

/// RFC 6184 section 5.7.1: parameters and picture in one packet, a sequence parameter set first.
fn is_h264_keyframe(packet: &[u8]) -> bool {
    matches!(packet, [head, _, _, unit, ..] if head & 0x1f == 24 && unit & 0x1f == 7)
}

/// VP9 bitstream specification, section 7.2: the sync code.
fn is_vp9_keyframe(packet: &[u8]) -> bool {
    packet.windows(3).any(|window| window == [0x49, 0x83, 0x42])
}
