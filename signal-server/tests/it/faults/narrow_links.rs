//! Participants whose links take little, in rooms that send them more.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use super::{broadcast, narrow_socket, serve};
use crate::common::program::Served;
use crate::common::{Participant, Room, text};

/// In bytes a second.
const FOUR_MEGABIT: f64 = 500_000.0;
const A_QUARTER_MEGABIT: f64 = 32_000.0;
/// What may wait for a socket: `--max-unsent-bytes`.
const QUEUE: f64 = 2.0 * 1024.0 * 1024.0;
/// Up to how much nobody is refused.
const FAIR: f64 = 256.0 * 1024.0;
const PAYLOAD: usize = 8 * 1024;
/// They come from one address.
const FLOODERS: usize = 11;
/// With a newcomer they fill a room.
const MEMBERS: usize = 49;

#[tokio::test(flavor = "multi_thread")]
async fn eleven_seats_of_one_address_do_not_put_a_reader_of_four_megabit_out() {
    let server = serve(&[]).await;
    let (mut room, mut reader) = Flooded::enter(&server).await;
    let flooding = async {
        // Within the budget of each; in all more than may wait for a socket.
        for round in 0..40 {
            room.flood(round).await;
        }
    };
    let reading = async {
        let mut expected: u64 = 0;
        while expected < 40 {
            let heard = hear_at(FOUR_MEGABIT, &mut reader).await;
            if let Some(mark) =
                heard["candidate"].as_str().and_then(|text| text.parse::<u64>().ok())
            {
                assert_eq!(expected, mark);
                expected += 1;
            }
        }
    };
    tokio::join!(flooding, reading);
    room.only_flooders_were_refused(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_one_byte_in_four_seconds_never_holds_more_than_two_mebibytes() {
    let server = serve(&[]).await;
    let (mut room, mut reader) = Flooded::enter(&server).await;
    let reading = async {
        for _ in 0..3 {
            reader.tcp().read_u8().await.unwrap();
            sleep(Duration::from_secs(4)).await;
        }
    };
    let flooding = async {
        let mut pause = interval(Duration::from_millis(100));
        for round in 0.. {
            room.flood(round).await;
            pause.tick().await;
        }
    };
    let mut most_queued: f64 = 0.0;
    let watching = async {
        loop {
            most_queued = most_queued.max(server.metric("signal_queued_bytes").await);
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = reading => {}
        () = flooding => unreachable!("it floods without an end"),
        () = watching => unreachable!("it watches without an end"),
    }
    println!("{most_queued} bytes queued at most");
    assert!(most_queued > FAIR, "{most_queued}");
    assert!(most_queued <= QUEUE, "{most_queued}");
    room.only_flooders_were_refused(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_of_a_quarter_megabit_enters_a_full_room_and_nobody_is_refused() {
    let server = serve(&[]).await;
    tokio::join!(enter_full_room(&server, ""), enter_full_room(&server, "&v=2"));
    let closed = server.metric(r#"signal_refusals_total{setting="max-unsent-bytes"}"#).await;
    assert_eq!(closed, 0.0);
}

#[tokio::test]
async fn whoever_does_not_read_is_heard_all_the_same() {
    let server = serve(&[]).await;
    let room = server.api.room().await;
    let (mut creator, _) = server.api.enter_v2(&room, &room.access_token).await;
    let token = server.api.ws_token(&room, "does not read").await;
    let (mut unreading, _) = enter(&server, &room, &token, "&v=2", narrow_socket()).await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    // More than the systems on both sides take, so that the server has something left to write.
    while server.metric("signal_queued_bytes").await < FAIR / 2.0 {
        creator.say(&broadcast("x".repeat(PAYLOAD))).await;
    }
    for number in 0..20 {
        unreading.say(&broadcast(number)).await;
        assert_eq!(creator.hear().await["data"], number);
    }
}

/// A room in which some flood a reader with a narrow link, and its creator does not.
struct Flooded {
    creator: Participant,
    flooders: Vec<Participant>,
    reader: String,
}

impl Flooded {
    async fn enter(server: &Served) -> (Self, Participant) {
        let room = server.api.room_with(&json!({"max_participants": FLOODERS + 2})).await;
        let (creator, _) = server.api.enter_v2(&room, &room.access_token).await;
        let token = server.api.ws_token(&room, "reader").await;
        let (reader, joined) = enter(server, &room, &token, "&v=2", narrow_socket()).await;
        let mut flooders = Vec::new();
        for _ in 0..FLOODERS {
            let token = server.api.ws_token(&room, "flooder").await;
            flooders.push(server.api.enter_v2(&room, &token).await.0);
        }
        (Self { creator, flooders, reader: text(&joined["participant_id"]) }, reader)
    }

    /// Each of them sends something long, and the creator the number of the round.
    async fn flood(&mut self, round: u64) {
        let long =
            json!({"type": "candidate", "to": self.reader, "candidate": "x".repeat(PAYLOAD)});
        for flooder in &mut self.flooders {
            flooder.say(&long).await;
        }
        let mark = json!({"type": "candidate", "to": self.reader, "candidate": round.to_string()});
        self.creator.say(&mark).await;
    }

    async fn only_flooders_were_refused(mut self, server: &Served) {
        let closed = server.metric(r#"signal_refusals_total{setting="max-unsent-bytes"}"#).await;
        assert_eq!(closed, 0.0, "the reader stays");
        assert_eq!(refusals(&mut self.creator).await, 0);
        let mut of_flooders = 0;
        for flooder in &mut self.flooders {
            of_flooders += refusals(flooder).await;
        }
        assert!(of_flooders > 0);
    }
}

/// How many refusals have come up to now.
async fn refusals(participant: &mut Participant) -> usize {
    participant.say(&json!({"type": "ping", "t": 1})).await;
    let mut refusals = 0;
    loop {
        let heard = participant.hear().await;
        match heard["type"].as_str().unwrap() {
            "pong" => return refusals,
            "peer_joined" => {}
            "error" => {
                assert_eq!(heard["code"], "rate_limited", "{heard}");
                refusals += 1;
            }
            other => panic!("{other}"),
        }
    }
}

/// A newcomer connects to everybody, who answer at once and with as much as a browser does.
async fn enter_full_room(server: &Served, version: &str) {
    let room = server.api.room_with(&json!({"max_participants": MEMBERS + 1})).await;
    let mut members = Vec::new();
    for number in 0..MEMBERS {
        let token = match number {
            0 => room.access_token.clone(),
            _ => server.api.ws_token(&room, "member").await,
        };
        let socket = TcpSocket::new_v4().unwrap();
        members.push(enter(server, &room, &token, version, socket).await.0);
    }
    let token = server.api.ws_token(&room, "newcomer").await;
    let (mut newcomer, joined) = enter(server, &room, &token, version, narrow_socket()).await;
    let id = text(&joined["participant_id"]);
    let answering: JoinSet<Participant> =
        members.into_iter().map(|member| answer_newcomer(member, id.clone())).collect();
    for member in joined["participants"].as_array().unwrap() {
        newcomer.say(&json!({"type": "offer", "to": member["id"], "sdp": "v=0"})).await;
    }
    let mut heard_of: HashMap<String, Vec<String>> = HashMap::new();
    for _ in 0..MEMBERS * 11 {
        let heard = hear_at(A_QUARTER_MEGABIT, &mut newcomer).await;
        heard_of.entry(text(&heard["from"])).or_default().push(text(&heard["type"]));
    }
    let _members = answering.join_all().await;
    assert_eq!(heard_of.len(), MEMBERS);
    for of_member in heard_of.values() {
        let (answer, candidates) = of_member.split_first().unwrap();
        assert_eq!((answer.as_str(), candidates.len()), ("answer", 10));
        assert!(candidates.iter().all(|kind| kind == "candidate"), "{candidates:?}");
    }
}

/// Sends an answer of 8 KiB with ten candidates, none of which is refused.
async fn answer_newcomer(mut member: Participant, newcomer: String) -> Participant {
    loop {
        let heard = member.hear().await;
        match heard["type"].as_str().unwrap() {
            "peer_joined" => {}
            "offer" => break,
            other => panic!("{other}"),
        }
    }
    let sdp = "x".repeat(PAYLOAD);
    member.say(&json!({"type": "answer", "to": newcomer, "sdp": sdp})).await;
    for port in 50_000..50_010 {
        let line = format!("candidate:1 1 udp 2122260223 192.0.2.1 {port} typ host generation 0");
        let candidate = json!({"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0});
        let message = json!({"type": "candidate", "to": newcomer, "candidate": candidate});
        member.say(&message).await;
    }
    // Whatever is refused is told before the answer to this.
    member.say_text(r#"{"type":"marker"}"#).await;
    let heard = member.hear().await;
    assert_eq!(heard["code"], "unknown_type", "{heard}");
    member
}

async fn enter(
    server: &Served,
    room: &Room,
    token: &str,
    version: &str,
    socket: TcpSocket,
) -> (Participant, Value) {
    let url = server.api.socket_url(&room.id, token) + version;
    let (mut participant, _) = Participant::connect_from(socket, url).await.unwrap();
    let joined = participant.hear().await;
    assert_eq!(joined["type"], "joined", "{joined}");
    (participant, joined)
}

/// The next message, and then as long a pause as a link of so many bytes a second takes for it.
async fn hear_at(bytes_per_second: f64, participant: &mut Participant) -> Value {
    let heard = participant.hear_text().await;
    sleep(Duration::from_secs_f64(heard.len() as f64 / bytes_per_second)).await;
    serde_json::from_str(&heard).unwrap()
}
