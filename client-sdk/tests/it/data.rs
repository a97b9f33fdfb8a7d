//! Data channels over real sockets: the default one and named ones, of every kind of delivery.

use std::time::Duration;

use bytes::Bytes;
use client_sdk::{
    ChannelError, DataChannel, DataMessage, Delivery, NewRoom, Options, ParticipantId, Reliability,
    SendError,
};
use futures_util::future::join_all;
use signal_server::testing::{self, TestServer};
use signal_server::{Secret, Server};
use tokio::time::{sleep, timeout};

use crate::common::coturn::{self, Coturn};
use crate::common::path::{Impairment, Path};
use crate::common::{PATIENCE, Witness, client, listener, room_of, server};

#[tokio::test(flavor = "multi_thread")]
async fn either_side_opens_named_channels_of_any_delivery_and_both_send() {
    let server = server().await;
    let [mut creator, mut guest] = pair(&server).await;
    let deliveries = [
        ("chat", Delivery::default()),
        ("cursor", Delivery::unreliable()),
        ("game", Delivery { ordered: true, reliability: Reliability::Retransmits(3) }),
        ("file", Delivery { ordered: false, reliability: Reliability::Reliable }),
        (
            "voice",
            Delivery {
                ordered: false,
                reliability: Reliability::Lifetime(Duration::from_millis(250)),
            },
        ),
    ];
    for (label, delivery) in deliveries {
        for creator_opens in [true, false] {
            let (opener, other) =
                if creator_opens { (&mut creator, &mut guest) } else { (&mut guest, &mut creator) };
            let opened =
                opener.participant.open_channel(other.id(), label, delivery).await.unwrap();
            other.until("the channel", |seen| !seen.named.is_empty()).await;
            let received = other.named.pop().unwrap();
            for (end, far) in [(&opened, other.id()), (&received, opener.id())] {
                assert_eq!(
                    (end.participant(), end.label(), end.is_ordered()),
                    (far, label, delivery.ordered)
                );
            }
            let mut ends = [opened, received];
            for (from, to) in [(0, 1), (1, 0)] {
                ends[from].send(format!("{from} bytes")).await.unwrap();
                let bytes = receive(&mut ends[to]).await;
                assert_eq!(
                    bytes,
                    DataMessage { data: format!("{from} bytes").into(), is_text: false }
                );
                ends[from].send_text("你好").await.unwrap();
                assert_eq!(
                    receive(&mut ends[to]).await,
                    DataMessage { data: "你好".into(), is_text: true }
                );
                ends[from].send(Bytes::new()).await.unwrap();
                assert_eq!(
                    receive(&mut ends[to]).await,
                    DataMessage { data: Bytes::new(), is_text: false }
                );
            }
        }
    }
    // None of it was delivered as data of the default channel, which still works.
    exchange_default(&mut creator, &mut guest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_called_like_the_default_one_is_a_channel_of_its_own() {
    let server = server().await;
    let [mut creator, mut guest] = pair(&server).await;
    let [mut here, mut there] = open(&creator, &mut guest, "data").await;
    here.send("over the named one").await.unwrap();
    assert_eq!(receive(&mut there).await.data, "over the named one");
    there.send("and back").await.unwrap();
    assert_eq!(receive(&mut here).await.data, "and back");
    exchange_default(&mut creator, &mut guest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_nobody_reads_takes_a_bounded_number_of_bytes_and_goes_on_when_it_is_read() {
    const CHUNK: usize = 60_000;
    const MOST_UNSENT: usize = 1024 * 1024;
    let server = server().await;
    let [creator, mut guest] = pair(&server).await;
    let [sender, mut receiver] = open(&creator, &mut guest, "file").await;
    let chunk = |n: u32| Bytes::from([&n.to_be_bytes()[..], &vec![n as u8; CHUNK - 4]].concat());
    let mut sent = 0;
    // Windows and queues on the way fill up first; in the end nothing more is accepted.
    let mut is_full = false;
    while !is_full {
        match sender.send(chunk(sent)).await {
            Ok(()) => sent += 1,
            Err(SendError::Busy) => {
                is_full = timeout(Duration::from_secs(1), sender.writable()).await.is_err();
            }
            Err(error) => panic!("{error}"),
        }
        assert!(sender.unsent_bytes().await < MOST_UNSENT + CHUNK);
    }
    assert_eq!(sender.send(chunk(sent)).await, Err(SendError::Busy));
    for n in 0..sent {
        assert_eq!(receive(&mut receiver).await.data, chunk(n), "{n} of {sent}");
    }
    timeout(PATIENCE, sender.writable()).await.unwrap().unwrap();
    sender.send(chunk(sent)).await.unwrap();
    assert_eq!(receive(&mut receiver).await.data, chunk(sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_larger_than_the_other_side_takes_is_refused_and_the_channel_goes_on() {
    let server = server().await;
    let [creator, mut guest] = pair(&server).await;
    let [sender, mut receiver] = open(&creator, &mut guest, "file").await;
    assert_eq!(sender.send(vec![1; 64 * 1024 + 1]).await, Err(SendError::TooLarge));
    let most = vec![2; 64 * 1024];
    sender.send(most.clone()).await.unwrap();
    assert_eq!(receive(&mut receiver).await.data, most);
    let to = guest.id();
    assert_eq!(
        creator.participant.send_data(to, vec![1; 64 * 1024 + 1]).await,
        Err(SendError::TooLarge)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_one_side_drops_ends_for_the_other() {
    let server = server().await;
    let [mut creator, mut guest] = pair(&server).await;
    for opener_drops in [true, false] {
        let [opened, received] = open(&creator, &mut guest, "brief").await;
        let (dropped, mut kept) =
            if opener_drops { (opened, received) } else { (received, opened) };
        drop(dropped);
        assert_eq!(timeout(PATIENCE, kept.recv()).await.unwrap(), None);
        assert_eq!(kept.send("too late").await, Err(SendError::NoChannel));
        assert_eq!(kept.unsent_bytes().await, 0);
    }
    exchange_default(&mut creator, &mut guest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_that_are_opened_and_dropped_all_at_once_carry_what_is_sent() {
    let server = server().await;
    let [creator, mut guest] = pair(&server).await;
    for round in 0..ROUNDS {
        let opening = (0..BURST).map(async |number| {
            let label = format!("{round} {number}");
            creator.participant.open_channel(guest.id(), &label, Delivery::default()).await
        });
        let opened = timeout(PATIENCE, join_all(opening)).await.expect("they do not all open");
        let mut opened: Vec<DataChannel> = opened.into_iter().map(Result::unwrap).collect();
        for channel in &opened {
            channel.send_text(channel.label()).await.unwrap();
        }
        let mut received = Vec::new();
        for channel in &mut opened {
            let (end, message) = first_message(&mut guest, channel.label()).await;
            assert_eq!(message.data, channel.label().to_owned());
            end.send("back").await.unwrap();
            assert_eq!(receive(channel).await.data, "back");
            received.push(end);
        }
    }
}

/// A stream must not be used again before both sides have closed it (RFC 8831 section 6.7).
#[tokio::test(flavor = "multi_thread")]
async fn channels_that_are_opened_and_dropped_over_and_over_all_carry_what_is_sent() {
    let server = server().await;
    let [creator, mut guest] = pair(&server).await;
    exchange_and_drop(&creator, &mut guest, 30).await;
}

/// SCTP repeats its first message before the answer comes, and what one side sends about the end of
/// a channel arrives after the other side has opened the next one.
#[tokio::test(flavor = "multi_thread")]
async fn channels_are_opened_and_dropped_over_a_slow_path_that_reorders_packets() {
    let impairment = Impairment {
        loss: 0.0,
        delay: Duration::from_millis(100),
        jitter: Duration::from_millis(100),
        bandwidth: None,
    };
    let (server, _coturn, path) = server_over(impairment).await;
    let [mut creator, mut guest] = pair_with(&server, listener().relay_only(true)).await;
    // Either of them may be the client of DTLS.
    exchange_and_drop(&guest, &mut creator, 1).await;
    exchange_and_drop(&creator, &mut guest, 3).await;
    assert!(path.figures().overtaken > 0, "{}", path.figures());
    exchange_default(&mut creator, &mut guest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_end_with_whoever_leaves() {
    let server = server().await;
    let [mut creator, mut guest] = pair(&server).await;
    let id = guest.id();
    let [mut here, mut there] = open(&creator, &mut guest, "chat").await;
    guest.participant.leave().await;
    assert_eq!(timeout(PATIENCE, there.recv()).await.unwrap(), None);
    assert_eq!(there.send("x").await, Err(SendError::NoChannel));
    creator.until("departure", |seen| !seen.present.contains(&id)).await;
    assert_eq!(timeout(PATIENCE, here.recv()).await.unwrap(), None);
    let opened = creator.participant.open_channel(id, "chat", Delivery::default()).await;
    assert_eq!(opened.unwrap_err(), ChannelError::NoConnection);
    assert_eq!(creator.participant.send_data(id, "x").await, Err(SendError::NoChannel));
}

/// The participant with the smaller id has a connection as soon as it knows of the other one.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_asked_for_before_the_connection_stands() {
    let server = server().await;
    let client = client(&server);
    let token = server.access_token("alice");
    let (room, creator) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", listener()).await.unwrap();
    let mut both = [Witness::new(creator), Witness::new(guest)];
    both.sort_by_key(Witness::id);
    let [asking, asked] = &mut both;
    let to = asked.id();
    asking.until("the other one", |seen| seen.present.contains(&to)).await;
    assert!(!asking.is_connected(to));
    let early = asking.participant.open_channel(to, "early", Delivery::default()).await.unwrap();
    early.send("first").await.unwrap();
    asked.until("the channel", |seen| !seen.named.is_empty()).await;
    assert_eq!(receive(&mut asked.named[0]).await.data, "first");
    let label = "x".repeat(1025);
    let too_long = asking.participant.open_channel(to, &label, Delivery::default()).await;
    assert_eq!(too_long.unwrap_err(), ChannelError::Label);
}

/// The association takes 400 ms over this path. Meanwhile both sides keep opening channels.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_opened_while_the_association_comes_up_opens() {
    let impairment = Impairment { delay: Duration::from_millis(100), ..Impairment::default() };
    let (server, _coturn, _path) = server_over(impairment).await;
    let relayed = listener().relay_only(true);
    let (_, mut witnesses) = room_of(&server, 2, relayed).await;
    let ids = [witnesses[1].id(), witnesses[0].id()];
    let opening = witnesses.iter_mut().zip(ids).map(async |(witness, other)| {
        witness.until("the connection", |seen| seen.is_connected(other)).await;
        let participant = &witness.participant;
        let asking = (0..EARLY_CHANNELS).map(async |number| {
            sleep(Duration::from_millis(10) * number).await;
            let opening = participant.open_channel(other, "early", Delivery::default());
            timeout(PATIENCE, opening).await.expect("it does not open").unwrap()
        });
        join_all(asking).await
    });
    let opened = join_all(opening).await;
    for (witness, channels) in witnesses.iter_mut().rev().zip(&opened) {
        for channel in channels {
            channel.send("first").await.unwrap();
        }
        witness.until("the channels", |seen| seen.named.len() == channels.len()).await;
        for channel in &mut witness.named {
            assert_eq!(receive(channel).await.data, "first");
        }
    }
}

/// A server whose TURN server is reached over a path that does this.
async fn server_over(impairment: Impairment) -> (TestServer, Coturn, Path) {
    let coturn = Coturn::start().await;
    let turn = ([127, 0, 0, 1], coturn.port()).into();
    let path = Path::to(turn, impairment, impairment).await.unwrap();
    let builder = Server::builder(Secret::random())
        .turn(Secret::new(coturn::SECRET), [coturn::url(path.port())]);
    (testing::start_with(builder).await.unwrap(), coturn, path)
}

/// Two participants that are connected.
async fn pair(server: &TestServer) -> [Witness; 2] {
    pair_with(server, listener()).await
}

async fn pair_with(server: &TestServer, options: Options) -> [Witness; 2] {
    let (_, mut witnesses) = room_of(server, 2, options).await;
    let ids = [witnesses[1].id(), witnesses[0].id()];
    for (witness, other) in witnesses.iter_mut().zip(ids) {
        witness.until("the default channel", |seen| seen.channels.contains(&other)).await;
    }
    witnesses.try_into().ok().unwrap()
}

/// A reliable channel from the one to the other, and its ends.
async fn open(from: &Witness, to: &mut Witness, label: &str) -> [DataChannel; 2] {
    [open_here(from, to.id(), label).await, opened_by(to, label).await]
}

/// The end of a channel on the side that opens it.
async fn open_here(from: &Witness, to: ParticipantId, label: &str) -> DataChannel {
    let opening = from.participant.open_channel(to, label, Delivery::default());
    timeout(PATIENCE, opening).await.expect("the channel does not open").unwrap()
}

/// The end of a channel of the other side.
async fn opened_by(to: &mut Witness, label: &str) -> DataChannel {
    let is_it = |channel: &DataChannel| channel.label() == label;
    to.until("the channel", |seen| seen.named.iter().any(is_it)).await;
    let place = to.named.iter().position(is_it).unwrap();
    to.named.remove(place)
}

/// Opens channels one after the other, sends both ways over each, and has both sides, the one or
/// the other drop it.
async fn exchange_and_drop(from: &Witness, to: &mut Witness, count: usize) {
    for n in 0..count {
        let mut opened = open_here(from, to.id(), &format!("channel {n}")).await;
        opened.send(format!("{n} there")).await.unwrap();
        let (mut received, message) = first_message(to, opened.label()).await;
        assert_eq!(message.data, format!("{n} there"));
        received.send(format!("{n} back")).await.unwrap();
        assert_eq!(receive(&mut opened).await.data, format!("{n} back"));
        match n % 3 {
            0 => drop((opened, received)),
            1 => {
                drop(opened);
                assert_eq!(timeout(PATIENCE, received.recv()).await.unwrap(), None);
            }
            _ => {
                drop(received);
                assert_eq!(timeout(PATIENCE, opened.recv()).await.unwrap(), None);
            }
        }
    }
}

/// The end of a channel of the other side, and the first message that comes over it.
async fn first_message(to: &mut Witness, label: &str) -> (DataChannel, DataMessage) {
    loop {
        let mut end = opened_by(to, label).await;
        let message = timeout(PATIENCE, end.recv()).await.expect("nothing comes");
        if let Some(message) = message {
            return (end, message);
        }
        // The opener has taken another stream.
    }
}

async fn receive(channel: &mut DataChannel) -> DataMessage {
    timeout(PATIENCE, channel.recv()).await.expect("nothing comes").expect("the channel is closed")
}

/// Sends both ways without naming a channel, and checks that nothing else has come that way.
async fn exchange_default(a: &mut Witness, b: &mut Witness) {
    let ids: [ParticipantId; 2] = [a.id(), b.id()];
    for (witness, other) in [(&mut *a, ids[1]), (&mut *b, ids[0])] {
        witness.participant.send_data(other, "by default").await.unwrap();
    }
    for (witness, other) in [(a, ids[1]), (b, ids[0])] {
        witness.until("data", |seen| !seen.data.is_empty()).await;
        assert_eq!(witness.data, [(other, "by default".to_owned())]);
        assert!(witness.named.is_empty());
    }
}

const ROUNDS: usize = 6;
const BURST: usize = 16;
/// The other side takes up to 64.
const EARLY_CHANNELS: u32 = 60;
