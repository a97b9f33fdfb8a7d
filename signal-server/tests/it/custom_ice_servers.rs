//! ICE servers from code of the embedder, which may fail in every way.

use std::error::Error;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde_json::{Value, json};
use signal_server::{Builder, IceRequest, IceServer, IceServerSource, IceServers, async_trait};
use tokio::sync::Semaphore;

use crate::common::{Api, Participant, Room, builder, pass, text, until};

#[derive(Clone)]
struct Rented {
    asked: Arc<Mutex<Vec<IceRequest>>>,
    mood: Arc<Mutex<Mood>>,
    /// A permit for each waiting request that is answered.
    released: Arc<Semaphore>,
}

#[derive(Clone, Copy, Default)]
enum Mood {
    Failing,
    Hanging,
    Panicking,
    /// Until it is released.
    Waiting,
    #[default]
    Well,
}

#[async_trait]
impl IceServerSource for Rented {
    async fn ice_servers(
        &self,
        request: &IceRequest,
    ) -> Result<IceServers, Box<dyn Error + Send + Sync>> {
        self.asked.lock().unwrap().push(request.clone());
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Failing => return Err("the provider answers 500".into()),
            Mood::Hanging => pending().await,
            Mood::Panicking => panic!("a bug of the embedder's"),
            Mood::Waiting => self.released.acquire().await?.forget(),
            Mood::Well => {}
        }
        let turn =
            IceServer::turn(["turns:rented.example.com:443"], request.participant.to_string(), "c");
        Ok(IceServers {
            servers: vec![turn],
            expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000),
        })
    }
}

impl Rented {
    fn new() -> Self {
        Self { asked: Arc::default(), mood: Arc::default(), released: Arc::new(Semaphore::new(0)) }
    }

    fn builder(&self) -> Builder {
        builder().stun(["stun:configured.example.com".to_owned()]).ice_servers(self.clone())
    }

    fn become_so(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The participants that it was asked for since the last call.
    fn asked(&self) -> Vec<(String, bool)> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.iter().map(|request| (request.participant.to_string(), request.is_creator)).collect()
    }

    async fn until_asked(&self, times: usize) {
        until(|| self.asked.lock().unwrap().len() >= times).await;
    }
}

fn rented(participant: &str) -> Value {
    json!([{"urls": ["turns:rented.example.com:443"], "username": participant, "credential": "c"}])
}

fn configured() -> Value {
    json!([{"urls": ["stun:configured.example.com"]}])
}

#[tokio::test]
async fn each_participant_is_told_of_its_own_wherever_it_is_told_of_any() {
    let source = Rented::new();
    let api = Api::start_with(source.builder()).await;
    let created = api.create(&json!({"expires_minutes": 7})).await.data();
    let creator = text(&created["participant_id"]);
    assert_eq!(created["ice_servers"], rented(&creator));
    {
        let asked = source.asked.lock().unwrap();
        assert_eq!(asked[0].room.to_string(), text(&created["room_id"]));
        let minutes =
            asked[0].until.duration_since(SystemTime::now()).unwrap().as_secs_f64() / 60.0;
        assert!((5.0..=7.0).contains(&minutes), "{minutes}");
    }
    assert_eq!(source.asked(), [(creator.clone(), true)]);
    let room = Room {
        id: text(&created["room_id"]),
        password: text(&created["password"]),
        access_token: api.access_token("alice"),
    };
    let joined = api.join(&room.id, &json!({"password": room.password})).await.data();
    let guest = text(&joined["participant_id"]);
    assert_eq!(joined["ice_servers"], rented(&guest));
    // v1 sockets are told of none.
    api.creator(&room).await;
    assert_eq!(source.asked(), [(guest, false)]);

    let (mut socket, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let guest = text(&joined["participant_id"]);
    let expires_at = json!("2096-10-02T07:06:40Z");
    assert_eq!((&joined["ice_servers"], &joined["ice_expires_at"]), (&rented(&guest), &expires_at));
    socket.say(&json!({"type": "get_ice_servers", "req": "again"})).await;
    let again = socket.hear().await;
    assert_eq!((&again["type"], &again["req"]), (&json!("ice_servers"), &json!("again")));
    assert_eq!((&again["ice_servers"], &again["ice_expires_at"]), (&rented(&guest), &expires_at));
    drop(socket);
    let (_socket, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(resumed["ice_servers"], rented(&guest), "{resumed}");
    assert_eq!(source.asked(), vec![(guest, false); 4]);
}

#[tokio::test]
async fn when_it_fails_or_panics_everybody_gets_in_with_the_configured_ones() {
    let source = Rented::new();
    let api = Api::start_with(source.builder()).await;
    for mood in [Mood::Failing, Mood::Panicking] {
        source.become_so(mood);
        assert_eq!(api.create(&json!({})).await.data()["ice_servers"], configured());
        let room = api.room().await;
        let joined = api.join(&room.id, &json!({"password": room.password})).await.data();
        assert_eq!(joined["ice_servers"], configured());
        let (mut socket, joined) = api.enter_v2(&room, &text(&joined["ws_token"])).await;
        assert_eq!(joined["ice_servers"], configured());
        socket.say(&json!({"type": "get_ice_servers"})).await;
        assert_eq!(socket.hear().await["ice_servers"], configured());
        source.become_so(Mood::Well);
        socket.say(&json!({"type": "get_ice_servers"})).await;
        let well = socket.hear().await;
        assert_eq!(well["ice_servers"], rented(&text(&joined["participant_id"])));
    }
}

#[tokio::test]
async fn when_it_hangs_nobody_waits_for_ever() {
    let source = Rented::new();
    let api = Api::start_with(source.builder()).await;
    let room = api.room().await;
    let token = api.ws_token(&room, "guest").await;
    let (mut inside, _) = api.enter_v2(&room, &token).await;
    source.asked();
    source.become_so(Mood::Hanging);
    let (new, body) = (json!({}), json!({"password": room.password}));
    let later = async {
        source.until_asked(2).await;
        inside.say(&json!({"type": "get_ice_servers"})).await;
        source.until_asked(3).await;
        // Participants in the room are not affected.
        inside.say(&json!({"type": "ping", "t": 1})).await;
        assert_eq!(inside.hear().await["type"], "pong");
        pass(Duration::from_secs(4)).await;
        assert_eq!(inside.hear().await["ice_servers"], configured());
    };
    let (created, joined, ()) = tokio::join!(api.create(&new), api.join(&room.id, &body), later);
    assert_eq!(created.data()["ice_servers"], configured());
    assert_eq!(joined.data()["ice_servers"], configured());
}

#[tokio::test]
async fn a_participant_that_asks_often_has_one_asking_under_way_and_every_answer() {
    let source = Rented::new();
    let api = Api::start_with(source.builder()).await;
    let room = api.room().await;
    let (mut socket, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    source.asked();
    source.become_so(Mood::Waiting);
    for req in ["1", "2", "3", "4"] {
        socket.say(&json!({"type": "get_ice_servers", "req": req})).await;
    }
    socket.say(&json!({"type": "ping", "t": 1})).await;
    assert_eq!(socket.hear().await["type"], "pong");
    source.until_asked(1).await;
    assert_eq!(source.asked().len(), 1);
    source.released.add_permits(2);
    for req in ["1", "2", "3", "4"] {
        let told = socket.hear().await;
        assert_eq!((&told["type"], &told["req"]), (&json!("ice_servers"), &json!(req)));
    }
    assert_eq!(source.asked().len(), 1);
}

/// Tries to enter as v2, and returns the error.
async fn refused(api: &Api, room: &Room, token: &str) -> String {
    let url = api.socket_url(&room.id, token) + "&v=2";
    let error = Participant::connect(url).await.unwrap().0.hear().await;
    text(&error["code"])
}

#[tokio::test]
async fn it_is_not_asked_for_a_token_that_opens_no_seat() {
    let source = Rented::new();
    let api = Api::start_with(source.builder()).await;
    let room = api.room().await;
    let kicked = api.ws_token(&room, "kicked").await;
    let mut socket = api.attach(&room.id, &kicked).await;
    let id = socket.joined().await;
    api.ask(Method::DELETE, &room, &format!("/participants/{id}")).await.data();
    let late = api.ws_token(&room, "late").await;
    source.asked();

    assert_eq!(refused(&api, &room, &kicked).await, "token_invalid");
    api.change(&room, &json!({"locked": true})).await.data();
    assert_eq!(refused(&api, &room, &late).await, "forbidden");
    api.change(&room, &json!({"locked": false, "rotate_password": true})).await.data();
    assert_eq!(refused(&api, &room, &late).await, "token_invalid");
    api.close(&room.id, &room.access_token).await.data();
    for token in [&late, &room.access_token] {
        assert_eq!(refused(&api, &room, token).await, "room_closed");
    }
    assert_eq!(source.asked(), []);
}

#[tokio::test]
async fn it_is_asked_for_the_seat_that_a_token_has_taken() {
    let source = Rented::new();
    let api = Api::start_with(source.builder()).await;
    let room = api.room().await;
    let token = api.ws_token(&room, "first").await;
    // Somebody enters before, so that the id is not the promised one.
    api.guest(&room, "second").await;
    let (_older, joined) = api.enter_v2(&room, &token).await;
    let seat = text(&joined["participant_id"]);
    source.asked();
    api.enter_v2(&room, &token).await;
    assert_eq!(source.asked(), [(seat, false)]);
}

#[test]
fn credentials_do_not_show() {
    let server = IceServer::turn(["turn:turn.example.com"], "user", "the-credential");
    let shown =
        format!("{:?}", IceServers { servers: vec![server], expires_at: SystemTime::UNIX_EPOCH });
    assert!(
        shown.contains("turn:turn.example.com") && !shown.contains("the-credential"),
        "{shown}"
    );
}
