//! A creator looks up its rooms: `GET /api/webrtc/rooms` and `GET /api/webrtc/rooms/{room_id}`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use signal_server::Limits;
use tokio::time::timeout;

use crate::common::{Answer, Api, PATIENCE, Participant, answer, builder, keys, pass, text};

const ROOMS: &str = "/api/webrtc/rooms";

async fn list(api: &Api, user: &str) -> Vec<Value> {
    let data =
        answer(api.request(Method::GET, ROOMS).bearer_auth(api.access_token(user))).await.data();
    data["rooms"].as_array().unwrap().clone()
}

async fn show(api: &Api, room: &str, token: &str) -> Answer {
    answer(api.request(Method::GET, &format!("{ROOMS}/{room}")).bearer_auth(token)).await
}

fn ids(rooms: &[Value]) -> Vec<String> {
    rooms.iter().map(|room| text(&room["room_id"])).collect()
}

#[tokio::test]
async fn a_user_is_told_of_its_own_open_rooms_newest_first() {
    let api = Api::start().await;
    assert_eq!(list(&api, "alice").await, Vec::<Value>::new());
    let mut created = Vec::new();
    for name in ["one", "two", "three"] {
        created.push(api.room_with(&json!({"name": name, "expires_minutes": 60})).await.id);
        pass(Duration::from_secs(1)).await;
    }
    let bobs =
        answer(api.request(Method::POST, ROOMS).bearer_auth(api.access_token("bob"))).await.data();
    created.reverse();
    let rooms = list(&api, "alice").await;
    assert_eq!(ids(&rooms), created);
    assert_eq!(ids(&list(&api, "bob").await), [text(&bobs["room_id"])]);
    assert_eq!(rooms[0]["name"], "three");
    assert_eq!(
        keys(&rooms[0]),
        [
            "created_at",
            "expires_at",
            "locked",
            "max_participants",
            "name",
            "on_creator_leave",
            "participant_count",
            "password_attempts_left",
            "room_id"
        ]
    );

    api.close(&created[1], &api.access_token("alice")).await.data();
    assert_eq!(ids(&list(&api, "alice").await), [created[0].clone(), created[2].clone()]);
    pass(Duration::from_secs(60 * 60)).await;
    assert_eq!(list(&api, "alice").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_room_is_shown_with_everybody_who_has_a_seat() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"name": "会议", "max_participants": 4})).await;
    let before = show(&api, &room.id.to_lowercase(), &room.access_token).await.data();
    assert_eq!((&before["room_id"], &before["participants"]), (&json!(room.id), &json!([])));
    let (_creator, creator_id) = api.creator(&room).await;
    let (lost, joined) = api.enter_v2(&room, &api.ws_token(&room, "小红").await).await;
    drop(lost);
    let lost = async {
        loop {
            // The server may be a moment behind.
            let shown = show(&api, &room.id, &room.access_token).await.data();
            if shown["participants"][1]["connected"] == json!(false) {
                break shown;
            }
        }
    };
    let shown = timeout(PATIENCE, lost).await.expect("its loss is noticed");
    assert_eq!(
        shown["participants"],
        json!([
            {"id": creator_id, "name": "alice", "is_creator": true, "connected": true},
            {"id": joined["participant_id"], "name": "小红", "is_creator": false, "connected": false},
        ])
    );
    for (field, value) in [
        ("name", json!("会议")),
        ("max_participants", json!(4)),
        ("participant_count", json!(2)),
        ("locked", json!(false)),
        ("on_creator_leave", json!("close")),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(list(&api, "alice").await[0]["participant_count"], 2);
}

#[tokio::test]
async fn only_the_creator_is_told() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"expires_minutes": 1})).await;
    let guest = api.ws_token(&room, "guest").await;
    for path in [ROOMS.to_owned(), format!("{ROOMS}/{}", room.id)] {
        let anonymous = answer(api.request(Method::GET, &path)).await;
        assert_eq!(anonymous.refused(), (401, "unauthorized"), "{path}");
        let with_ws_token = answer(api.request(Method::GET, &path).bearer_auth(&guest)).await;
        assert_eq!(with_ws_token.refused(), (401, "unauthorized"), "{path}");
    }
    let bob = api.access_token("bob");
    assert_eq!(show(&api, &room.id, &bob).await.refused(), (403, "forbidden"));
    for absent in ["222222", "x"] {
        let refused = show(&api, absent, &room.access_token).await;
        assert_eq!(refused.refused(), (404, "room_not_found"), "{absent}");
    }
    pass(Duration::from_secs(61)).await;
    assert_eq!(show(&api, &room.id, &bob).await.refused(), (403, "forbidden"));
    assert_eq!(show(&api, &room.id, &room.access_token).await.refused(), (400, "room_expired"));
    let closed = api.room().await;
    api.close(&closed.id, &closed.access_token).await.data();
    assert_eq!(
        show(&api, &closed.id, &closed.access_token).await.refused(),
        (404, "room_not_found")
    );
}

/// Each request about one room that an access token may be used for.
const REQUESTS: [(Method, &str); 5] = [
    (Method::GET, ""),
    (Method::PATCH, ""),
    (Method::DELETE, ""),
    (Method::DELETE, "/participants/p_zzzz0000"),
    (Method::POST, "/ice-servers"),
];

async fn ask(api: &Api, token: &str, method: Method, room: &str, path: &str) -> Answer {
    answer(api.request(method, &format!("{ROOMS}/{room}{path}")).bearer_auth(token)).await
}

#[tokio::test]
async fn whoever_tries_rooms_of_others_is_soon_not_told_which_there_are() {
    let api =
        Api::start_with(builder().limits(Limits::with(|limits| limits.failed_joins = 7)).unwrap())
            .await;
    let (room, closed) = (api.room().await, api.room().await);
    api.close(&closed.id, &closed.access_token).await.data();
    let bob = api.access_token("bob");
    for (method, path) in REQUESTS {
        // A room that is over is no failure.
        let over = ask(&api, &bob, method.clone(), &closed.id, path).await;
        assert_eq!(over.refused(), (404, "room_not_found"), "{method} {path}");
        let foreign = ask(&api, &bob, method.clone(), &room.id, path).await;
        assert_eq!(foreign.refused(), (403, "forbidden"), "{method} {path}");
    }
    assert_eq!(show(&api, "222222", &bob).await.refused(), (404, "room_not_found"));
    let mut socket = api.attach("333333", &bob).await;
    assert_eq!((socket.error().await, socket.closed().await), ("room_not_found".to_owned(), 4503));

    // An invalid room id costs no attempt and reveals nothing.
    for _ in 0..20 {
        assert_eq!(show(&api, "no%20room", &bob).await.refused(), (404, "room_not_found"));
    }

    for id in [room.id.as_str(), &closed.id, "222222"] {
        for (method, path) in REQUESTS {
            let limited = ask(&api, &bob, method.clone(), id, path).await;
            assert_eq!(limited.refused(), (429, "rate_limited"), "{method} {id}{path}");
        }
        let mut socket = api.attach(id, &bob).await;
        assert_eq!(
            (socket.error().await, socket.closed().await),
            ("rate_limited".to_owned(), 4001),
            "{id}"
        );
    }
    let url = api.socket_url(&room.id, &bob) + "&v=2";
    let error = Participant::connect(url).await.unwrap().0.hear().await;
    assert!(error["retry_after_ms"].as_u64().unwrap() > 60_000, "{error}");

    // Creators are not kept from their own rooms.
    ask(&api, &room.access_token, Method::POST, &room.id, "/ice-servers").await.data();
    show(&api, &room.id, &room.access_token).await.data();
    api.creator(&room).await;
    api.close(&room.id, &room.access_token).await.data();
    pass(Duration::from_secs(30 * 60)).await;
    assert_eq!(show(&api, "222222", &bob).await.refused(), (404, "room_not_found"));
}

#[tokio::test]
async fn rooms_of_ones_own_are_no_failures_though_they_are_over() {
    let api =
        Api::start_with(builder().limits(Limits::with(|limits| limits.failed_joins = 1)).unwrap())
            .await;
    let closed = api.room().await;
    let expired = api.room_with(&json!({"expires_minutes": 1})).await;
    api.close(&closed.id, &closed.access_token).await.data();
    pass(Duration::from_secs(61)).await;
    for (method, path) in REQUESTS {
        let over = ask(&api, &closed.access_token, method.clone(), &closed.id, path).await;
        assert_eq!(over.refused(), (404, "room_not_found"), "{method} {path}");
        let over = ask(&api, &expired.access_token, method.clone(), &expired.id, path).await;
        assert_eq!(over.refused(), (400, "room_expired"), "{method} {path}");
    }
}
