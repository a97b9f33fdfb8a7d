//! A participant chooses what it receives, and the others send no more than that.

use client_sdk::{MediaKind, ParticipantId, SharePlace, Source, Wanted};

use crate::common::pictures::drain;
use crate::common::{Witness, listener, meet, room_of, server, talker};

const BOTH: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];

#[tokio::test(flavor = "multi_thread")]
async fn video_that_is_not_wanted_ends_is_not_sent_any_more_and_comes_back() {
    let server = server().await;
    for (sends_too, comes_first) in [(true, true), (true, false), (false, true), (false, false)] {
        let options = if sends_too { talker() } else { listener() };
        let (mut viewer, mut sender) = meet(&server, options, talker(), comes_first).await;
        let (from, to) = (sender.id(), viewer.id());
        viewer.until("media", |seen| seen.has_media(from)).await;
        for _ in 0..2 {
            viewer.participant.receive(from, Wanted::AUDIO).await;
            drain(viewer.tracks.remove(&(from, MediaKind::Video)).unwrap()).await;
            until_nothing_is_sent(&sender, to, MediaKind::Video, &mut viewer).await;
            if sends_too {
                sender.until("media", |seen| seen.has_media(to)).await;
                sender.receive_fresh(to, MediaKind::Video, 20).await;
            }
            viewer.participant.receive(from, Wanted::EVERYTHING).await;
            viewer.until("video", |seen| seen.has_media(from)).await;
            for kind in BOTH {
                viewer.receive_fresh(from, kind, 20).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_enters_wanting_no_video_gets_none_of_it_until_it_wants_that_of_one() {
    let server = server().await;
    for (options, comes_first) in
        [(talker(), true), (talker(), false), (listener(), true), (listener(), false)]
    {
        let options = options.receive(Wanted::AUDIO);
        let (mut viewer, mut sender) = meet(&server, options.clone(), talker(), comes_first).await;
        let (from, to) = (sender.id(), viewer.id());
        let sound = (from, MediaKind::Audio);
        viewer.until("sound", |seen| seen.tracks.contains_key(&sound)).await;
        sender.until("a channel", |seen| seen.channels.contains(&to)).await;
        // What is shared is not wanted either, and what is seen of this side does not change.
        sender.participant.share(&Source::Clip, SharePlace::BesideVideo).await.unwrap();
        until_nothing_is_sent(&sender, to, MediaKind::Video, &mut viewer).await;
        assert!(!viewer.tracks.contains_key(&(from, MediaKind::Video)));
        assert!(viewer.screens.is_empty());

        viewer.participant.receive(from, Wanted::EVERYTHING).await;
        viewer.until("video", |seen| seen.has_media(from) && !seen.screens.is_empty()).await;
        for kind in BOTH {
            viewer.receive_fresh(from, kind, 20).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_received_of_one_and_everything_of_another() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 3, talker()).await;
    let (mut other, one, mut viewer) =
        (witnesses.remove(2), witnesses.remove(1), witnesses.remove(0));
    viewer.until("media", |seen| seen.has_media(one.id()) && seen.has_media(other.id())).await;
    viewer.participant.receive(one.id(), Wanted::NOTHING).await;
    other.until("media", |seen| seen.has_media(one.id())).await;
    for kind in BOTH {
        drain(viewer.tracks.remove(&(one.id(), kind)).unwrap()).await;
        until_nothing_is_sent(&one, viewer.id(), kind, &mut other).await;
        viewer.receive_fresh(other.id(), kind, 20).await;
        other.receive_fresh(one.id(), kind, 20).await;
    }
}

/// Waits until the sender sends no packet of that kind in the time in which a hearer gets a second
/// of its sound.
async fn until_nothing_is_sent(
    sender: &Witness,
    to: ParticipantId,
    kind: MediaKind,
    hearer: &mut Witness,
) {
    let packets = async || {
        let stats = sender.participant.stats(to).await.unwrap();
        stats.sent.iter().filter(|sent| sent.kind == kind).map(|sent| sent.packets).sum::<u64>()
    };
    for _ in 0..30 {
        let before = packets().await;
        hearer.receive_fresh(sender.id(), MediaKind::Audio, 50).await;
        if packets().await == before {
            return;
        }
    }
    panic!("{kind} is sent still");
}
