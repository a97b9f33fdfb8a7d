//! Two connections to each other, without a server between them.

use std::net::Ipv4Addr;
use std::time::Duration;

use signal_core::ice::IceServer;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::*;
use crate::channel::{DefaultChannels, Delivery};
use crate::media::{MediaKind, Source};
use crate::network::Network;
use crate::options::Options;
use crate::outgoing::Outgoing;
use crate::session::{ConnectionState, Report, TrackSource};
use crate::turn::TurnServers;

#[tokio::test]
async fn an_answer_is_followed_by_no_offer() {
    for _ in 0..10 {
        let mut pair = Pair::open([true, false]);
        let [offerer, answerer] = &pair.connections;
        assert!(offerer.command(ConnectionCommand::Offer { negotiation: 1, restart_ice: false }));
        let mut connected = 0;
        while connected < 2 {
            let ConnectionMessage { peer, event, .. } = pair.inbox.recv().await.unwrap();
            let other = if peer.as_str() == "p_0" { answerer } else { offerer };
            let ConnectionEvent::Report(report) = event else { continue };
            match report {
                Report::Answer { sdp, tracks, .. } => {
                    assert!(other.command(ConnectionCommand::Accept { sdp, tracks }));
                }
                Report::Candidate(candidate) => {
                    assert!(other.command(ConnectionCommand::Candidate(candidate)));
                }
                Report::IceConnected => {}
                Report::SectionMissing => panic!("{peer} offers again"),
                Report::PathLost => panic!("{peer} has lost its path"),
                Report::NoRelay(_) => panic!("{peer} has no TURN server"),
                Report::Offer { sdp, .. } => {
                    assert!(other.command(ConnectionCommand::Answer {
                        negotiation: 1,
                        sdp,
                        tracks: vec![]
                    }));
                }
                Report::Broken(_) => panic!("{peer} is broken"),
                Report::State(state) => connected += u32::from(state == ConnectionState::Connected),
            }
        }
        pair.close().await;
    }
}

/// As after an outage, where both sides build a new connection and offer at once.
#[tokio::test]
async fn a_connection_whose_very_first_offer_lost_answers_and_gets_media_and_data() {
    let mut pair = Pair::open([true, true]);
    let [winner, loser] = &pair.connections;
    for connection in [winner, loser] {
        assert!(
            connection.command(ConnectionCommand::Offer { negotiation: 1, restart_ice: false })
        );
    }
    let (mut winners_candidates, mut losers_candidates) = (Vec::new(), Vec::new());
    let (mut is_settled, mut news) = (false, Vec::new());
    let default_channels = DefaultChannels::default();
    while news.len() < 8 {
        let ConnectionMessage { peer, event, .. } = pair.inbox.recv().await.unwrap();
        let is_winner = peer.as_str() == "p_0";
        match event {
            ConnectionEvent::Report(Report::Offer { sdp, .. }) if is_winner => {
                assert!(loser.command(ConnectionCommand::Rollback));
                assert!(loser.command(ConnectionCommand::Answer {
                    negotiation: 2,
                    sdp,
                    tracks: vec![]
                }));
            }
            ConnectionEvent::Report(Report::Answer { sdp, tracks, .. }) => {
                assert!(winner.command(ConnectionCommand::Accept { sdp, tracks }));
                is_settled = true;
            }
            ConnectionEvent::Report(Report::Candidate(candidate)) if is_winner => {
                winners_candidates.push(candidate);
            }
            ConnectionEvent::Report(Report::Candidate(candidate)) => {
                losers_candidates.push(candidate);
            }
            ConnectionEvent::Report(Report::State(ConnectionState::Connected))
            | ConnectionEvent::Track(_) => news.push(peer),
            ConnectionEvent::DefaultChannelOpen(channel) => {
                if default_channels.opened(peer, channel) {
                    news.push(peer);
                }
            }
            ConnectionEvent::Report(Report::Broken(_) | Report::State(ConnectionState::Failed)) => {
                panic!("{peer} failed")
            }
            ConnectionEvent::Report(_)
            | ConnectionEvent::Data { .. }
            | ConnectionEvent::DataChannel(_) => {}
        }
        if is_settled {
            for candidate in winners_candidates.drain(..) {
                assert!(loser.command(ConnectionCommand::Candidate(candidate)));
            }
            for candidate in losers_candidates.drain(..) {
                assert!(winner.command(ConnectionCommand::Candidate(candidate)));
            }
        }
    }
    pair.close().await;
    assert_eq!(news.iter().filter(|peer| peer.as_str() == "p_0").count(), 4, "{news:?}");
}

#[tokio::test]
async fn newer_ice_servers_are_used_when_ice_starts_anew() {
    let mut pair = Pair::open([true, false]);
    let [connection, _] = &pair.connections;
    assert!(connection.command(ConnectionCommand::Offer { negotiation: 1, restart_ice: false }));
    let stun = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let url = format!("stun:{}", stun.local_addr().unwrap());
    let server = IceServer::stun([url]);
    let newer = connection.setup.borrow().with_ice_servers(&[server]);
    connection.set_up(Arc::new(newer));
    assert!(connection.command(ConnectionCommand::Rollback));
    assert!(connection.command(ConnectionCommand::Offer { negotiation: 2, restart_ice: true }));
    let mut request = [0; 1500];
    let asked = timeout(Duration::from_secs(60), stun.recv(&mut request)).await;
    // RFC 8489 section 5: a binding request and the magic cookie.
    assert!(
        asked.unwrap().unwrap() >= 20
            && request[..2] == [0, 1]
            && request[4..8] == [0x21, 0x12, 0xa4, 0x42]
    );
    pair.inbox.close();
    pair.close().await;
}

#[tokio::test]
async fn a_first_data_channel_for_which_the_offer_has_no_section_is_negotiated() {
    let mut pair = Pair::open([true, false]);
    let [offerer, answerer] = &pair.connections;
    assert!(offerer.command(ConnectionCommand::Offer { negotiation: 1, restart_ice: false }));
    let (reply, _opened) = oneshot::channel();
    let new = NewChannel { label: "first".into(), delivery: Delivery::default(), reply };
    let mut request = Some(ConnectionRequest::OpenChannel(new));
    loop {
        let ConnectionMessage { peer, event, .. } = pair.inbox.recv().await.unwrap();
        match event {
            ConnectionEvent::Report(Report::Offer { sdp, .. }) => {
                let sdp = without_data_section(&sdp);
                let answer = ConnectionCommand::Answer { negotiation: 1, sdp, tracks: vec![] };
                assert!(answerer.command(answer));
            }
            ConnectionEvent::Report(Report::Answer { .. }) => {
                answerer.request(request.take().unwrap());
            }
            ConnectionEvent::Report(Report::SectionMissing) => {
                assert_eq!((peer.as_str(), request.is_none()), ("p_1", true));
                break;
            }
            _ => {}
        }
    }
    pair.inbox.close();
    pair.close().await;
}

/// Turns an offer into that of a page without data channels.
fn without_data_section(sdp: &str) -> String {
    let (before, section) = sdp.split_once("m=application").unwrap();
    assert!(!section.contains("\nm="), "it is not the last one");
    let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap();
    let is_bundle = |line: &&str| line.starts_with("a=group:BUNDLE");
    let bundle = before.lines().find(is_bundle).unwrap();
    before.replace(bundle, &bundle.replace(&format!(" {mid}"), ""))
}

/// Two connections to each other that send audio and video; their messages name them `p_0` and
/// `p_1`.
struct Pair {
    connections: [Connection; 2],
    inbox: mpsc::Receiver<ConnectionMessage>,
    tasks: JoinSet<()>,
    /// Keeps the media playing.
    _media: Vec<Outgoing>,
}

impl Pair {
    fn open(offers: [bool; 2]) -> Self {
        let (messages, inbox) = mpsc::channel(1024);
        let (mut tasks, mut media) = (JoinSet::new(), Vec::new());
        let connections = [0, 1].map(|n| {
            let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false);
            let mut outgoing = Outgoing::new(&options);
            for kind in [MediaKind::Audio, MediaKind::Video] {
                let clip = Source::Clip.open_blocking(kind).unwrap();
                outgoing.publish(kind.into(), clip, TrackSource::File);
            }
            let watch = AddressWatch::start();
            let turn = TurnServers::new(Network::new(None, &[]).unwrap());
            let setup =
                Arc::new(Setup::new(&options, &[], outgoing.watch(), turn, watch.subscribe()));
            media.push(outgoing);
            let name = format!("p_{n}").parse().unwrap();
            let (messages, budget) = (messages.clone(), ByteBudget::default());
            Connection::open(setup, name, 1, offers[n], messages, budget, &mut tasks)
        });
        Self { connections, inbox, tasks, _media: media }
    }

    async fn close(self) {
        let Self { connections, inbox, mut tasks, .. } = self;
        drop((connections, inbox));
        while tasks.join_next().await.is_some() {}
    }
}
