//! A leave reaches the server, also one that can be reached only after a while, and nothing but a
//! leave closes a room.

use std::net::Ipv4Addr;
use std::time::Duration;

use client_sdk::{Client, CreatedRoom, NewRoom, OnCreatorLeave};
use futures_util::{SinkExt, StreamExt};
use signal_core::config::HubConfig;
use signal_server::{Secret, Server, testing};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{accept_async, connect_async};

use crate::common::wire::Wire;
use crate::common::{InTime, Witness, client, listener, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_reaches_the_server_even_if_the_program_ends_at_once() {
    let server = server().await;
    let (url, token) = (server.url(), server.access_token("alice"));
    let program = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::new(&url).unwrap();
            let (room, creator) =
                client.create(&token, &NewRoom::default(), listener()).await.unwrap();
            creator.leave().await;
            room
        })
    });
    let room = program.join().unwrap();
    until_closed(&client(&server), &room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_reaches_the_server_though_there_is_more_to_read() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    for _ in 0..20 {
        let (room, creator) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
        let guest = client.join_room(&room.room_id, &room.password, "guest").await.unwrap();
        let url = client.signaling_url(&room.room_id, &guest.ws_token);
        let (mut guest, _) = connect_async(url).await.unwrap();
        let frame = format!(r#"{{"type":"candidate","to":"{}","candidate":""}}"#, creator.id());
        for _ in 0..100 {
            guest.feed(Message::text(frame.as_str())).await.unwrap();
        }
        guest.flush().await.unwrap();
        creator.leave().await;
        until_closed(&client, &room).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_during_an_outage_reaches_the_server_after_it() {
    let server = server().await;
    let (wire, flaky) = Wire::to(server.address()).await;
    let token = server.access_token("alice");
    let (room, creator) = flaky.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let mut creator = Witness::new(creator);
    wire.refuse(true);
    wire.cut();
    creator.until("the outage", |seen| seen.is_reconnecting).await;
    let leaving = tokio::spawn(creator.participant.leave());
    sleep(Duration::from_millis(300)).await;
    wire.refuse(false);
    leaving.await.unwrap();
    until_closed(&client(&server), &room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_that_is_lost_with_its_socket_is_sent_again() {
    let server = server().await;
    let (wire, flaky) = Wire::to(server.address()).await;
    let token = server.access_token("alice");
    let (room, creator) = flaky.create(&token, &NewRoom::default(), listener()).await.unwrap();
    wire.hold();
    let leaving = tokio::spawn(creator.leave());
    wire.until_held(1).await;
    wire.cut();
    wire.let_go(0).await;
    leaving.await.unwrap();
    until_closed(&client(&server), &room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_that_a_server_answers_by_stopping_is_sent_again() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = async {
        for (welcome, code) in [(JOINED, 4001), (RESUMED, 1000)] {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(socket).await.unwrap();
            socket.send(Message::text(welcome)).await.unwrap();
            while !socket.next().await.unwrap().unwrap().to_string().contains(r#""leave""#) {}
            let close = CloseFrame { code: code.into(), reason: "".into() };
            socket.close(Some(close)).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let guest = async {
        let guest = client.enter("ABC234", "token", Vec::new(), self::listener()).await.unwrap();
        guest.leave().await;
    };
    async { tokio::join!(server, guest) }.in_time("the second leave").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_does_not_wait_for_a_server_that_is_gone() {
    let server = server().await;
    let (wire, flaky) = Wire::to(server.address()).await;
    let token = server.access_token("alice");
    let (_, creator) = flaky.create(&token, &NewRoom::default(), listener()).await.unwrap();
    wire.refuse(true);
    wire.cut();
    creator.leave().in_time("the end of the leave").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_that_is_dropped_during_an_outage_gives_up_its_seat_after_it() {
    let grace = HubConfig::with(|config| config.resume_grace = Duration::from_secs(600));
    let server =
        testing::start_with(Server::builder(Secret::random()).hub(grace).unwrap()).await.unwrap();
    let (steady, token) = (client(&server), server.access_token("alice"));
    let (wire, flaky) = Wire::to(server.address()).await;
    let (room, creator) = steady.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let guest = flaky.join(&room.room_id, &room.password, "guest", listener()).await.unwrap();
    let (mut creator, mut guest) = (Witness::new(creator), Witness::new(guest));
    let gone = guest.id();
    creator.until("the guest", |seen| seen.is_connected(gone)).await;
    wire.refuse(true);
    wire.cut();
    guest.until("the outage", |seen| seen.is_reconnecting).await;
    drop(guest);
    wire.refuse(false);
    let seats = async {
        while steady.show_room(&token, &room.room_id).await.unwrap().participants.len() > 1 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    seats.in_time("the end of the seat").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_its_creator_gives_up_entering_is_closed() {
    let server = server().await;
    let (wire, slow) = Wire::to(server.address()).await;
    let (steady, token) = (client(&server), server.access_token("alice"));
    wire.hold_websockets();
    let creator = token.clone();
    let entering = tokio::spawn(async move {
        slow.create(&creator, &NewRoom::default(), listener()).await.map(drop)
    });
    wire.until_held(1).await;
    assert_eq!(steady.list_rooms(&token).await.unwrap().len(), 1);
    entering.abort();
    let open = async {
        while !steady.list_rooms(&token).await.unwrap().is_empty() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    open.in_time("the end of the room").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_that_panics_or_is_dropped_does_not_close_its_room() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    for panics in [true, false] {
        let (room, creator) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
        let guest = client.join(&room.room_id, &room.password, "guest", listener()).await.unwrap();
        let (mut guest, gone) = (Witness::new(guest), creator.id());
        guest.until("the creator", |seen| seen.present.contains(&gone)).await;
        let program = tokio::spawn(async move {
            let _creator = creator;
            assert!(!panics, "a fault of the application");
        });
        assert_eq!(program.await.is_err(), panics);
        guest.until("the creator's end", |seen| !seen.present.contains(&gone)).await;
        assert_eq!(guest.closed, None);
        client.join_room(&room.room_id, &room.password, "late").await.unwrap();
        guest.participant.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_may_outlive_the_leave_of_its_creator() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    let keep = NewRoom { on_creator_leave: Some(OnCreatorLeave::Keep), ..NewRoom::default() };
    let (room, creator) = client.create(&token, &keep, listener()).await.unwrap();
    creator.leave().await;
    client.join(&room.room_id, &room.password, "guest", listener()).await.unwrap();
}

const JOINED: &str = r#"{"type":"joined","v":2,"participant_id":"p_m","participants":[],
    "room":{"id":"ABC234","name":"x","max_participants":10,"expires_at":"2125-12-05T12:00:00Z",
    "locked":false},"ice_servers":[],"ice_expires_at":"2125-12-05T12:00:00Z","resume_token":"r1",
    "resume_grace_ms":30000,"server_time":"2125-12-05T11:00:00Z"}"#;
const RESUMED: &str = r#"{"type":"resumed","seq":1,"received":0,"replayed":0,"resume_token":"r2",
    "ice_servers":[],"ice_expires_at":"2125-12-05T12:00:00Z"}"#;

/// A creator whose connection merely breaks off does not close its room.
async fn until_closed(client: &Client, room: &CreatedRoom) {
    let refused = async {
        loop {
            match client.join_room(&room.room_id, &room.password, "late").await {
                Err(error) => return error,
                Ok(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let error = refused.in_time("the end of the room").await;
    assert_eq!(error.code(), Some("room_not_found"));
}
