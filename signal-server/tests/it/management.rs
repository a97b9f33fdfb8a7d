//! Rooms that operators manage over HTTP.

use reqwest::Method;
use serde_json::{Value, json};
use signal_core::ErrorCode;

use crate::common::{ADMIN_KEY, Api, Managed, Participant, Room, answer, keys, text};

/// Requests about a room.
impl Managed {
    async fn get(&self, room: &Room) -> Value {
        self.send(Method::GET, &format!("/admin/rooms/{}", room.id), None).await.data()
    }

    async fn delete(&self, room: &Room, below: &str) -> crate::common::Answer {
        self.send(Method::DELETE, &format!("/admin/rooms/{}{below}", room.id), None).await
    }

    async fn post(&self, room: &Room, below: &str, body: Value) -> crate::common::Answer {
        self.send(Method::POST, &format!("/admin/rooms/{}{below}", room.id), Some(body)).await
    }

    /// Creates a token and enters the room with it.
    async fn enter(&self, room: &Room, token: Value) -> (Participant, String) {
        let minted = self.post(room, "/tokens", token).await.data();
        let (participant, joined) = self.api.enter_v2(room, &text(&minted["ws_token"])).await;
        (participant, text(&joined["participant_id"]))
    }
}

#[tokio::test]
async fn without_a_key_nobody_manages_rooms() {
    let api = Api::start().await;
    let address = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = api.server().admin_router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    };
    for path in ["/admin/rooms", "/admin/openapi.json"] {
        let request = Api::at(address).request(Method::GET, path).bearer_auth(ADMIN_KEY);
        assert_eq!(request.send().await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_request_without_the_key_is_refused_and_changes_nothing() {
    let managed = Managed::start().await;
    let room = managed.api.room().await;
    let path = format!("/admin/rooms/{}", room.id);
    let upper = ADMIN_KEY.to_uppercase();
    let shorter = &ADMIN_KEY[..ADMIN_KEY.len() - 1];
    for key in ["", shorter, &upper, &format!("{ADMIN_KEY}x"), &room.access_token] {
        let request = managed.operators.request(Method::DELETE, &path).bearer_auth(key);
        assert_eq!(answer(request).await.refused(), (401, "unauthorized"), "{key}");
    }
    let without = managed.operators.request(Method::DELETE, &path);
    assert_eq!(answer(without).await.refused(), (401, "unauthorized"));
    let basic = managed.operators.request(Method::DELETE, &path).basic_auth(ADMIN_KEY, Some(""));
    assert_eq!(answer(basic).await.refused(), (401, "unauthorized"));
    let page = managed.operators.request(Method::DELETE, &path).bearer_auth(ADMIN_KEY);
    let page = page.header("origin", "https://evil.example.com");
    assert_eq!(answer(page).await.refused(), (403, "forbidden"));
    // The key is not one for the public.
    let public = managed.api.request(Method::GET, "/api/webrtc/rooms").bearer_auth(ADMIN_KEY);
    assert_eq!(answer(public).await.refused(), (401, "unauthorized"));
    assert_eq!(managed.api.request(Method::GET, &path).send().await.unwrap().status(), 404);
    assert_eq!(managed.get(&room).await["room_id"], room.id);
}

#[tokio::test]
async fn operators_see_every_room_and_who_is_in_it() {
    let managed = Managed::start().await;
    let (older, newer) = (managed.api.room().await, managed.api.room().await);
    let (_creator, creator_id) = managed.api.creator(&newer).await;
    let token = json!({"display_name": "Bob", "user": "user-17", "attributes": {"role": "host"}});
    let (_bob, bob_id) = managed.enter(&newer, token).await;

    let listed = managed.send(Method::GET, "/admin/rooms", None).await.data();
    let mut rooms = listed["rooms"].as_array().unwrap().clone();
    rooms.sort_by_key(|room| room["participant_count"].as_u64());
    assert_eq!(rooms.len(), 2);
    assert_eq!(rooms[0]["room_id"], older.id);
    assert_eq!(
        (&rooms[1]["creator"], &rooms[1]["participant_count"]),
        (&json!("alice"), &json!(2))
    );

    let mut shown = managed.get(&newer).await;
    let participants = shown.as_object_mut().unwrap().remove("participants").unwrap();
    assert_eq!(shown, rooms[1]);
    assert_eq!(
        participants,
        json!([
            {
                "id": creator_id,
                "name": "alice",
                "is_creator": true,
                "connected": true,
                "permissions":
                    {"message": true, "update": true, "publish": true, "moderate": true},
            },
            {
                "id": bob_id,
                "name": "Bob",
                "is_creator": false,
                "connected": true,
                "user": "user-17",
                "attributes": {"role": "host"},
                "permissions":
                    {"message": true, "update": true, "publish": true, "moderate": false},
            },
        ])
    );
    let public = managed.api.ask(Method::GET, &newer, "").await.data();
    let (mut expected, mut found) = (keys(&public), keys(&shown));
    expected.retain(|key| *key != "participants");
    found.retain(|key| !["creator", "has_password"].contains(key));
    assert_eq!(found, expected, "the public API has the same fields");
    for id in ["ZZZZZZ", "nowhere"] {
        let unknown = managed.send(Method::GET, &format!("/admin/rooms/{id}"), None).await;
        assert_eq!(unknown.refused(), (404, "room_not_found"));
    }
}

#[tokio::test]
async fn the_list_has_pages_that_rooms_neither_leave_nor_enter_when_others_do() {
    let managed = Managed::start().await;
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(managed.api.room().await);
    }
    let page = async |query: &str| {
        let page = managed.send(Method::GET, &format!("/admin/rooms?{query}"), None).await.data();
        let ids = page["rooms"].as_array().unwrap().iter().map(|room| text(&room["room_id"]));
        (ids.collect::<Vec<_>>(), page["next"].as_str().map(str::to_owned))
    };
    let (all, next) = page("").await;
    assert_eq!((all.len(), next), (5, None));
    let (first, next) = page("limit=2").await;
    assert_eq!(first, all[..2]);
    // The room that the page ended with is over, and there is a newer one.
    let last = rooms.iter().find(|room| room.id == first[1]).unwrap();
    managed.delete(last, "").await.data();
    managed.api.room().await;
    let (second, next) = page(&format!("limit=2&after={}", next.unwrap())).await;
    assert_eq!(second, all[2..4]);
    let (third, next) = page(&format!("limit=2&after={}", next.unwrap())).await;
    assert_eq!((&third[..], next), (&all[4..], None));
    for query in
        ["limit=0", "limit=1001", "limit=x", "after=1", "after=x-ABC234", "after=1-no%20body"]
    {
        let refused = managed.send(Method::GET, &format!("/admin/rooms?{query}"), None).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"), "{query}");
    }
}

#[tokio::test]
async fn operators_create_a_room_that_is_its_creators_over_http() {
    let managed = Managed::start().await;
    let create = async |body: Value| managed.send(Method::POST, "/admin/rooms", Some(body)).await;
    let body = json!({
        "creator": "alice",
        "name": " Stand-up ",
        "max_participants": 3,
        "expires_minutes": 5,
        "on_creator_leave": "keep",
    });
    let created = create(body).await.data();
    let password = text(&created["password"]);
    let access_token = managed.api.access_token("alice");
    let room = Room { id: text(&created["room_id"]), password, access_token };
    let shown = managed.api.ask(Method::GET, &room, "").await.data();
    for (field, expected) in [
        ("name", json!("Stand-up")),
        ("max_participants", json!(3)),
        ("on_creator_leave", json!("keep")),
    ] {
        assert_eq!((&shown[field], &created[field]), (&expected, &expected), "{field}");
    }
    managed.api.creator(&room).await;
    managed.api.guest(&room, "by password").await;
    managed.api.join(&room.id, &json!({"invite_token": created["invite_token"]})).await.data();

    for (body, named) in [
        (json!({"name": "Stand-up", "creator": ""}), "creator"),
        (json!({"name": "\u{200b}", "creator": "alice"}), "name"),
        (json!({"name": "Stand-up", "creator": "alice", "expires_minutes": 0}), "expires_minutes"),
    ] {
        let refused = create(body).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"));
        assert!(refused.message().contains(named), "{refused:?}");
    }
    let listed = managed.send(Method::GET, "/admin/rooms", None).await.data();
    assert_eq!(listed["rooms"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test]
async fn operators_change_a_room_and_its_participants_hear_of_it() {
    let managed = Managed::start().await;
    let room = managed.api.room().await;
    let path = format!("/admin/rooms/{}", room.id);
    let change = async |body: Value| managed.send(Method::PATCH, &path, Some(body)).await;
    let (mut guest, _) = managed.enter(&room, json!({})).await;
    let body = json!({"name": "Stand-up", "locked": true, "max_participants": 20});
    let changed = change(body).await.data();
    assert_eq!((&changed["name"], &changed["locked"]), (&json!("Stand-up"), &json!(true)));
    assert!(changed.get("password").is_none(), "{changed}");
    let told = guest.hear().await;
    assert_eq!((&told["type"], &told["room"]["locked"]), (&json!("room_updated"), &json!(true)));

    let new = change(json!({"locked": false, "rotate_password": true})).await.data();
    let old = managed.api.join(&room.id, &json!({"password": room.password})).await;
    assert_eq!(old.refused(), (401, "wrong_password"));
    let left = async || managed.get(&room).await["password_attempts_left"].clone();
    assert_eq!(left().await, 19);
    change(json!({"restore_attempts": true})).await.data();
    assert_eq!(left().await, 20);
    managed.api.join(&room.id, &json!({"password": new["password"]})).await.data();

    let wrong = change(json!({"expires_minutes": 0})).await;
    assert_eq!(wrong.refused(), (400, "invalid_argument"));
    assert!(wrong.message().contains("expires_minutes"), "{wrong:?}");
}

#[tokio::test]
async fn operators_kick_and_ban_participants() {
    let managed = Managed::start().await;
    let room = managed.api.room().await;
    let (_creator, creator_id) = managed.api.creator(&room).await;
    let (mut kicked, kicked_id) = managed.api.guest(&room, "kicked").await;
    let (mut banned, banned_id) = managed.api.guest(&room, "banned").await;
    let answered = managed.delete(&room, &format!("/participants/{kicked_id}")).await.data();
    assert_eq!(answered, json!({"participant_id": kicked_id}));
    assert_eq!(kicked.read_until_closed().await, 4511);
    managed.api.join(&room.id, &json!({"password": room.password})).await.data();

    let path = format!("/participants/{banned_id}?ban=true");
    let answered = managed.delete(&room, &path).await.data();
    assert_eq!(banned.read_until_closed().await, 4511);
    let old = managed.api.join(&room.id, &json!({"password": room.password})).await;
    assert_eq!(old.refused(), (401, "wrong_password"));
    managed.api.join(&room.id, &json!({"invite_token": answered["invite_token"]})).await.data();

    let creator = managed.delete(&room, &format!("/participants/{creator_id}")).await;
    assert_eq!(creator.refused(), (403, "forbidden"));
    let unknown = managed.delete(&room, "/participants/p_00000000").await;
    assert_eq!(unknown.refused(), (404, "participant_not_found"));
    let unclear = managed.delete(&room, &format!("/participants/{kicked_id}?ban=perhaps")).await;
    assert_eq!(unclear.refused(), (400, "invalid_argument"));
}

#[tokio::test]
async fn operators_kick_a_user_with_all_devices_and_a_banned_one_gets_no_token() {
    let managed = Managed::start().await;
    let room = managed.api.room().await;
    let token = || json!({"user": "a/b c"});
    let (mut phone, _) = managed.enter(&room, token()).await;
    let (mut laptop, _) = managed.enter(&room, token()).await;
    let kicked = managed.delete(&room, "/users/a%2Fb%20c").await.data();
    assert_eq!(kicked, json!({"user": "a/b c"}));
    assert_eq!((phone.read_until_closed().await, laptop.read_until_closed().await), (4511, 4511));
    let gone = managed.delete(&room, "/users/a%2Fb%20c").await;
    assert_eq!(gone.refused(), (404, "participant_not_found"));

    let (mut again, _) = managed.enter(&room, token()).await;
    managed.delete(&room, "/users/a%2Fb%20c?ban=true").await.data();
    assert_eq!(again.read_until_closed().await, 4511);
    let refused = managed.post(&room, "/tokens", token()).await;
    assert_eq!(refused.refused(), (403, "forbidden"));
    assert!(refused.message().contains("封禁"), "{refused:?}");
    let long = managed.delete(&room, &format!("/users/{}", "x".repeat(129))).await;
    assert_eq!(long.refused(), (400, "invalid_argument"));
}

#[tokio::test]
async fn operators_send_messages_and_hear_who_does_not_get_them() {
    let managed = Managed::start().await;
    let room = managed.api.room().await;
    let (_v1, v1_id) = managed.api.guest(&room, "v1").await;
    let (mut v2, v2_id) = managed.enter(&room, json!({})).await;
    let send = async |body: Value| managed.post(&room, "/messages", body).await;
    let to_all = json!({"topic": "notice", "data": {"n": 1.50}});
    assert_eq!(send(to_all).await.data(), json!({"refused": []}));
    let heard = v2.hear_text().await;
    assert!(heard.contains(r#""from":"host""#) && heard.contains(r#"{"n":1.5}"#), "{heard}");
    send(json!({"to": v2_id, "topic": "notice", "data": "for you"})).await.data();
    assert_eq!(v2.hear().await["data"], "for you");

    let to_v1 = send(json!({"to": v1_id, "topic": "notice", "data": null})).await.data();
    let code = ErrorCode::PeerUnreachable.as_str();
    assert_eq!(to_v1, json!({"refused": [{"participant_id": v1_id, "code": code}]}));
    for to in ["p_00000000", "somebody"] {
        let unknown = send(json!({"to": to, "topic": "notice", "data": 1})).await;
        assert_eq!(unknown.refused(), (404, "participant_not_found"), "{to}");
    }
    for (body, named) in [
        (json!({"topic": "", "data": 1}), "topic"),
        (json!({"topic": "notice"}), "data"),
        (json!({"topic": "notice", "data": "x".repeat(20_000)}), "data"),
    ] {
        let refused = send(body).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"));
        assert!(refused.message().contains(named), "{refused:?}");
    }
    let huge = send(json!({"topic": "notice", "data": "x".repeat(70_000)})).await;
    assert_eq!(huge.refused(), (413, "body_too_large"));
    v2.say(&json!({"type": "ping", "t": 1})).await;
    assert_eq!(v2.hear().await["type"], "pong");
}

#[tokio::test]
async fn operators_create_tokens_that_permit_what_they_say() {
    let managed = Managed::start().await;
    let room = managed.api.room().await;
    let path = format!("/admin/rooms/{}/tokens", room.id);
    let minted = managed.send(Method::POST, &path, None).await.data();
    assert_eq!(keys(&minted), ["token_expires_at", "ws_token"]);
    let (_guest, _) = managed.api.enter_v2(&room, &text(&minted["ws_token"])).await;
    let (mut older, _) = managed.enter(&room, json!({"seat": "alice"})).await;
    managed.enter(&room, json!({"seat": "alice"})).await;
    assert_eq!(older.read_until_closed().await, 4509);

    let through = managed.post(&room, "/tokens", json!({"passes_lock": true})).await.data();
    let usual = managed.post(&room, "/tokens", json!({})).await.data();
    let change = json!({"locked": true});
    managed.send(Method::PATCH, &format!("/admin/rooms/{}", room.id), Some(change)).await.data();
    let refused = managed.api.attach(&room.id, &text(&usual["ws_token"])).await.error().await;
    assert_eq!(refused, "forbidden");
    managed.api.enter_v2(&room, &text(&through["ws_token"])).await;

    for (field, value) in [
        ("display_name", json!("x".repeat(33))),
        ("user", json!("x".repeat(129))),
        ("attributes", json!({"role": "x".repeat(1024)})),
        ("expires_minutes", json!(11)),
    ] {
        let refused = managed.post(&room, "/tokens", json!({field: value})).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"), "{field}");
        assert!(refused.message().contains(field), "{refused:?}");
    }
}

#[tokio::test]
async fn operators_set_the_attributes_of_a_participant_and_data_that_nobody_sees() {
    let managed = Managed::start().await;
    let room = managed.api.room().await;
    let (mut other, _) = managed.enter(&room, json!({})).await;
    let (_bob, bob) = managed.enter(&room, json!({"user": "user-17"})).await;
    other.hear().await;
    let put = async |below: &str, body: Value| {
        let path = format!("/admin/rooms/{}{below}", room.id);
        managed.send(Method::PUT, &path, Some(body)).await
    };
    let attributes = format!("/participants/{bob}/attributes");
    let role = json!({"role": "speaker"});
    let set = put(&attributes, role.clone()).await.data();
    assert_eq!(set, json!({"participant_id": bob, "attributes": role}));
    let told = other.hear().await;
    let update = json!({"type": "peer_updated", "participant_id": bob, "attributes": role});
    assert_eq!(told, update);
    let data = json!({"meeting": "17"});
    let set = put("/data", data.clone()).await.data();
    assert_eq!(set, json!({"room_id": room.id, "data": data}));
    let shown = managed.get(&room).await;
    assert_eq!((&shown["data"], &shown["participants"][1]["attributes"]), (&data, &role));
    assert_eq!(shown["participants"][1]["user"], "user-17");
    put("/data", json!({})).await.data();
    put(&attributes, json!({})).await.data();
    let told = other.hear().await;
    assert_eq!((&told["type"], &told["attributes"]), (&json!("peer_updated"), &json!({})));
    let shown = managed.get(&room).await;
    assert!(shown.get("data").is_none() && shown["participants"][1].get("attributes").is_none());

    for (below, body, refusal) in [
        ("/data", json!({"meeting": 17}), (400, "invalid_argument")),
        ("/data", json!({"meeting": "x".repeat(1024)}), (400, "invalid_argument")),
        (&attributes, json!(["role"]), (400, "invalid_argument")),
        ("/participants/p_00000000/attributes", json!({}), (404, "participant_not_found")),
    ] {
        assert_eq!(put(below, body).await.refused(), refusal, "{below}");
    }
}

#[tokio::test]
async fn operators_close_a_room() {
    let managed = Managed::start().await;
    let room = managed.api.room().await;
    let (mut guest, _) = managed.enter(&room, json!({})).await;
    assert_eq!(managed.delete(&room, "").await.data(), json!({"room_id": room.id}));
    assert_eq!(guest.hear().await["code"], "admin");
    assert_eq!(managed.delete(&room, "").await.refused(), (404, "room_not_found"));
    let listed = managed.send(Method::GET, "/admin/rooms", None).await.data();
    assert_eq!(listed, json!({"rooms": []}));
    assert_eq!(
        managed.send(Method::PUT, "/admin/rooms", None).await.refused(),
        (405, "method_not_allowed")
    );
}
