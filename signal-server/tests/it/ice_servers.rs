//! ICE servers, with TURN credentials as coturn checks them.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;
use signal_core::{Timestamp, wire};
use signal_server::{DisplayName, Limits, MintToken, Secret};

use crate::common::{self, Answer, Api, answer, builder, keys, text};

const TURN_SECRET: &str = "static-auth-secret";
const TURN_URLS: [&str; 2] =
    ["turn:turn.example.com:3478?transport=udp", "turns:turn.example.com:5349?transport=tcp"];
const STUN_URLS: [&str; 1] = ["stun:stun.example.com:3478"];

/// Checks one answer's servers against what coturn would compute, and gives the part after the
/// expiry.
fn checked_user(ice_servers: &Value, expires_at: &str) -> String {
    assert_eq!(ice_servers.as_array().unwrap().len(), 2);
    let (turn, stun) = (&ice_servers[0], &ice_servers[1]);
    assert_eq!(*stun, json!({"urls": STUN_URLS}));
    assert_eq!(keys(turn), ["credential", "urls", "username"]);
    assert_eq!(turn["urls"], json!(TURN_URLS));

    let username = text(&turn["username"]);
    let mut mac = Hmac::<Sha1>::new_from_slice(TURN_SECRET.as_bytes()).unwrap();
    mac.update(username.as_bytes());
    let credential = BASE64_STANDARD.decode(text(&turn["credential"])).unwrap();
    mac.verify_slice(&credential).unwrap();

    let (expiry, user) = username.split_once(':').unwrap();
    let expiry = Timestamp::from_millis(0) + Duration::from_secs(expiry.parse().unwrap());
    assert_eq!(wire::rfc3339(expiry), expires_at, "credentials last as long as the room");
    user.to_owned()
}

#[tokio::test]
async fn each_participant_gets_credentials_of_its_own_that_last_as_long_as_the_room() {
    let builder = builder()
        .turn(Secret::new(TURN_SECRET), TURN_URLS.map(str::to_owned))
        .stun(STUN_URLS.map(str::to_owned));
    let api = Api::start_with(builder).await;
    let created = api.create(&json!({"expires_minutes": 7})).await.data();
    let expires_at = text(&created["expires_at"]);
    let creator = checked_user(&created["ice_servers"], &expires_at);
    assert_eq!(creator, format!("user_{}", text(&created["participant_id"])));

    for _ in 0..2 {
        let body = json!({"password": created["password"]});
        let joined = api.join(&text(&created["room_id"]), &body).await.data();
        let guest = checked_user(&joined["ice_servers"], &expires_at);
        assert_eq!(guest, format!("guest_{}", text(&joined["participant_id"])));
    }
}

#[tokio::test]
async fn stun_alone_needs_no_credentials() {
    let api = Api::start_with(builder().stun(STUN_URLS.map(str::to_owned))).await;
    assert_eq!(api.create(&json!({})).await.data()["ice_servers"], json!([{"urls": STUN_URLS}]));
}

async fn ask(api: &Api, room: &str, token: Option<&str>) -> Answer {
    let request = api.request(Method::POST, &format!("/api/webrtc/rooms/{room}/ice-servers"));
    answer(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

#[tokio::test]
async fn whoever_has_a_token_may_ask_again_and_gets_them_for_its_own_id() {
    let builder = builder()
        .turn(Secret::new(TURN_SECRET), TURN_URLS.map(str::to_owned))
        .stun(STUN_URLS.map(str::to_owned));
    let api = Api::start_with(builder).await;
    let room = api.room().await;
    let first = api.join(&room.id, &json!({"password": room.password})).await.data();
    let first_token = text(&first["ws_token"]);
    let promised = ask(&api, &room.id.to_lowercase(), Some(&first_token)).await.data();
    assert_eq!(keys(&promised), ["ice_expires_at", "ice_servers"]);
    let expires_at = text(&promised["ice_expires_at"]);
    let user = checked_user(&promised["ice_servers"], &expires_at);
    assert_eq!(user, format!("guest_{}", text(&first["participant_id"])));

    // Somebody enters before, so that the id is another one.
    api.guest(&room, "second").await;
    let mut socket = api.attach(&room.id, &first_token).await;
    let id = socket.joined().await;
    assert_ne!(json!(id), first["participant_id"]);
    let seated = ask(&api, &room.id, Some(&first_token)).await.data();
    assert_eq!(checked_user(&seated["ice_servers"], &expires_at), format!("guest_{id}"));

    let created = api.create(&json!({})).await.data();
    let id = text(&created["room_id"]);
    for token in [text(&created["ws_token"]), room.access_token.clone()] {
        let servers = ask(&api, &id, Some(&token)).await.data();
        let user = checked_user(&servers["ice_servers"], &text(&created["expires_at"]));
        assert_eq!(user, format!("user_{}", text(&created["participant_id"])));
    }

    // They last as long as the room does by then.
    api.change(&room, &json!({"expires_minutes": 1440})).await.data();
    let later = ask(&api, &room.id, Some(&first_token)).await.data();
    assert!(text(&later["ice_expires_at"]) > expires_at);
    checked_user(&later["ice_servers"], &text(&later["ice_expires_at"]));
}

#[tokio::test]
async fn a_token_that_opens_no_seat_gets_no_ice_servers() {
    let api = Api::start_with(builder().stun(STUN_URLS.map(str::to_owned))).await;
    let (room, other) = (api.room().await, api.room().await);
    let guest = api.ws_token(&room, "guest").await;
    for token in [None, Some("x"), Some("")] {
        assert_eq!(ask(&api, &room.id, token).await.refused(), (401, "unauthorized"), "{token:?}");
    }
    assert_eq!(ask(&api, &other.id, Some(&guest)).await.refused(), (401, "unauthorized"));
    let bob = api.access_token("bob");
    assert_eq!(ask(&api, &room.id, Some(&bob)).await.refused(), (403, "forbidden"));
    assert_eq!(ask(&api, "222222", Some(&bob)).await.refused(), (404, "room_not_found"));
    assert_eq!(ask(&api, "222222", None).await.refused(), (401, "unauthorized"));

    api.change(&room, &json!({"locked": true})).await.data();
    assert_eq!(ask(&api, &room.id, Some(&guest)).await.refused(), (403, "room_locked"));
    ask(&api, &room.id, Some(&room.access_token)).await.data();
    api.change(&room, &json!({"locked": false})).await.data();
    let mut socket = api.attach(&room.id, &guest).await;
    let id = socket.joined().await;
    api.change(&room, &json!({"rotate_password": true, "locked": true})).await.data();
    ask(&api, &room.id, Some(&guest)).await.data();
    api.ask(Method::DELETE, &room, &format!("/participants/{id}")).await.data();
    assert_eq!(ask(&api, &room.id, Some(&guest)).await.refused(), (403, "forbidden"));

    api.close(&room.id, &room.access_token).await.data();
    for token in [&guest, &room.access_token] {
        assert_eq!(ask(&api, &room.id, Some(token)).await.refused(), (404, "room_not_found"));
    }
    let short = api.room_with(&json!({"expires_minutes": 1})).await;
    let guest = api.ws_token(&short, "guest").await;
    common::pass(Duration::from_secs(61)).await;
    for token in [&guest, &short.access_token] {
        assert_eq!(ask(&api, &short.id, Some(token)).await.refused(), (400, "room_expired"));
    }
}

#[tokio::test]
async fn an_address_asks_for_ice_servers_so_often_a_minute_and_it_costs_no_join() {
    let limits = Limits::with(|limits| limits.joins_per_minute = 2);
    let api = Api::start_with(builder().limits(limits).unwrap()).await;
    let room = api.room().await;
    let guest = api.ws_token(&room, "guest").await;
    // A token that opens nothing costs nothing.
    for _ in 0..3 {
        assert_eq!(ask(&api, &room.id, Some("x")).await.refused(), (401, "unauthorized"));
    }
    ask(&api, &room.id, Some(&guest)).await.data();
    ask(&api, &room.id, Some(&room.access_token)).await.data();
    assert_eq!(ask(&api, &room.id, Some(&guest)).await.refused(), (429, "rate_limited"));
    api.ws_token(&room, "another guest").await;
    common::pass(Duration::from_secs(60)).await;
    ask(&api, &room.id, Some(&guest)).await.data();
}

#[tokio::test]
async fn a_minted_token_has_a_participant_only_once_somebody_has_entered_with_it() {
    let api = Api::start().await;
    let room = api.room().await;
    let token = MintToken::new(DisplayName::parse("guest").unwrap().unwrap());
    let minted = api.server().handle().mint(room.id.parse().unwrap(), token).unwrap().ws_token;
    let unused = ask(&api, &room.id, Some(&minted)).await;
    assert_eq!(unused.refused(), (404, "participant_not_found"));
    let _guest = api.enter_v2(&room, &minted).await;
    ask(&api, &room.id, Some(&minted)).await.data();
}
