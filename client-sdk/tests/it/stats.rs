//! The statistics of connections, over real sockets.

use std::time::Duration;

use client_sdk::{Codec, MediaKind, Participant, ParticipantId, PeerStats, Route, Slot, Source};
use tokio::time::{sleep, timeout};

use crate::common::pictures::until_ended;
use crate::common::{PATIENCE, listener, meet, room_of, server, talker, until_media_flows};

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_count_the_same_packets_and_report_them_to_each_other() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, talker()).await;
    until_media_flows(&mut witnesses).await;
    let ids = [witnesses[0].id(), witnesses[1].id()];
    let participants = [&witnesses[0].participant, &witnesses[1].participant];
    for (near, far) in [(0, 1), (1, 0)] {
        let sent_before = stats(participants[far], ids[near]).await;
        // Reports come once a second or so, and ICE measures now and then.
        let seen_near = until(participants[near], ids[far], "everything", |seen| {
            seen.round_trip.is_some()
                && seen.bitrate_in > 0
                && seen.bitrate_out > 0
                && seen.sent.len() == 2
                && seen.sent.iter().all(|sent| sent.reported.is_some() && sent.packets > 100)
                && seen.received.iter().all(|received| received.frames > 50)
        })
        .await;
        let sent_after = stats(participants[far], ids[near]).await;
        assert_eq!(seen_near.route, Some(Route::Direct));
        assert!(seen_near.round_trip.unwrap() < PATIENCE);
        // A handshake takes several round trips.
        let (ice, dtls) = (seen_near.ice_took.unwrap(), seen_near.dtls_took.unwrap());
        println!("ICE {ice:?}, DTLS {dtls:?}");
        assert!(ice < PATIENCE && dtls < PATIENCE && dtls > Duration::ZERO, "{ice:?}, {dtls:?}");
        assert!(seen_near.received.iter().all(|received| seen_near.bitrate_in > received.bitrate));
        let streams = [(MediaKind::Audio, Codec::Opus), (MediaKind::Video, Codec::Vp8)];
        assert_eq!(seen_near.received.len(), streams.len());
        for (index, (kind, codec)) in streams.into_iter().enumerate() {
            let received = &seen_near.received[index];
            assert_eq!((received.kind, received.codec), (kind, Some(codec)));
            // Nothing is lost on loopback but what arrived before the track was known.
            assert!(received.lost <= 2, "{received:?}");
            let (before, after) = (&sent_before.sent[index], &sent_after.sent[index]);
            assert_eq!((before.kind, after.kind), (kind, kind));
            assert!(received.packets + 10 >= before.packets && received.packets <= after.packets);
            assert!(received.bytes <= after.bytes, "{received:?} of {after:?}");
            let reported = seen_near.sent[index].reported.unwrap();
            assert!(reported.lost <= 2 && reported.fraction_lost <= 0.1, "{reported:?}");
        }
        // Of the clip: 50 packets of sound and 15 pictures a second.
        let (sound, picture) = (&seen_near.received[0], &seen_near.received[1]);
        assert_eq!(sound.frames, sound.packets);
        assert!(picture.frames <= picture.packets && picture.frames < sound.frames);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bit_rates_are_those_since_the_last_question() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, listener()).await;
    let ids = [witnesses[0].id(), witnesses[1].id()];
    for (witness, other) in witnesses.iter_mut().zip([ids[1], ids[0]]) {
        witness.until("the data channel", |seen| seen.channels.contains(&other)).await;
    }
    let [sender, receiver] = [&witnesses[0].participant, &witnesses[1].participant];
    let quiet = async {
        stats(sender, ids[1]).await;
        stats(receiver, ids[0]).await;
        sleep(Duration::from_millis(500)).await;
        stats(receiver, ids[0]).await
    };
    let quiet = quiet.await;
    assert!(quiet.received.is_empty() && quiet.sent.is_empty(), "{quiet:?}");
    for _ in 0..10 {
        sender.send_data(ids[1], vec![7; 50_000]).await.unwrap();
    }
    // All of it is counted, in however many answers.
    let mut loudest = 0;
    while loudest <= quiet.bitrate_in + 100_000 {
        sleep(Duration::from_millis(100)).await;
        loudest = stats(receiver, ids[0]).await.bitrate_in.max(loudest);
    }
    sleep(Duration::from_millis(300)).await;
    stats(receiver, ids[0]).await;
    sleep(Duration::from_millis(500)).await;
    let after = stats(receiver, ids[0]).await;
    assert!(after.bitrate_in < loudest / 2, "{} of {loudest}", after.bitrate_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_is_counted_and_reported_however_many_came_before_it() {
    let server = server().await;
    let (sender, mut receiver) = meet(&server, listener(), listener(), true).await;
    let (from, to) = (sender.id(), receiver.id());
    let track = (from, MediaKind::Audio);
    for count in 1..=70 {
        sender.participant.publish(Slot::Audio, &Source::Clip).await.unwrap();
        receiver.until("the track", |seen| seen.tracks.contains_key(&track)).await;
        if count < 70 {
            sender.participant.unpublish(Slot::Audio).await;
            until_ended(&mut receiver, track).await;
        }
    }
    // From now on, only what is still sent has a bit rate.
    stats(&receiver.participant, from).await;
    until(&receiver.participant, from, "new packets", |seen| {
        seen.received.iter().any(|received| received.bitrate > 0)
    })
    .await;
    stats(&sender.participant, to).await;
    until(&sender.participant, to, "report", |seen| {
        seen.sent.iter().any(|sent| sent.bitrate > 0 && sent.reported.is_some())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_to_tell_of_whoever_is_not_there() {
    let server = server().await;
    let (_, witnesses) = room_of(&server, 1, listener()).await;
    assert_eq!(witnesses[0].participant.stats("p_00000000".parse().unwrap()).await, None);
}

async fn stats(participant: &Participant, of: ParticipantId) -> PeerStats {
    timeout(PATIENCE, participant.stats(of)).await.unwrap().expect("there is no connection")
}

async fn until(
    participant: &Participant,
    of: ParticipantId,
    what: &str,
    condition: impl Fn(&PeerStats) -> bool,
) -> PeerStats {
    let waiting = async {
        loop {
            let stats = stats(participant, of).await;
            if condition(&stats) {
                return stats;
            }
            sleep(Duration::from_millis(300)).await;
        }
    };
    match timeout(PATIENCE, waiting).await {
        Ok(stats) => stats,
        Err(_) => panic!("no {what}: {:#?}", stats(participant, of).await),
    }
}
