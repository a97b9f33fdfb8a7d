//! `DELETE /api/webrtc/rooms/{room_id}/participants/{participant_id}`.

use reqwest::Method;
use serde_json::json;
use signal_server::Limits;

use crate::common::{Answer, Api, Room, answer, builder, keys, text};

async fn kick(api: &Api, room: &Room, participant: &str, query: &str) -> Answer {
    api.ask(Method::DELETE, room, &format!("/participants/{participant}{query}")).await
}

#[tokio::test]
async fn who_is_put_out_is_told_and_the_others_hear_why_it_left() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut witness, _) = api.enter_v2(&room, &room.access_token).await;
    let (mut plain, plain_id) = api.guest(&room, "v1").await;
    let token = api.ws_token(&room, "v2").await;
    let (mut guest, joined) = api.enter_v2(&room, &token).await;
    let id = text(&joined["participant_id"]);
    plain.hear().await;
    for _ in 0..2 {
        assert_eq!(witness.hear().await["type"], "peer_joined");
    }

    assert_eq!(kick(&api, &room, &id, "").await.data(), json!({"participant_id": id}));
    assert_eq!(guest.hear().await, json!({"type": "kicked", "reason": "您已被移出房间"}));
    assert_eq!(guest.closed().await, 4511);
    assert_eq!(
        witness.hear().await,
        json!({"type": "peer_left", "participant_id": id, "reason": "kicked"})
    );
    assert_eq!(plain.hear().await, json!({"type": "peer_left", "participant_id": id}));
    // Neither of its tokens opens the room again, but the password does.
    let mut again = api.attach(&room.id, &token).await;
    assert_eq!((again.error().await.as_str(), again.closed().await), ("token_invalid", 4500));
    let (mut resumed, refusal) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!((refusal["code"].as_str(), resumed.closed().await), (Some("resume_failed"), 4510));
    // Repeated it is done already.
    assert_eq!(kick(&api, &room, &id, "?ban=false").await.data(), json!({"participant_id": id}));

    kick(&api, &room, &plain_id, "").await.data();
    assert_eq!(plain.hear().await, json!({"type": "room_closed", "reason": "您已被移出房间"}));
    assert_eq!(plain.closed().await, 4511);
    assert_eq!(witness.hear().await["reason"], "kicked");
    api.guest(&room, "again").await;
}

#[tokio::test]
async fn who_lost_its_socket_is_put_out_all_the_same() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut witness, _) = api.enter_v2(&room, &room.access_token).await;
    let (lost, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    drop(lost);
    for heard in ["peer_joined", "peer_updated"] {
        assert_eq!(witness.hear().await["type"], heard);
    }
    kick(&api, &room, &text(&joined["participant_id"]), "").await.data();
    assert_eq!(witness.hear().await["reason"], "kicked");
    let (_, refusal) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(refusal["code"], "resume_failed");
}

#[tokio::test]
async fn a_ban_is_a_kick_with_a_new_password_and_invite() {
    let public = "https://example.com".parse().unwrap();
    let api =
        Api::start_with(builder().limits(Limits::generous()).unwrap().public_url(public)).await;
    let room = api.room().await;
    let unused = api.ws_token(&room, "unused").await;
    let (mut guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let banned = kick(&api, &room, &text(&joined["participant_id"]), "?ban=true").await.data();
    assert_eq!(keys(&banned), ["invite_token", "join_url", "participant_id", "password"]);
    assert_eq!(guest.hear().await["type"], "kicked");
    assert_eq!(guest.closed().await, 4511);
    let old = api.join(&room.id, &json!({"password": room.password})).await;
    assert_eq!(old.refused(), (401, "wrong_password"));
    let mut refused = api.attach(&room.id, &unused).await;
    assert_eq!(refused.error().await, "token_invalid");
    api.join(&room.id, &json!({"password": banned["password"]})).await.data();
    api.join(&room.id, &json!({"invite_token": banned["invite_token"]})).await.data();
    let link = format!("https://example.com/{}#{}", room.id, text(&banned["invite_token"]));
    assert_eq!(banned["join_url"], link);
}

#[tokio::test]
async fn a_ban_puts_somebody_out_however_often_the_password_was_changed() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut guest, id) = api.guest(&room, "guest").await;
    for _ in 0..10 {
        api.change(&room, &json!({"rotate_password": true})).await.data();
    }
    kick(&api, &room, &id, "?ban=true").await.data();
    assert_eq!(guest.hear().await["type"], "room_closed");
}

#[tokio::test]
async fn nobody_puts_out_the_creator_or_somebody_who_is_not_there() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, creator_id) = api.creator(&room).await;
    assert_eq!(kick(&api, &room, &creator_id, "").await.refused(), (403, "forbidden"));
    for absent in ["p_00000000", "x", "no%20id", "p_longer_than_an_id_can_be"] {
        assert_eq!(
            kick(&api, &room, absent, "").await.refused(),
            (404, "participant_not_found"),
            "{absent}"
        );
    }
    let bad = kick(&api, &room, "p_00000000", "?ban=maybe").await;
    assert_eq!(bad.refused(), (400, "invalid_argument"));
    assert!(bad.message().contains("ban"), "{bad:?}");
    let elsewhere = Room {
        id: "222222".into(),
        password: String::new(),
        access_token: room.access_token.clone(),
    };
    assert_eq!(kick(&api, &elsewhere, &creator_id, "").await.refused(), (404, "room_not_found"));
    creator.expect_nothing_waiting().await;
}

#[tokio::test]
async fn only_the_creator_may_put_somebody_out() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut guest, id) = api.guest(&room, "guest").await;
    let path = format!("/api/webrtc/rooms/{}/participants/{id}", room.id);
    assert_eq!(answer(api.request(Method::DELETE, &path)).await.refused(), (401, "unauthorized"));
    for (user, refusal) in [
        (api.ws_token(&room, "other").await, (401, "unauthorized")),
        (api.access_token("bob"), (403, "forbidden")),
    ] {
        assert_eq!(
            answer(api.request(Method::DELETE, &path).bearer_auth(user)).await.refused(),
            refusal
        );
    }
    guest.expect_nothing_waiting().await;
}
