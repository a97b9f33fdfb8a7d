//! What participants may do, as the embedding code and operators set it, and moderators.

use reqwest::Method;
use serde_json::{Value, json};
use signal_server::{
    DisplayName, MintToken, ParticipantId, Permissions, RoomEventKind, RoomId, SetParticipantError,
};

use crate::common::{Api, Managed, Participant, Room, text};

fn id(room: &Room) -> RoomId {
    room.id.parse().unwrap()
}

fn number(joined: &Value) -> ParticipantId {
    text(&joined["participant_id"]).parse().unwrap()
}

fn token(permissions: Permissions) -> MintToken {
    let mut token = MintToken::new(DisplayName::parse("guest").unwrap().unwrap());
    token.permissions = permissions;
    token
}

/// Says something that needs a permission, and returns the code of the refusal; `None` if it is
/// done.
async fn try_to(participant: &mut Participant, message: Value) -> Option<String> {
    participant.say(&message).await;
    participant.say(&json!({"type": "ping", "t": 1})).await;
    let mut refused = None;
    loop {
        let told = participant.hear().await;
        match told["type"].as_str().unwrap() {
            "error" => refused = Some(text(&told["code"])),
            "pong" => return refused,
            _ => {}
        }
    }
}

fn chat() -> Value {
    json!({"type": "message", "to": "room", "topic": "chat", "data": 1})
}

#[tokio::test]
async fn a_token_decides_what_its_holder_may_do_until_the_application_changes_it() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let mut events = handle.events();
    let mut mute = Permissions::default();
    mute.message = false;
    let minted = handle.mint(id(&room), token(mute)).unwrap().ws_token;
    let (mut guest, joined) = api.enter_v2(&room, &minted).await;
    assert_eq!(joined["permissions"]["message"], false);
    assert_eq!(try_to(&mut guest, chat()).await.as_deref(), Some("forbidden"));

    handle.set_permissions(id(&room), number(&joined), Permissions::ALL).await.unwrap();
    let told = guest.hear().await;
    assert_eq!(
        (&told["type"], &told["permissions"]["message"]),
        (&json!("permissions_updated"), &json!(true))
    );
    assert_eq!(try_to(&mut guest, chat()).await, None);
    let summary = handle.room(id(&room)).unwrap().participants.remove(0);
    assert_eq!(summary.permissions, Permissions::ALL);

    // The token still says what it said first.
    let (mut again, joined) = api.enter_v2(&room, &minted).await;
    assert_eq!(joined["permissions"]["message"], true);
    assert_eq!(try_to(&mut again, chat()).await, None);
    loop {
        let event = events.next().await.unwrap().unwrap();
        if let RoomEventKind::PermissionsChanged { participant } = event.kind {
            assert_eq!(participant.permissions, Permissions::ALL);
            break;
        }
    }
    let nobody = "p_00000000".parse().unwrap();
    let refused = handle.set_permissions(id(&room), nobody, Permissions::NONE).await;
    assert_eq!(refused, Err(SetParticipantError::ParticipantNotFound));
}

#[tokio::test]
async fn a_moderator_kicks_and_locks_over_its_socket_and_never_the_creator() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (_creator, created) = api.enter_v2(&room, &room.access_token).await;
    let minted = handle.mint(id(&room), token(Permissions::ALL)).unwrap().ws_token;
    let (mut moderator, _) = api.enter_v2(&room, &minted).await;
    let (mut guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let kick = |whom: &Value| json!({"type": "moderate", "action": "kick", "participant_id": whom});
    let (creator, guest_id) = (&created["participant_id"], &joined["participant_id"]);

    assert_eq!(try_to(&mut guest, kick(creator)).await.as_deref(), Some("forbidden"));
    assert_eq!(try_to(&mut moderator, kick(creator)).await.as_deref(), Some("forbidden"));
    moderator.say(&json!({"type": "moderate", "action": "lock"})).await;
    while guest.hear().await["type"] != "room_updated" {}
    let late = api.join(&room.id, &json!({"password": room.password})).await;
    assert_eq!(late.refused(), (403, "room_locked"));
    moderator.say(&json!({"type": "moderate", "action": "unlock"})).await;
    while guest.hear().await["type"] != "room_updated" {}

    moderator.say(&json!({"type": "moderate", "action": "ban", "participant_id": guest_id})).await;
    assert_eq!(guest.read_until_closed().await, 4511);
    let old = api.join(&room.id, &json!({"password": room.password})).await;
    assert_eq!(old.refused(), (401, "wrong_password"));
    let changed = api.change(&room, &json!({"rotate_password": true})).await.data();
    api.join(&room.id, &json!({"password": changed["password"]})).await.data();

    moderator.say(&json!({"type": "moderate", "action": "close"})).await;
    assert_eq!(moderator.read_until_closed().await, 4503);
    assert!(handle.room(id(&room)).is_none());
}

#[tokio::test]
async fn operators_set_the_permissions_of_a_participant() {
    let managed = Managed::start().await;
    let room = managed.api.room().await;
    let at = format!("/admin/rooms/{}", room.id);
    let permitted = |message: bool| json!({"message": message, "update": true, "publish": false, "moderate": false});
    let body = json!({"permissions": permitted(true)});
    let minted = managed.send(Method::POST, &format!("{at}/tokens"), Some(body)).await.data();
    let (mut guest, joined) = managed.api.enter_v2(&room, &text(&minted["ws_token"])).await;
    assert_eq!(joined["permissions"], permitted(true));
    let shown = async || managed.send(Method::GET, &at, None).await.data();
    assert_eq!(shown().await["participants"][0]["permissions"], permitted(true));

    let path = format!("{at}/participants/{}/permissions", text(&joined["participant_id"]));
    let put = async |path: &str, body: Value| managed.send(Method::PUT, path, Some(body)).await;
    let set = put(&path, permitted(false)).await.data();
    assert_eq!(set["permissions"], permitted(false));
    assert_eq!(guest.hear().await["permissions"], permitted(false));
    assert_eq!(try_to(&mut guest, chat()).await.as_deref(), Some("forbidden"));
    assert_eq!(shown().await["participants"][0]["permissions"], permitted(false));

    let nobody = format!("{at}/participants/p_00000000/permissions");
    for (path, body, refusal) in [
        (&path, json!({"message": true}), (400, "invalid_argument")),
        (&path, json!(["message"]), (400, "invalid_argument")),
        (&nobody, permitted(true), (404, "participant_not_found")),
    ] {
        assert_eq!(put(path, body).await.refused(), refusal, "{path}");
    }
}

#[tokio::test]
async fn the_application_and_operators_rename_a_participant() {
    let managed = Managed::start().await;
    let handle = managed.api.server().handle();
    let room = managed.api.room().await;
    let (mut peer, _) = managed.api.enter_v2(&room, &room.access_token).await;
    let minted = handle.mint(id(&room), token(Permissions::NONE)).unwrap().ws_token;
    let (_guest, joined) = managed.api.enter_v2(&room, &minted).await;
    assert_eq!(peer.hear().await["type"], "peer_joined");
    let name = DisplayName::parse("小红").unwrap().unwrap();
    handle.set_name(id(&room), number(&joined), name).await.unwrap();
    assert_eq!(peer.hear().await["name"], "小红");
    let path = format!("/admin/rooms/{}/participants/{}/name", room.id, number(&joined));
    let rename = async |body| managed.send(Method::PUT, &path, Some(body)).await;
    assert_eq!(rename(json!({"name": " Robert "})).await.data()["name"], "Robert");
    assert_eq!(peer.hear().await["name"], "Robert");
    for wrong in [json!({"name": "\u{200b}"}), json!({"name": 7}), json!({})] {
        assert_eq!(rename(wrong).await.refused(), (400, "invalid_argument"));
    }
    let nobody = format!("/admin/rooms/{}/participants/p_00000000/name", room.id);
    let refused = managed.send(Method::PUT, &nobody, Some(json!({"name": "Robert"}))).await;
    assert_eq!(refused.refused(), (404, "participant_not_found"));
}
