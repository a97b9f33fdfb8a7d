//! Media and data between a program, a participant of this crate, and a page.

use client_sdk::{MediaKind, ParticipantId, RemoteTrack};
use futures_util::FutureExt;

use super::page::Page;
use super::picture::receive_frames;
use crate::common::Witness;

/// Waits until both have audio and video of each other that they had not yet.
pub(crate) async fn until_media_flows(program: &mut Witness, page: &Page) {
    until_program_receives(program, page.id()).await;
    page.until_media_flows(&[program.id()]).await;
}

/// Waits until the program has audio and video of the page that it had not yet.
pub(crate) async fn until_program_receives(program: &mut Witness, page: ParticipantId) {
    // Those of a connection that was rebuilt have successors.
    program.tracks.retain(|_, track| is_still_sent(track));
    program
        .until("media of the page", |seen| seen.is_connected(page) && seen.has_media(page))
        .await;
    // On a busy machine a track that was still sent above may end here and have its successor.
    program.receive_again(page, MediaKind::Audio).await;
    program.receive_again(page, MediaKind::Video).await;
    receive_frames(program, page, 10).await;
}

fn is_still_sent(track: &mut RemoteTrack) -> bool {
    loop {
        match track.recv().now_or_never() {
            Some(Some(_)) => {}
            Some(None) => return false,
            None => return true,
        }
    }
}

/// Sends both ways over the data channel.
pub(crate) async fn exchange_data(program: &mut Witness, page: &Page) {
    let (program_id, page_id) = (program.id(), page.id());
    page.until("data channel", |report| report.peer(program_id).is_some_and(|peer| peer.can_send))
        .await;
    page.send_data(program_id, "你好 from the page").await;
    program
        .until("data", |seen| {
            seen.channels.contains(&page_id)
                && seen.data.iter().any(|(_, text)| text == "你好 from the page")
        })
        .await;
    program.participant.send_data(page_id, "你好 from the program").await.unwrap();
    let expected = (program_id.to_string(), "你好 from the program".to_owned());
    page.until("data", |report| report.messages.contains(&expected)).await;
}
