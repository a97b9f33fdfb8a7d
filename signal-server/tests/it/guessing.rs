//! Wrong passwords of a room: how many are checked, and for whom.

use reqwest::Method;
use serde_json::{Value, json};
use signal_server::{ForwardedHeader, Limits};

use crate::common::program::{Served, program};
use crate::common::{Answer, Api, Participant, Room, answer, builder, text};

/// A server behind a proxy, which these tests play.
async fn behind_a_proxy() -> Api {
    let proxies = ["127.0.0.1/32".parse().unwrap()];
    let builder = builder().limits(Limits::default()).unwrap();
    Api::start_with(builder.trusted_proxies(proxies, ForwardedHeader::XForwardedFor)).await
}

async fn join_from(api: &Api, client: &str, room: &Room, password: &str) -> Answer {
    api.join_from(client, &room.id, &json!({"password": password})).await
}

/// Twenty strangers in networks of their own.
async fn exhaust(api: &Api, room: &Room) {
    for network in 0..20 {
        let stranger = format!("203.0.{network}.1");
        let guess = join_from(api, &stranger, room, "wrong!").await;
        assert_eq!(guess.refused(), (401, "wrong_password"), "{stranger}");
    }
    let locked = join_from(api, "203.0.99.1", room, &room.password).await;
    assert_eq!(locked.refused(), (429, "password_locked"));
}

async fn attempts_left(api: &Api, room: &Room) -> Value {
    api.ask(Method::GET, room, "").await.data()["password_attempts_left"].take()
}

#[tokio::test]
async fn a_creator_hears_that_strangers_have_used_up_its_rooms_guesses_and_gives_them_back() {
    let api = behind_a_proxy().await;
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    assert_eq!(attempts_left(&api, &room).await, 20);
    exhaust(&api, &room).await;
    let heard = creator.hear().await;
    assert_eq!((&heard["type"], &heard["left"]), (&json!("password_attempts"), &json!(0)));
    let millis = heard["retry_after_ms"].as_u64().unwrap();
    assert!((1..=180_000).contains(&millis), "{heard}");
    assert_eq!(attempts_left(&api, &room).await, 0);

    // A creator that comes back is told, too.
    drop(creator);
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    assert_eq!(creator.hear().await["type"], "password_attempts");

    let restored = api.change(&room, &json!({"restore_attempts": true})).await.data();
    assert_eq!(restored["password_attempts_left"], 20);
    assert!(restored.get("password").is_none(), "{restored}");
    let heard = creator.hear().await;
    assert_eq!(heard, json!({"type": "password_attempts", "left": 20, "retry_after_ms": 0}));
    join_from(&api, "203.0.99.1", &room, &room.password).await.data();
}

#[tokio::test]
async fn guesses_are_given_back_ten_times_and_a_refused_change_changes_nothing() {
    let api = Api::start().await;
    let room = api.room().await;
    for _ in 0..10 {
        api.change(&room, &json!({"restore_attempts": true})).await.data();
    }
    let both = json!({"restore_attempts": true, "locked": true});
    assert_eq!(api.change(&room, &both).await.refused(), (429, "rate_limited"));
    assert_eq!(api.ask(Method::GET, &room, "").await.data()["locked"], false);
    api.change(&room, &json!({"restore_attempts": false, "locked": true})).await.data();
}

#[tokio::test]
async fn whoever_is_locked_out_is_told_to_come_back_in_whole_three_minutes() {
    let api = behind_a_proxy().await;
    let room = api.room().await;
    exhaust(&api, &room).await;
    let mut told = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let path = format!("/api/webrtc/rooms/{}/join", room.id);
        let refused =
            api.request(Method::POST, &path).json(&json!({"password": "wrong!"})).send().await;
        let refused = refused.unwrap();
        assert_eq!(refused.status(), 429);
        let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert_eq!(after % 180, 0, "{after}");
        told.insert(after);
    }
    assert!(told.len() > 1, "{told:?}");
}

#[tokio::test]
async fn one_network_locks_nobody_out_but_itself() {
    let api = behind_a_proxy().await;
    let room = api.room().await;
    for host in 1..=10 {
        let neighbour = format!("203.0.113.{host}");
        assert_eq!(join_from(&api, &neighbour, &room, "wrong!").await.status, 401);
    }
    let locked = join_from(&api, "203.0.113.11", &room, &room.password).await;
    assert_eq!(locked.refused(), (429, "password_locked"));
    join_from(&api, "198.51.100.1", &room, &room.password).await.data();
}

#[tokio::test]
async fn whoever_was_in_the_room_and_whoever_has_an_invite_enter_while_strangers_guess() {
    let api = behind_a_proxy().await;
    let created = api.create(&json!({})).await.data();
    let (id, password) = (text(&created["room_id"]), text(&created["password"]));
    let room = Room { id, password, access_token: api.access_token("alice") };
    let home = "198.51.100.7";
    let joined = join_from(&api, home, &room, &room.password).await.data();
    let url = api.socket_url(&room.id, &text(&joined["ws_token"]));
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(url)
            .unwrap();
    request.headers_mut().insert("x-forwarded-for", home.parse().unwrap());
    let (mut guest, _) = Participant::connect(request).await.unwrap();
    guest.joined().await;
    guest.close().await;
    exhaust(&api, &room).await;
    for _ in 0..3 {
        join_from(&api, home, &room, &room.password).await.data();
        assert_eq!(join_from(&api, home, &room, "wrong!").await.refused().0, 401);
    }
    let locked = join_from(&api, home, &room, &room.password).await;
    assert_eq!(locked.refused(), (429, "password_locked"));
    api.join(&room.id, &json!({"invite_token": created["invite_token"]})).await.data();
}

#[tokio::test]
async fn a_password_is_taken_however_it_was_typed_and_what_cannot_be_one_costs_nothing() {
    let api = Api::start_with(builder().limits(Limits::default()).unwrap()).await;
    let created = api.create(&json!({"password": " １２３４５６\u{200b}"})).await.data();
    assert_eq!(created["password"], "123456");
    let room = text(&created["room_id"]);
    let join = async |password: Value| api.join(&room, &json!({"password": password})).await;
    for typed in ["123456", "123456 ", "\n123456", "\u{feff}123456", "１２３４５６", "١٢٣٤٥٦"]
    {
        join(json!(typed)).await.data();
    }
    for impossible in ["", " ", "12345", "1234567", "12\u{200b}456", "密码密码密码"] {
        for _ in 0..30 {
            assert_eq!(join(json!(impossible)).await.refused(), (401, "wrong_password"));
        }
    }
    join(json!("123456")).await.data();
    let changed = json!({"rotate_password": "ｓｅｃｒｅｔ"});
    let path = format!("/api/webrtc/rooms/{room}");
    let token = api.access_token("alice");
    let changed = answer(api.request(Method::PATCH, &path).bearer_auth(token).json(&changed)).await;
    assert_eq!(changed.data()["password"], "secret");
    // An attempt at a room that does not exist counts, too.
    for _ in 0..10 {
        let unknown = api.join("222222", &json!({"password": ""})).await;
        assert_eq!(unknown.refused(), (404, "room_not_found"));
    }
    assert_eq!(api.join("222222", &json!({"password": ""})).await.refused().0, 429);
}

#[tokio::test]
async fn half_an_emoji_is_dropped_from_a_name_and_makes_no_password() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let path = format!("/api/webrtc/rooms/{}/join", room.id);
    let join = async |body: String| {
        let request = api.request(Method::POST, &path).header("content-type", "application/json");
        answer(request.body(body)).await
    };
    let body = format!(r#"{{"password":"{}","display_name":"Tom\ud83d"}}"#, room.password);
    let token = text(&join(body).await.data()["ws_token"]);
    let (mut guest, _) = api.enter_v2(&room, &token).await;
    assert_eq!(creator.hear().await["participant"]["name"], "Tom");
    guest.say_text(r#"{"type":"update","name":"\ude00Tim"}"#).await;
    assert_eq!(creator.hear().await["name"], "Tim");
    let body = format!(r#"{{"password":"{}\ud83d"}}"#, room.password);
    assert_eq!(join(body).await.refused(), (401, "wrong_password"));
}

#[tokio::test]
async fn a_room_id_is_taken_however_it_was_typed() {
    let api = Api::start().await;
    let room = api.room().await;
    let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap();
    let typed: String = room.id.chars().map(wide).collect();
    for id in [typed, format!("%20{}%E2%80%8B", room.id.to_lowercase())] {
        api.join(&id, &json!({"password": room.password})).await.data();
        api.attach(&id, &room.access_token).await.joined().await;
    }
}

#[tokio::test]
async fn a_resume_token_tells_that_a_room_is_over_to_those_only_who_were_in_it() {
    let api = Api::start().await;
    let room = api.room().await;
    let (guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    drop(guest);
    api.close(&room.id, &room.access_token).await.data();
    let (_, told) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(told["code"], "room_closed");
    let (_, untold) = api.resume(&room, "made-up").await;
    assert_eq!(untold["code"], "resume_failed");
    let unknown = Room { id: "222222".into(), ..room };
    assert_eq!(api.resume(&unknown, "made-up").await.1["code"], "resume_failed");
}

#[tokio::test]
async fn many_addresses_at_once_lock_the_creator_and_its_guests_out_for_minutes_and_not_for_good() {
    let trusted = ["--trusted-proxy", "127.0.0.1/32"];
    let args = [["serve", "--listen", "127.0.0.1:0"].as_slice(), &trusted].concat();
    let server = Served::start(&mut program(&args)).await;
    let room = server.api.room().await;
    let (mut creator, _) = server.api.enter_v2(&room, &room.access_token).await;
    let mut attack = tokio::task::JoinSet::new();
    for network in 0..60 {
        let (api, id) = (Api::at(server.api.address()), room.id.clone());
        attack.spawn(async move {
            let stranger = format!("203.0.{network}.1");
            api.join_from(&stranger, &id, &json!({"password": "wrong!"})).await.status
        });
    }
    let statuses = attack.join_all().await;
    let answered = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!((answered, statuses.len() - answered), (20, 40), "{statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert_eq!(creator.hear().await["type"], "password_attempts");
    let locked = join_from(&server.api, "198.51.100.1", &room, &room.password).await;
    assert_eq!(locked.refused(), (429, "password_locked"));
    server.api.change(&room, &json!({"restore_attempts": true})).await.data();
    join_from(&server.api, "198.51.100.1", &room, &room.password).await.data();
}
