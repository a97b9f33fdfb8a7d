//! Rooms of the application's own shape: with chosen ids, without a password or a creator, large.

use reqwest::Method;
use serde_json::{Value, json};
use signal_core::config::HubConfig;
use signal_server::{
    Capacity, CreateRoom, CreateRoomError, CreatedRoom, DisplayName, MintToken, ResizeError,
    RoomId, ServerHandle,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{ADMIN_KEY, Api, Managed, Room, builder, text};

fn display_name(name: &str) -> DisplayName {
    DisplayName::parse(name).unwrap().unwrap()
}

/// The settings of a room for whoever the application lets in.
fn own_room(id: &str) -> CreateRoom {
    let mut new = CreateRoom::without_creator(display_name("daily"));
    new.id = Some(RoomId::chosen(id).unwrap());
    new.password = None;
    new
}

fn known(api: &Api, created: &CreatedRoom) -> Room {
    let access_token = api.access_token("alice");
    Room { id: created.room.id.to_string(), password: "123456".to_owned(), access_token }
}

fn minted(handle: &ServerHandle, room: RoomId) -> String {
    handle.mint(room, MintToken::new(display_name("guest"))).unwrap().ws_token
}

#[tokio::test]
async fn a_room_of_the_applications_own_is_entered_by_its_tokens_and_its_invite_alone() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let created = handle.create_room(own_room("Team-7.daily")).await.unwrap();
    assert_eq!((created.credentials.password.clone(), created.room.creator.clone()), (None, None));
    let (room, id) = (known(&api, &created), created.room.id);
    let (_guest, _) = api.enter_v2(&room, &minted(&handle, id)).await;
    let invite = json!({"invite_token": created.credentials.invite_token});
    let invited = text(&api.join(&room.id, &invite).await.data()["ws_token"]);
    let (_invited, _) = api.enter_v2(&room, &invited).await;
    assert_eq!(handle.room(id).unwrap().participants.len(), 2);
    // No password is right, and a wrong one costs the room nothing.
    for _ in 0..3 {
        let wrong = api.join(&room.id, &json!({"password": room.password})).await;
        assert_eq!(wrong.refused(), (401, "wrong_password"));
    }
    let shown = api.ask(Method::GET, &room, "").await;
    assert_eq!(shown.refused(), (403, "forbidden"), "it is nobody's over HTTP");
    assert_eq!(api.join("team-7.daily", &invite).await.refused(), (404, "room_not_found"));
}

#[tokio::test]
async fn an_unknown_chosen_id_costs_as_much_as_an_unknown_random_one() {
    for unknown in ["daily-", "22222"] {
        let api = Api::start().await;
        api.server().handle().create_room(own_room("weekly")).await.unwrap();
        let join = async |id: &str| api.join(id, &json!({"password": "123456"})).await;
        for _ in 0..12 {
            let refused = join("no%20id").await;
            assert_eq!(refused.refused(), (404, "room_not_found"), "no room can have it");
        }
        for last in "23456789AB".chars() {
            let refused = join(&format!("{unknown}{last}")).await;
            assert_eq!(refused.refused(), (404, "room_not_found"));
        }
        for id in ["weekly", "daily-C", "22222C"] {
            assert_eq!(join(id).await.refused(), (429, "rate_limited"), "{id}");
        }
    }
}

#[tokio::test]
async fn a_chosen_id_is_free_when_its_room_is_over_and_older_tokens_are_void() {
    let folder = tempfile::tempdir().unwrap();
    for server in [builder().build(), builder().open(folder.path()).await.unwrap()] {
        let handle = server.handle();
        let id = handle.create_room(own_room("daily")).await.unwrap().room.id;
        let taken = handle.create_room(own_room("daily")).await.unwrap_err();
        assert_eq!(taken, CreateRoomError::IdTaken);
        handle.close_room(id).await.unwrap();
        let again = handle.create_room(own_room("daily")).await.unwrap();
        assert_eq!(handle.rooms(), [again.room]);
    }
}

#[tokio::test]
async fn a_token_for_an_earlier_room_opens_no_later_one_of_its_id() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let first = handle.create_room(own_room("daily")).await.unwrap();
    let older = minted(&handle, first.room.id);
    handle.close_room(first.room.id).await.unwrap();
    let second = handle.create_room(own_room("daily")).await.unwrap();
    let room = known(&api, &second);
    let mut refused = api.attach(&room.id, &older).await;
    assert_eq!(refused.hear().await["code"], "room_not_found");
    let invite = json!({"invite_token": first.credentials.invite_token});
    assert_eq!(api.join(&room.id, &invite).await.refused(), (401, "invite_void"));
    api.enter_v2(&room, &minted(&handle, second.room.id)).await;
}

#[tokio::test]
async fn a_room_of_its_creators_with_a_chosen_id_is_managed_over_http() {
    let api = Api::start().await;
    let mut new = CreateRoom::new("alice", display_name("daily"));
    new.id = Some(RoomId::chosen("daily").unwrap());
    let created = api.server().handle().create_room(new).await.unwrap();
    let room = known(&api, &created);
    assert_eq!(api.ask(Method::GET, &room, "").await.data()["room_id"], "daily");
    api.creator(&room).await;
    assert_eq!(api.close(&room.id, &room.access_token).await.data()["room_id"], "daily");
}

#[tokio::test]
async fn operators_create_rooms_of_every_shape() {
    let managed = Managed::start().await;
    let create = async |body| managed.send(Method::POST, "/admin/rooms", Some(body)).await;
    let shape = json!({"name": "daily", "room_id": "Daily~1", "has_password": false});
    let created = create(shape.clone()).await.data();
    assert_eq!(created["room_id"], "Daily~1");
    assert!(created["creator"].is_null() && created["password"].is_null(), "{created}");
    let shown = managed.send(Method::GET, "/admin/rooms/Daily~1", None).await.data();
    assert_eq!(shown["room_id"], "Daily~1");
    assert_eq!(create(shape).await.refused(), (400, "invalid_argument"), "it is open");
    for wrong in ["ABC234", "abc234", "..", "a b", ""] {
        let refused = create(json!({"name": "daily", "room_id": wrong})).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"), "{wrong}");
    }
    let large = create(json!({"name": "daily", "max_participants": 51})).await;
    assert_eq!(large.refused(), (400, "invalid_argument"));
    let document = managed.operators.request(Method::GET, "/admin/openapi.json").send().await;
    let document: Value = document.unwrap().json().await.unwrap();
    let change = &document["components"]["schemas"]["RoomChange"]["properties"];
    assert_eq!(change["max_participants"]["maximum"], 500);
    // A page may end at such a room.
    create(json!({"name": "other", "creator": "alice"})).await.data();
    let mut after = String::new();
    for _ in 0..2 {
        let path = format!("/admin/rooms?limit=1{after}");
        let page = managed.send(Method::GET, &path, None).await.data();
        assert_eq!(page["rooms"].as_array().unwrap().len(), 1);
        after = page["next"].as_str().map_or_else(String::new, |next| format!("&after={next}"));
    }
    assert!(after.is_empty(), "{after}");
    managed.send(Method::DELETE, "/admin/rooms/Daily~1", None).await.data();
}

#[tokio::test]
async fn requests_of_operators_do_not_touch_a_later_room_whose_id_is_the_same() {
    let managed = Managed::start().await;
    let handle = managed.api.server().handle();
    let participant = "daily/participants/p_zzzy0001";
    let muted = json!({"message": false, "update": true, "publish": false, "moderate": false});
    for (method, path, body) in [
        ("PUT", "daily/data", json!({"meeting": "7"})),
        ("POST", "daily/messages", json!({"topic": "notice", "data": 1})),
        ("POST", "daily/tokens", json!({})),
        ("PUT", &format!("{participant}/attributes"), json!({"role": "speaker"})),
        ("PUT", &format!("{participant}/name"), json!({"name": "小红"})),
        ("PUT", &format!("{participant}/permissions"), muted),
        ("PATCH", "daily", json!({"locked": true})),
    ] {
        let earlier = handle.create_room(own_room("daily")).await.unwrap().room.id;
        let body = body.to_string();
        let mut stream = TcpStream::connect(managed.operators.address()).await.unwrap();
        let head = format!(
            "{method} /admin/rooms/{path} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut wanted = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut wanted).await.unwrap();
        assert!(wanted.starts_with(b"HTTP/1.1 100 "), "the room of the path is known");
        handle.close_room(earlier).await.unwrap();
        let later = handle.create_room(own_room("daily")).await.unwrap().room;
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 404 "), "{path}: {said}");
        assert!(said.contains("room_not_found"), "{path}: {said}");
        assert_eq!(handle.room(later.id), Some(later), "{path}");
        handle.close_room(earlier).await.unwrap();
    }
}

#[tokio::test]
async fn a_room_is_as_large_as_the_application_allows_and_others_are_as_large_as_ever() {
    let large = Capacity::new(80).unwrap();
    let api = Api::start_with(builder().hub(HubConfig::for_rooms_of(large)).unwrap()).await;
    let handle = api.server().handle();
    let mut new = own_room("large");
    new.capacity = large;
    let id = handle.create_room(new.clone()).await.unwrap().room.id;
    assert_eq!(handle.room(id).unwrap().max_participants, 80);
    let larger = Capacity::new(81).unwrap();
    assert_eq!(handle.resize(id, larger).await, Err(ResizeError::TooLarge));
    new.id = None;
    new.capacity = larger;
    assert_eq!(handle.create_room(new).await.unwrap_err(), CreateRoomError::TooLarge);
    let of_a_user = api.create(&json!({"max_participants": 51})).await;
    assert_eq!(of_a_user.refused(), (400, "invalid_argument"));
}
