//! Two connections to each other, without a server between them.

use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::*;
use crate::ice::IceServer;
use crate::media::{MediaKind, Outgoing, Source};
use crate::options::Options;

#[tokio::test]
async fn an_answer_is_followed_by_no_wish_to_offer() {
    // Whether the wish from before the answer is read only after it hangs on the order of two tasks.
    for _ in 0..10 {
        let mut pair = Pair::open([true, false]);
        let [offerer, answerer] = &pair.connections;
        assert!(offerer.command(Command::Offer { negotiation: 1, restart_ice: false }));
        let mut is_answered = false;
        let mut connected = 0;
        while connected < 2 {
            let Message { peer, told, .. } = pair.inbox.recv().await.unwrap();
            let other = if peer.as_str() == "p_0" { answerer } else { offerer };
            let Told::Session(report) = told else { continue };
            match report {
                Report::Answer { sdp, .. } => {
                    is_answered = true;
                    assert!(other.command(Command::Accept { sdp }));
                }
                Report::Candidate(candidate) => {
                    assert!(other.command(Command::Candidate(candidate)))
                }
                Report::IceConnected => {}
                Report::NegotiationNeeded => assert!(!is_answered, "{peer} does"),
                Report::Offer { sdp, .. } => {
                    assert!(other.command(Command::Answer { negotiation: 1, sdp, tracks: vec![] }));
                }
                Report::Broken => panic!("{peer} is broken"),
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
        assert!(connection.command(Command::Offer { negotiation: 1, restart_ice: false }));
    }
    let (mut winners_candidates, mut losers_candidates) = (Vec::new(), Vec::new());
    let (mut is_settled, mut news) = (false, Vec::new());
    while news.len() < 8 {
        let Message { peer, told, .. } = pair.inbox.recv().await.unwrap();
        let is_winner = peer.as_str() == "p_0";
        match told {
            Told::Session(Report::Offer { sdp, .. }) if is_winner => {
                assert!(loser.command(Command::Rollback));
                assert!(loser.command(Command::Answer { negotiation: 2, sdp, tracks: vec![] }));
            }
            Told::Session(Report::Answer { sdp, .. }) => {
                assert!(winner.command(Command::Accept { sdp }));
                is_settled = true;
            }
            Told::Session(Report::Candidate(candidate)) if is_winner => {
                winners_candidates.push(candidate);
            }
            Told::Session(Report::Candidate(candidate)) => losers_candidates.push(candidate),
            Told::Session(Report::State(ConnectionState::Connected))
            | Told::DataChannelOpen
            | Told::Track(_) => news.push(peer),
            Told::Session(Report::Broken | Report::State(ConnectionState::Failed)) => {
                panic!("{peer} failed")
            }
            Told::Session(_) | Told::Data(_) | Told::DataChannel(_) => {}
        }
        if is_settled {
            for candidate in winners_candidates.drain(..) {
                assert!(loser.command(Command::Candidate(candidate)));
            }
            for candidate in losers_candidates.drain(..) {
                assert!(winner.command(Command::Candidate(candidate)));
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
    assert!(connection.command(Command::Offer { negotiation: 1, restart_ice: false }));
    let stun = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let url = format!("stun:{}", stun.local_addr().unwrap());
    let server = IceServer { urls: vec![url], username: None, credential: None };
    let newer = connection.setup.borrow().with_ice_servers(&[server]);
    connection.set_up(Arc::new(newer));
    assert!(connection.command(Command::Rollback));
    assert!(connection.command(Command::Offer { negotiation: 2, restart_ice: true }));
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

/// Two connections to each other that send audio and video; their messages name them `p_0` and `p_1`.
struct Pair {
    connections: [Connection; 2],
    inbox: mpsc::Receiver<Message>,
    tasks: JoinSet<()>,
    /// Keeps it playing.
    _media: Vec<Outgoing>,
}

impl Pair {
    fn open(offers: [bool; 2]) -> Self {
        let (messages, inbox) = mpsc::channel(1024);
        let (mut tasks, mut media) = (JoinSet::new(), Vec::new());
        let connections = [0, 1].map(|n| {
            let options = Options::new().bind_address("127.0.0.1:0").mdns(false);
            let mut outgoing = Outgoing::new(&options);
            let clip = Some(&Source::Clip);
            let failed = outgoing.publish_all([(MediaKind::Audio, clip), (MediaKind::Video, clip)]);
            assert!(failed.is_empty());
            let setup = Arc::new(Setup::new(&options, &[], outgoing.watch()));
            media.push(outgoing);
            let name = format!("p_{n}").parse().unwrap();
            Connection::open(setup, name, 1, offers[n], messages.clone(), &mut tasks)
        });
        Self { connections, inbox, tasks, _media: media }
    }

    async fn close(self) {
        let Self { connections, inbox, mut tasks, .. } = self;
        drop((connections, inbox));
        while tasks.join_next().await.is_some() {}
    }
}
