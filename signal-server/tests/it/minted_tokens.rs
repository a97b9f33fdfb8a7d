//! Tokens that the embedding code creates.

use std::time::{Duration, SystemTime};

use serde_json::json;
use signal_core::identity::{Attributes, Identity, UserId};
use signal_server::{DisplayName, KickError, MintError, MintToken, RoomId, ServerHandle};

use crate::common::{Api, Room, text};

fn id(room: &Room) -> RoomId {
    room.id.parse().unwrap()
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

fn token_for(name: &str) -> MintToken {
    let mut token = MintToken::new(DisplayName::parse(name).unwrap().unwrap());
    token.identity = Identity::of(user(name));
    token
}

/// The same with other settings than the usual ones.
fn token_with(name: &str, set: impl FnOnce(&mut MintToken)) -> MintToken {
    let mut token = token_for(name);
    set(&mut token);
    token
}

fn minted(handle: &ServerHandle, room: &Room, token: MintToken) -> String {
    handle.mint(id(room), token).unwrap().ws_token
}

#[tokio::test]
async fn a_minted_token_says_who_comes_to_the_application_and_what_of_it_to_others() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (mut other, _) = api.enter_v2(&room, &room.access_token).await;
    let mut token = token_for("user-17");
    token.identity = token.identity.with(Attributes::new([("role", "host")]).unwrap());
    let (_guest, joined) = api.enter_v2(&room, &minted(&handle, &room, token.clone())).await;
    let told = other.hear().await;
    assert_eq!(told["participant"]["attributes"], json!({"role": "host"}), "{told}");
    let participants = handle.room(id(&room)).unwrap().participants;
    let [creator, guest] = participants.as_slice() else { panic!("{participants:?}") };
    assert_eq!(guest.id.to_string(), text(&joined["participant_id"]));
    assert_eq!((&*guest.identity, creator.identity.user.as_ref()), (&token.identity, None));
}

#[tokio::test]
async fn a_named_seat_is_taken_once_and_others_as_often_as_there_are_tokens() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let named = || token_with("alice", |token| token.seat = Some("alice".to_owned()));
    let (mut older, _) = api.enter_v2(&room, &minted(&handle, &room, named())).await;
    let (_newer, _) = api.enter_v2(&room, &minted(&handle, &room, named())).await;
    assert_eq!(older.read_until_closed().await, 4509);
    let mut devices = Vec::new();
    for _ in 0..2 {
        let token = minted(&handle, &room, token_for("bob"));
        devices.push(api.enter_v2(&room, &token).await);
    }
    assert_eq!(handle.room(id(&room)).unwrap().participants.len(), 3);
}

#[tokio::test]
async fn a_kick_voids_a_named_seat_which_is_told_when_a_token_for_it_is_minted() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let seat = |name: &str| token_with("alice", |token| token.seat = Some(name.to_owned()));
    let (mut kicked, joined) = api.enter_v2(&room, &minted(&handle, &room, seat("a"))).await;
    handle.kick(id(&room), text(&joined["participant_id"]).parse().unwrap()).await.unwrap();
    assert_eq!(kicked.read_until_closed().await, 4511);
    assert_eq!(handle.mint(id(&room), seat("a")), Err(MintError::SeatVoid));
    api.enter_v2(&room, &minted(&handle, &room, seat("b"))).await;
}

#[tokio::test]
async fn a_minted_token_passes_a_lock_and_a_new_password_only_if_asked() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let usual = minted(&handle, &room, token_for("usual"));
    let through_lock = minted(&handle, &room, token_with("lock", |token| token.passes_lock = true));
    let through_both = minted(
        &handle,
        &room,
        token_with("both", |token| {
            token.passes_lock = true;
            token.passes_rotation = true;
        }),
    );
    handle.set_locked(id(&room), true).await.unwrap();
    assert_eq!(api.attach(&room.id, &usual).await.error().await, "forbidden");
    let (_guest, _) = api.enter_v2(&room, &through_lock).await;

    let unused = minted(&handle, &room, token_with("late", |token| token.passes_lock = true));
    handle.rotate_password(id(&room)).await.unwrap();
    assert_eq!(api.attach(&room.id, &unused).await.error().await, "token_invalid");
    api.enter_v2(&room, &through_both).await;
}

#[tokio::test]
async fn a_minted_token_lives_ten_minutes_at_most() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let long = Duration::from_secs(601);
    let refused = handle.mint(id(&room), token_with("alice", |token| token.lifetime = long));
    assert_eq!(refused, Err(MintError::TooLong));
    let token = handle.mint(id(&room), token_for("alice")).unwrap();
    let lives = token.expires_at.duration_since(SystemTime::now()).unwrap();
    assert!(lives <= Duration::from_secs(600) && lives > Duration::from_secs(500), "{lives:?}");
    assert!(!format!("{token:?}").contains(&token.ws_token));
    let refused = handle.mint("222222".parse().unwrap(), token_for("alice"));
    assert_eq!(refused, Err(MintError::RoomNotFound));
}

#[tokio::test]
async fn a_kicked_user_leaves_with_all_devices_and_a_banned_one_gets_no_token() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (number, bob) = (id(&room), user("bob"));
    let enter = async |name: &str| {
        let token = minted(&handle, &room, token_for(name));
        api.enter_v2(&room, &token).await.0
    };
    let (mut phone, mut laptop, mut carol) =
        (enter("bob").await, enter("bob").await, enter("carol").await);
    let kept = minted(&handle, &room, token_for("bob"));
    handle.kick_user(number, bob.clone()).await.unwrap();
    assert_eq!((phone.read_until_closed().await, laptop.read_until_closed().await), (4511, 4511));
    let kicked = handle.kick_user(number, bob.clone()).await;
    assert_eq!(kicked, Err(KickError::ParticipantNotFound));
    let (mut again, _) = api.enter_v2(&room, &kept).await;

    handle.ban_user(number, bob.clone()).await.unwrap();
    assert_eq!(again.read_until_closed().await, 4511);
    assert_eq!(handle.mint(number, token_for("bob")), Err(MintError::Banned));
    // A banned user cannot enter with a token that it already has.
    let dave = minted(&handle, &room, token_for("dave"));
    handle.ban_user(number, user("dave")).await.unwrap();
    assert_eq!(api.attach(&room.id, &dave).await.error().await, "token_invalid");
    carol.say(&json!({"type": "ping", "t": 1})).await;
    while carol.hear().await["type"] != "pong" {}
    let elsewhere = "222222".parse().unwrap();
    assert_eq!(handle.ban_user(elsewhere, bob).await, Err(KickError::RoomNotFound));
}
