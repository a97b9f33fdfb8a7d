//! `POST /api/webrtc/rooms`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client_sdk::Invite;
use reqwest::Method;
use serde_json::{Value, json};
use signal_core::{ErrorCode, Language, RoomId, Timestamp, wire};

use crate::common::{Answer, Api, answer, builder, keys, text};

/// The moment so many minutes from now, in whole seconds, as the server writes it.
fn minutes_from_now(minutes: u64) -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seconds = since_epoch.as_secs() + 60 * minutes;
    wire::rfc3339(Timestamp::from_millis(0) + Duration::from_secs(seconds))
}

async fn create_as(api: &Api, token: Option<&str>, language: Option<&str>, body: &str) -> Answer {
    let mut request = api.request(Method::POST, "/api/webrtc/rooms").body(body.to_owned());
    request = request.header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    if let Some(language) = language {
        request = request.header("accept-language", language);
    }
    answer(request).await
}

#[tokio::test]
async fn an_empty_request_gets_a_room_by_the_defaults() {
    let api = Api::start().await;
    for body in [
        "",
        "{}",
        "null",
        r#"{"name":null,"password":null,"max_participants":null,"expires_minutes":null}"#,
    ] {
        let earliest = minutes_from_now(120);
        let token = format!("Bearer {}", api.access_token("小明"));
        let room = create_as(&api, Some(&token), None, body).await.data();
        // What the document names, and what the creator may use instead of another request.
        for field in ["expires_at", "max_participants", "name", "password", "room_id"] {
            assert!(keys(&room).contains(&field), "{field} is missing in {room}");
        }
        for field in
            ["ice_servers", "invite_token", "participant_id", "token_expires_at", "ws_token"]
        {
            assert!(keys(&room).contains(&field), "{field} is missing in {room}");
        }
        let id = text(&room["room_id"]);
        assert_eq!(id.parse::<RoomId>().unwrap().to_string(), id);
        let password = text(&room["password"]);
        assert!(
            password.len() == 6 && password.bytes().all(|byte| byte.is_ascii_digit()),
            "{password}"
        );
        assert_eq!(room["name"], "小明的房间");
        assert_eq!(room["max_participants"], 10);
        let expires_at = text(&room["expires_at"]);
        assert!(earliest <= expires_at && expires_at <= minutes_from_now(120), "{expires_at}");
        assert_eq!(room["ice_servers"], json!([]));
    }
}

#[tokio::test]
async fn the_limits_themselves_are_allowed() {
    let api = Api::start().await;
    for (participants, minutes) in [(1, 1), (50, 1440)] {
        let earliest = minutes_from_now(minutes);
        let body = json!({"max_participants": participants, "expires_minutes": minutes, "password": "!aZ~\"\\"});
        let room = api.create(&body).await.data();
        assert_eq!(room["max_participants"], participants);
        assert_eq!(room["password"], "!aZ~\"\\");
        let expires_at = text(&room["expires_at"]);
        assert!(earliest <= expires_at && expires_at <= minutes_from_now(minutes), "{expires_at}");
    }
}

#[tokio::test]
async fn a_bad_argument_is_named_and_never_clamped() {
    let api = Api::start().await;
    let cases: [(&str, Value); 16] = [
        ("max_participants", json!({"max_participants": 0})),
        ("max_participants", json!({"max_participants": 51})),
        ("max_participants", json!({"max_participants": -1})),
        ("max_participants", json!({"max_participants": 2.5})),
        ("max_participants", json!({"max_participants": "10"})),
        ("max_participants", json!({"max_participants": u64::MAX})),
        ("expires_minutes", json!({"expires_minutes": 0})),
        ("expires_minutes", json!({"expires_minutes": 1441})),
        ("expires_minutes", json!({"expires_minutes": i64::MIN})),
        ("password", json!({"password": 123_456})),
        ("password", json!({"password": "12345"})),
        ("password", json!({"password": "1234567"})),
        ("password", json!({"password": "12 456"})),
        ("password", json!({"password": "密码"})),
        ("name", json!({"name": "x".repeat(33)})),
        ("name", json!({"name": ["x"]})),
    ];
    for (field, body) in cases {
        let answer = api.create(&body).await;
        assert_eq!(answer.refused(), (400, "invalid_argument"), "{body}");
        assert!(answer.message().contains(field), "{field} is not named in {answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_or_too_long_is_refused() {
    let api = Api::start().await;
    let token = format!("Bearer {}", api.access_token("alice"));
    for body in ["[]", "{", "name=x", r#"{"name":"a","name":"b"}"#] {
        let answer = create_as(&api, Some(&token), None, body).await;
        assert_eq!(answer.refused(), (400, "invalid_argument"), "{body}");
    }
    let body = format!(r#"{{"name":"x","ignored":"{}"}}"#, "x".repeat(8 * 1024));
    let answer = create_as(&api, Some(&token), None, &body).await;
    assert_eq!(answer.refused(), (413, "body_too_large"));
}

#[tokio::test]
async fn a_link_with_the_invite_in_its_fragment_is_answered_where_the_public_url_is_known() {
    let unknown = Api::start().await.create(&json!({})).await.data();
    assert!(!keys(&unknown).contains(&"join_url"), "{unknown}");
    let api =
        Api::start_with(builder().public_url("https://example.com/join".parse().unwrap())).await;
    let room = api.create(&json!({})).await.data();
    let (id, token) = (text(&room["room_id"]), text(&room["invite_token"]));
    assert_eq!(room["join_url"], format!("https://example.com/join/{id}#{token}"));
    let invite: Invite = text(&room["join_url"]).parse().unwrap();
    assert_eq!((invite.server(), invite.room_id()), (Some("https://example.com"), id.as_str()));
}

#[tokio::test]
async fn a_room_may_be_kept_when_its_creator_leaves() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"on_creator_leave": "keep"})).await;
    let (mut creator, id) = api.creator(&room).await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    creator.hear().await;
    creator.say(&json!({"type": "leave"})).await;
    assert_eq!(creator.closed().await, 1000);
    assert_eq!(guest.hear().await, json!({"type": "peer_left", "participant_id": id}));
    let shown = api.ask(Method::GET, &room, "").await.data();
    assert_eq!(
        (&shown["on_creator_leave"], &shown["participant_count"]),
        (&json!("keep"), &json!(1))
    );
    api.creator(&room).await;
    for wrong in [json!("end"), json!(true)] {
        let refused = api.create(&json!({"on_creator_leave": wrong})).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"));
        assert!(refused.message().contains("on_creator_leave"), "{refused:?}");
    }
    for default in [json!(null), json!("close")] {
        let room = api.room_with(&json!({"on_creator_leave": default})).await;
        assert_eq!(api.ask(Method::GET, &room, "").await.data()["on_creator_leave"], "close");
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let api = Api::start().await;
    assert_eq!(
        api.create(&json!({"colour": "blue", "name": " a\u{202e}  b "})).await.data()["name"],
        "a b"
    );
}

#[tokio::test]
async fn only_somebody_logged_in_may_create() {
    let api = Api::start().await;
    let token = api.access_token("alice");
    let forged = format!("Bearer {}x", token.rsplit_once('.').unwrap().0);
    for authorization in
        [None, Some(""), Some("Bearer"), Some("Bearer x"), Some("Basic YTpi"), Some(&forged)]
    {
        let answer = create_as(&api, authorization, None, "{}").await;
        assert_eq!(answer.refused(), (401, "unauthorized"), "{authorization:?}");
    }
    // The login is asked for before the request is looked at.
    assert_eq!(create_as(&api, None, None, "{").await.refused(), (401, "unauthorized"));
    assert_eq!(create_as(&api, Some(&format!("bearer {token}")), None, "{}").await.status, 200);
}

#[tokio::test]
async fn texts_come_in_the_language_that_was_asked_for() {
    let api = Api::start().await;
    let token = format!("Bearer {}", api.access_token("alice"));
    for (language, refusal, name) in [
        (None, "请先登录", "alice的房间"),
        (Some("zh-CN,zh;q=0.9,en;q=0.8"), "请先登录", "alice的房间"),
        (Some("en-GB,en;q=0.9"), "a valid access token is needed", "alice's room"),
    ] {
        assert_eq!(create_as(&api, None, language, "{}").await.message(), refusal);
        assert_eq!(create_as(&api, Some(&token), language, "{}").await.data()["name"], name);
    }
}

#[tokio::test]
async fn a_server_may_be_set_to_english_for_those_who_ask_for_no_language() {
    let api = Api::start_with(builder().language(Language::En)).await;
    for (language, refusal) in [
        (None, "a valid access token is needed"),
        (Some("fr"), "a valid access token is needed"),
        (Some("zh-CN"), "请先登录"),
    ] {
        assert_eq!(create_as(&api, None, language, "{}").await.message(), refusal);
    }
    let room = api.room().await;
    let mut refused = api.attach(&room.id, "none").await;
    assert_eq!(refused.hear().await["message"], ErrorCode::TokenInvalid.text(Language::En));
}

#[tokio::test]
async fn an_unknown_path_or_method_fails_in_the_same_form() {
    let api = Api::start().await;
    let missing = answer(api.request(Method::GET, "/api/webrtc/room")).await;
    assert_eq!(missing.refused(), (404, "not_found"));
    let put = answer(api.request(Method::PUT, "/api/webrtc/rooms")).await;
    assert_eq!(put.refused(), (405, "method_not_allowed"));
}
