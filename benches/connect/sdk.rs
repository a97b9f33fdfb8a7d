//! Calls between participants of the SDK.

use std::net::Ipv4Addr;
use std::time::Instant;

use client_sdk::{
    Client, Codec, CreatedRoom, Event, Frame, MediaError, MediaSource, Options, Participant,
    Source, async_trait,
};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::Figures;
use crate::media::{Media, Stream};
use crate::watch::Before;

pub(crate) async fn run(client: &Client, rooms: &[CreatedRoom], media: Media) -> Figures {
    let before = Before::now();
    let mut listening = JoinSet::new();
    let mut first_packet = Vec::new();
    for room in rooms {
        let (id, password) = (&room.room_id, &room.password);
        let host = client.join(id, password, "host", options(media)).await;
        listening.spawn(listen(host.expect("the room takes a host"), None));
        let begun = Instant::now();
        let guest = client.join(id, password, "guest", options(media)).await;
        let (told, first) = oneshot::channel();
        listening.spawn(listen(guest.expect("the room takes a guest"), Some(told)));
        first.await.expect("the first packet arrives");
        first_packet.push(begun.elapsed());
    }
    Figures { first_packet, per_connection: before.watch(2 * rooms.len()).await }
}

/// Receives everything until the room ends.
async fn listen(mut participant: Participant, mut first: Option<oneshot::Sender<()>>) {
    while let Some(event) = participant.next_event().await {
        let Event::Track(mut track) = event else { continue };
        let first = first.take();
        tokio::spawn(async move {
            if track.recv().await.is_some()
                && let Some(first) = first
            {
                let _ = first.send(());
            }
            while track.recv().await.is_some() {}
        });
    }
}

fn options(media: Media) -> Options {
    let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false);
    media.streams().into_iter().fold(options, |options, stream| match stream.codec {
        Codec::Opus => options.audio(Source::custom(Same(stream))),
        _ => options.video(Source::custom(Same(stream))),
    })
}

/// Always the same frame.
struct Same(Stream);

#[async_trait]
impl MediaSource for Same {
    fn codec(&self) -> Codec {
        self.0.codec
    }

    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
        let Stream { frame, pace, .. } = &self.0;
        Ok(Some(Frame { data: frame.clone(), duration: *pace, is_key: true, level: None }))
    }
}
