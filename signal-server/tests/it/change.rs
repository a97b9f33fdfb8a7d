//! `PATCH /api/webrtc/rooms/{room_id}`, and what participants learn of it.

use std::time::Duration;

use client_sdk::Invite;
use reqwest::Method;
use serde_json::{Value, json};
use signal_server::Limits;

use crate::common::{Api, Participant, Room, answer, builder, keys, pass, text};

const CLOSED_ROOM: (u16, &str) = (404, "room_not_found");

fn password(room: &Room) -> Value {
    json!({"password": room.password})
}

#[tokio::test]
async fn what_is_changed_is_answered_and_told_to_those_who_speak_v2() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"name": "before", "expires_minutes": 60})).await;
    let (mut creator, _) = api.creator(&room).await;
    let (mut guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    let mut expected = joined["room"].clone();
    for (field, value) in
        [("name", json!("之后")), ("locked", json!(true)), ("max_participants", json!(2))]
    {
        let changed = api.change(&room, &json!({field: value})).await.data();
        assert_eq!(changed[field], value);
        assert!(!keys(&changed).contains(&"password"), "{changed}");
        expected[field] = value;
        assert_eq!(guest.hear().await, json!({"type": "room_updated", "room": expected}));
    }
    // However a whole number is written.
    let written =
        api.change(&room, &json!({"max_participants": 2.0, "expires_minutes": 60.0})).await.data();
    assert_eq!(written["max_participants"], 2);
    // Nothing to change, nothing to tell.
    for same in [
        json!({}),
        json!({"name": null, "locked": null, "rotate_password": null}),
        json!({"locked": true}),
        json!({"name": " \u{200b}"}),
    ] {
        assert_eq!(api.change(&room, &same).await.data()["name"], "之后");
    }
    let all = json!({"name": "last", "locked": false, "max_participants": 50, "ignored": 1});
    let changed = api.change(&room, &all).await.data();
    for (field, value) in all.as_object().unwrap().iter().filter(|(field, _)| *field != "ignored") {
        assert_eq!(&changed[field], value);
        expected[field] = value.clone();
    }
    assert_eq!(guest.hear().await, json!({"type": "room_updated", "room": expected}));
    // v1 participants learn none of it.
    creator.expect_nothing_waiting().await;
}

#[tokio::test]
async fn an_extension_counts_from_the_creation_and_brings_fresh_ice_servers() {
    let turn = ["turn:turn.example.com:3478".to_owned()];
    let api = Api::start_with(builder().turn(signal_server::Secret::new("turn"), turn)).await;
    let room = api.room_with(&json!({"expires_minutes": 2})).await;
    pass(Duration::from_secs(60)).await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let (mut guest, guest_joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let (mut plain, _) = api.guest(&room, "v1").await;
    for heard in ["peer_joined", "peer_joined"] {
        assert_eq!(creator.hear().await["type"], heard);
    }
    assert_eq!(guest.hear().await["type"], "peer_joined");

    let changed = api.change(&room, &json!({"expires_minutes": 4})).await.data();
    let shown = api.ask(Method::GET, &room, "").await.data();
    let minutes = |from: &Value, to: &Value| minute(to) - minute(from);
    assert_eq!(minutes(&shown["created_at"], &changed["expires_at"]).rem_euclid(60), 4);
    for (participant, id) in
        [(&mut creator, None), (&mut guest, Some(&guest_joined["participant_id"]))]
    {
        let updated = participant.hear().await;
        assert_eq!(updated["type"], "room_updated");
        let pushed = participant.hear().await;
        assert_eq!(pushed["type"], "ice_servers");
        assert_eq!(keys(&pushed), ["ice_expires_at", "ice_servers", "type"]);
        assert_eq!(pushed["ice_expires_at"], updated["room"]["expires_at"]);
        assert!(text(&pushed["ice_expires_at"]) > text(&guest_joined["ice_expires_at"]));
        if let Some(id) = id {
            let username = text(&pushed["ice_servers"][0]["username"]);
            assert!(username.ends_with(&format!(":guest_{}", text(id))), "{username}");
            assert_ne!(username, text(&guest_joined["ice_servers"][0]["username"]));
        }
    }
    plain.expect_nothing_waiting().await;
    plain.close().await;
    for participant in [&mut creator, &mut guest] {
        assert_eq!(participant.hear().await["type"], "peer_left");
    }

    // The room lasts until then; a shorter life is told, and no ice servers are renewed for it.
    pass(Duration::from_secs(40)).await;
    for participant in [&mut creator, &mut guest] {
        ping(participant).await;
    }
    pass(Duration::from_secs(40)).await;
    api.change(&room, &json!({"expires_minutes": 3})).await.data();
    for participant in [&mut creator, &mut guest] {
        assert_eq!(participant.hear().await["type"], "room_updated");
        ping(participant).await;
    }
    pass(Duration::from_secs(41)).await;
    assert_eq!(guest.hear().await["type"], "room_closed");
    assert_eq!(
        api.change(&room, &json!({"expires_minutes": 60})).await.refused(),
        (400, "room_expired")
    );
}

/// Shows that nothing waits, and that somebody is there.
async fn ping(participant: &mut Participant) {
    participant.say(&json!({"type": "ping"})).await;
    assert_eq!(participant.hear().await["type"], "pong");
}

/// The minute of an hour.
fn minute(time: &Value) -> i64 {
    text(time)[14..16].parse().unwrap()
}

#[tokio::test]
async fn a_room_lasts_no_longer_than_a_day_and_does_not_end_in_the_past() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"expires_minutes": 60})).await;
    let day = api.change(&room, &json!({"expires_minutes": 1440})).await.data();
    let created = text(&day["created_at"]);
    assert_eq!(text(&day["expires_at"])[11..], created[11..], "the same time on the next day");
    pass(Duration::from_secs(5 * 60)).await;
    for minutes in [1441, 0, -1, 5, 1] {
        let refused = api.change(&room, &json!({"expires_minutes": minutes})).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"), "{minutes}");
        assert!(refused.message().contains("expires_minutes"), "{refused:?}");
    }
    assert_eq!(api.ask(Method::GET, &room, "").await.data()["expires_at"], day["expires_at"]);
}

#[tokio::test]
async fn a_smaller_room_puts_nobody_out_and_lets_nobody_in() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut first, _) = api.guest(&room, "first").await;
    let (mut second, _) = api.guest(&room, "second").await;
    first.hear().await;
    api.change(&room, &json!({"max_participants": 2})).await.data();
    assert_eq!(api.ask(Method::GET, &room, "").await.data()["participant_count"], 2);
    assert_eq!(api.join(&room.id, &password(&room)).await.refused(), (400, "room_full"));
    first.expect_nothing_waiting().await;
    second.expect_nothing_waiting().await;
    api.creator(&room).await;
}

#[tokio::test]
async fn a_lock_keeps_newcomers_out_but_not_the_creator_nor_those_who_were_in() {
    let api = Api::start().await;
    let created = api.create(&json!({})).await.data();
    let room = Room {
        id: text(&created["room_id"]),
        password: text(&created["password"]),
        access_token: api.access_token("alice"),
    };
    let (lost, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let late = api.ws_token(&room, "late").await;
    api.change(&room, &json!({"locked": true})).await.data();
    assert_eq!(api.join(&room.id, &password(&room)).await.refused(), (403, "room_locked"));
    let invite = json!({"invite_token": created["invite_token"]});
    assert_eq!(api.join(&room.id, &invite).await.refused(), (403, "room_locked"));
    assert_eq!(
        api.join(&room.id, &json!({"password": "wrong!"})).await.refused(),
        (401, "wrong_password")
    );
    let mut refused = api.attach(&room.id, &late).await;
    assert_eq!(refused.error().await, "forbidden");
    drop(lost);
    let (_guest, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(resumed["type"], "resumed");
    api.creator(&room).await;
    api.change(&room, &json!({"locked": false})).await.data();
    api.guest(&room, "now").await;
    api.attach(&room.id, &late).await.joined().await;
}

#[tokio::test]
async fn a_new_password_voids_the_old_one_its_invite_and_unused_tokens() {
    let public = "https://example.com/join/".parse().unwrap();
    let api =
        Api::start_with(builder().limits(Limits::generous()).unwrap().public_url(public)).await;
    let created = api.create(&json!({})).await.data();
    let mut room = Room {
        id: text(&created["room_id"]),
        password: text(&created["password"]),
        access_token: api.access_token("alice"),
    };
    let mut invite = created["invite_token"].clone();
    for wanted in [json!(true), json!("n3w-pw")] {
        let unused = api.ws_token(&room, "late").await;
        let (mut seated, _) = api.enter_v2(&room, &api.ws_token(&room, "seated").await).await;
        let rotated =
            api.change(&room, &json!({"rotate_password": wanted, "locked": false})).await.data();
        let new = text(&rotated["password"]);
        assert_ne!(new, room.password);
        if wanted == json!(true) {
            assert!(new.len() == 6 && new.bytes().all(|byte| byte.is_ascii_digit()), "{new}");
        } else {
            assert_eq!(json!(new), wanted);
        }
        assert_eq!(api.join(&room.id, &password(&room)).await.refused(), (401, "wrong_password"));
        let old_invite = json!({"invite_token": invite});
        assert_eq!(api.join(&room.id, &old_invite).await.refused(), (401, "invite_void"));
        let mut refused = api.attach(&room.id, &unused).await;
        assert_eq!(
            (refused.error().await.as_str(), refused.closed().await),
            ("token_invalid", 4500)
        );
        // Participants inside stay and are not told.
        ping(&mut seated).await;
        let link: Invite = text(&rotated["join_url"]).parse().unwrap();
        assert_eq!(
            link,
            format!("https://example.com/join/{}#{}", room.id, text(&rotated["invite_token"]))
                .parse()
                .unwrap()
        );
        assert_eq!(
            (link.server(), link.room_id()),
            (Some("https://example.com"), room.id.as_str())
        );
        invite = rotated["invite_token"].clone();
        room.password = new;
        api.join(&room.id, &password(&room)).await.data();
        api.join(&room.id, &json!({"invite_token": invite})).await.data();
        seated.close().await;
    }
}

#[tokio::test]
async fn a_new_password_gives_no_guess_back_and_may_be_set_as_often_as_its_creator_wants() {
    let api = Api::start_with(builder().limits(Limits::generous()).unwrap()).await;
    let mut room = api.room().await;
    for _ in 0..10 {
        api.join(&room.id, &json!({"password": "wrong!"})).await;
    }
    assert_eq!(api.join(&room.id, &password(&room)).await.refused(), (429, "password_locked"));
    for rotation in 0..30 {
        let rotated = api.change(&room, &json!({"rotate_password": true})).await.data();
        room.password = text(&rotated["password"]);
        if rotation == 0 {
            let same = api.change(&room, &json!({"rotate_password": room.password})).await;
            assert_eq!(same.refused(), (400, "invalid_argument"));
            assert!(same.message().contains("rotate_password"), "{same:?}");
        }
    }
    assert_eq!(api.join(&room.id, &password(&room)).await.refused(), (429, "password_locked"));
    api.change(&room, &json!({"restore_attempts": true})).await.data();
    api.join(&room.id, &password(&room)).await.data();
}

#[tokio::test]
async fn of_passwords_that_are_set_at_once_the_last_one_holds() {
    let api = Api::start().await;
    let room = api.room().await;
    let change = || async {
        text(&api.change(&room, &json!({"rotate_password": true})).await.data()["password"])
    };
    let (a, b, c) = tokio::join!(change(), change(), change());
    let mut open = 0;
    for password in [a, b, c] {
        open += u8::from(api.join(&room.id, &json!({"password": password})).await.status == 200);
    }
    assert_eq!(open, 1);
}

#[tokio::test]
async fn a_bad_argument_is_named_and_changes_nothing() {
    let api = Api::start().await;
    let room = api.room().await;
    for (field, value) in [
        ("name", json!("x".repeat(33))),
        ("name", json!(7)),
        ("locked", json!("yes")),
        ("max_participants", json!(0)),
        ("max_participants", json!(51)),
        ("max_participants", json!(1.5)),
        ("max_participants", json!(1e300)),
        ("expires_minutes", json!(u64::MAX)),
        ("expires_minutes", json!(1e18)),
        ("expires_minutes", json!("60")),
        ("rotate_password", json!("12345")),
        ("rotate_password", json!("密码")),
        ("rotate_password", json!(123_456)),
        ("rotate_password", json!(["a"])),
    ] {
        let refused = api.change(&room, &json!({"locked": true, field: value})).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"), "{field} {value}");
        assert!(refused.message().contains(field), "{field} is not named in {refused:?}");
    }
    let path = format!("/api/webrtc/rooms/{}", room.id);
    for body in ["", "[]", "{", r#"{"name":"a","name":"b"}"#] {
        let request = api.request(Method::PATCH, &path).bearer_auth(&room.access_token);
        let request = request.header("content-type", "application/json").body(body);
        assert_eq!(answer(request).await.refused(), (400, "invalid_argument"), "{body}");
    }
    let long = json!({"name": "x".repeat(8 * 1024)});
    assert_eq!(api.change(&room, &long).await.refused(), (413, "body_too_large"));
    assert_eq!(api.ask(Method::GET, &room, "").await.data()["locked"], false);
}

#[tokio::test]
async fn only_the_creator_may_change_a_room_that_is_open() {
    let api = Api::start().await;
    let room = api.room().await;
    let path = format!("/api/webrtc/rooms/{}", room.id);
    let body = json!({"locked": true});
    let anonymous = answer(api.request(Method::PATCH, &path).json(&body)).await;
    assert_eq!(anonymous.refused(), (401, "unauthorized"));
    for (user, refusal) in [
        (api.ws_token(&room, "guest").await, (401, "unauthorized")),
        (api.access_token("bob"), (403, "forbidden")),
    ] {
        let request = api.request(Method::PATCH, &path).bearer_auth(user).json(&body);
        assert_eq!(answer(request).await.refused(), refusal);
    }
    assert_eq!(api.ask(Method::GET, &room, "").await.data()["locked"], false);
    api.close(&room.id, &room.access_token).await.data();
    assert_eq!(api.change(&room, &body).await.refused(), CLOSED_ROOM);
    assert_eq!(
        api.change(&Room { id: "222222".into(), ..room }, &body).await.refused(),
        CLOSED_ROOM
    );
}
