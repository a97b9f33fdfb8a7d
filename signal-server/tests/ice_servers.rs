//! ICE servers, with TURN credentials as coturn checks them.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use common::{Api, builder, keys, text};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use signal_core::{Timestamp, wire};
use signal_server::Secret;

const TURN_SECRET: &str = "static-auth-secret";
const TURN_URLS: [&str; 2] =
    ["turn:turn.example.com:3478?transport=udp", "turns:turn.example.com:5349?transport=tcp"];
const STUN_URLS: [&str; 1] = ["stun:stun.example.com:3478"];

/// Checks one answer's servers against what coturn would compute, and gives the part after the expiry.
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
