//! The API document from beginning to end, for a client that was written from it alone.

use serde_json::json;

use crate::common::{Api, ODD_SDP, keys, text};

#[tokio::test]
async fn two_people_meet_negotiate_and_part() {
    let api = Api::start().await;

    // 1. Create.
    let body = json!({
        "name": "小明的房间", "password": "123456", "max_participants": 10, "expires_minutes": 120
    });
    let created = api.create(&body).await.data();
    assert_eq!(created["name"], "小明的房间");
    assert_eq!(created["password"], "123456");
    assert_eq!(created["max_participants"], 10);
    let room = text(&created["room_id"]);
    let access_token = api.access_token("alice");

    // 2. Join.
    let body = json!({"password": "123456", "display_name": "访客小红"});
    let joined = api.join(&room, &body).await.data();
    assert_eq!(
        keys(&joined),
        ["ice_servers", "participant_id", "room_name", "token_expires_at", "ws_token"]
    );
    assert_eq!(joined["room_name"], "小明的房间");
    let guest_id = text(&joined["participant_id"]);

    // 3. Both open their sockets.
    let mut creator = api.attach(&room, &access_token).await;
    let hello = creator.hear().await;
    let creator_id = text(&hello["participant_id"]);
    assert_eq!(hello, json!({"type": "joined", "participant_id": creator_id, "participants": []}));

    let mut guest = api.attach(&room, &text(&joined["ws_token"])).await;
    let alice = json!({"id": creator_id, "name": "alice", "is_creator": true});
    assert_eq!(
        guest.hear().await,
        json!({"type": "joined", "participant_id": guest_id, "participants": [alice]})
    );
    let newcomer = json!({"id": guest_id, "name": "访客小红", "is_creator": false});
    assert_eq!(creator.hear().await, json!({"type": "peer_joined", "participant": newcomer}));
    assert!(
        guest_id < creator_id,
        "the newcomer has the smaller id, so that it offers by either rule"
    );

    // Offer, answer and candidates arrive byte for byte.
    guest.say_text(&format!(r#"{{"type":"offer","to":"{creator_id}","sdp":{ODD_SDP}}}"#)).await;
    let expected = format!(r#"{{"type":"offer","from":"{guest_id}","sdp":{ODD_SDP}}}"#);
    assert_eq!(creator.hear_text().await, expected);

    creator
        .say_text(&format!(r#"{{"sdp" : {ODD_SDP}, "to":"{guest_id}", "type":"answer"}}"#))
        .await;
    let expected = format!(r#"{{"type":"answer","from":"{creator_id}","sdp":{ODD_SDP}}}"#);
    assert_eq!(guest.hear_text().await, expected);

    for candidate in [
        r#"{"candidate":"candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host","sdpMLineIndex":0,"sdpMid":"0"}"#,
        r#"{ "sdpMid" : null, "usernameFragment":"\u0041b", "candidate" : "", "x": [1e2, 1.0] }"#,
        "null",
        r#""""#,
    ] {
        guest
            .say_text(&format!(
                r#"{{"type":"candidate","to":"{creator_id}","candidate":{candidate}}}"#
            ))
            .await;
        let expected =
            format!(r#"{{"type":"candidate","from":"{guest_id}","candidate":{candidate}}}"#);
        assert_eq!(creator.hear_text().await, expected);
    }

    // The guest leaves.
    guest.say(&json!({"type": "leave"})).await;
    assert_eq!(guest.closed().await, 1000);
    assert_eq!(creator.hear().await, json!({"type": "peer_left", "participant_id": guest_id}));

    // The creator closes.
    assert_eq!(api.close(&room, &access_token).await.data(), json!({"room_id": room}));
    assert_eq!(creator.hear().await, json!({"type": "room_closed", "reason": "创建者关闭了房间"}));
    assert_eq!(creator.closed().await, 4503);
    assert_eq!(api.join(&room, &body).await.refused(), (404, "room_not_found"));
}

#[tokio::test]
async fn the_creator_follows_the_document_with_its_access_token_alone() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, creator_id) = api.creator(&room).await;
    let (mut first, first_id) = api.guest(&room, "first").await;
    creator.hear().await;
    let (mut second, second_id) = api.guest(&room, "second").await;
    // Everybody learns of the newcomer once, and relays go to the addressee only.
    for member in [&mut creator, &mut first] {
        assert_eq!(member.hear().await["participant"]["id"], second_id);
    }
    second.say(&json!({"type": "offer", "to": creator_id, "sdp": "x"})).await;
    assert_eq!(creator.hear().await["from"], second_id);
    first.expect_nothing_waiting().await;
    assert!(
        second_id < first_id && first_id < creator_id,
        "each newcomer has the smallest id so far"
    );
}
