//! Joins that code of the embedder decides on, which may fail in every way.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use signal_core::ParticipantId;
use signal_core::identity::{Attributes, Identity};
use signal_server::{
    Admit, Builder, CreateRoom, DisplayName, JoinDecision, JoinRequest, Limits, MintToken, Origins,
    RoomId, async_trait,
};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::common::{Answer, Api, PATIENCE, Room, answer, builder, pass, text};

/// Treats the session cookie as the name of what it should do.
#[derive(Clone, Default)]
struct Meeting {
    asked: Arc<AtomicU32>,
    hangs: Arc<Notify>,
    hung_up: Arc<Notify>,
}

struct NotifiesWhenDropped<'a>(&'a Notify);

impl Drop for NotifiesWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl Admit for Meeting {
    async fn admit(&self, request: JoinRequest<'_>) -> JoinDecision {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(request.room.creator(), Some("alice"));
        assert!(request.login.address.is_some());
        let mut token = MintToken::new(request.name.clone());
        match request.login.cookie("session").unwrap_or_default() {
            "" => JoinDecision::AskPassword(token),
            "down" => JoinDecision::Unavailable,
            "hang" => {
                let _hung_up = NotifiesWhenDropped(&self.hung_up);
                self.hangs.notify_one();
                pending().await
            }
            "panic" => panic!("a bug of the embedder's"),
            "stranger" => JoinDecision::Refuse,
            member => {
                let role = Attributes::new([("role", "member")]).unwrap();
                token.identity = Identity::of(member.parse().unwrap()).with(role);
                token.passes_lock = member == "chair";
                token.lifetime = Duration::from_secs(3600);
                let mut options = request.login.uri.query().unwrap_or_default().split('&');
                let seat = options.find_map(|option| option.strip_prefix("seat="));
                token.seat = seat.map(str::to_owned);
                JoinDecision::Admit(token)
            }
        }
    }
}

impl Meeting {
    fn builder(&self) -> Builder {
        builder().admit(self.clone())
    }

    async fn serve(&self) -> Api {
        Api::start_with(self.builder()).await
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// A join that a page of the server's own sends.
fn join_as(api: &Api, room: &str, session: &str, query: &str) -> RequestBuilder {
    let path = format!("/api/webrtc/rooms/{room}/join{query}");
    let request = api.request(Method::POST, &path).header("sec-fetch-site", "same-origin");
    request.header("cookie", format!("session={session}"))
}

async fn join(api: &Api, room: &Room, session: &str) -> Answer {
    answer(join_as(api, &room.id, session, "")).await
}

/// The number in a participant id, which decreases from one to the next.
fn number(joined: &Value) -> u64 {
    let id: ParticipantId = text(&joined["participant_id"]).parse().unwrap();
    u64::from_str_radix(&id.as_str()[2..7], 36).unwrap()
}

#[tokio::test]
async fn whoever_the_application_admits_joins_without_a_password_and_is_known_to_it() {
    let api = Meeting::default().serve().await;
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let body = json!({"display_name": "小红"});
    let joined = answer(join_as(&api, &room.id, "bob", "").json(&body)).await.data();
    let (_bob, entered) = api.enter_v2(&room, &text(&joined["ws_token"])).await;
    assert_eq!(entered["participant_id"], joined["participant_id"]);
    let told = creator.hear().await;
    assert_eq!(told["participant"]["attributes"], json!({"role": "member"}), "{told}");
    assert_eq!(told["participant"]["name"], "小红", "{told}");
    let id: RoomId = room.id.parse().unwrap();
    let participants = api.server().handle().room(id).unwrap().participants;
    let user = participants[1].identity.user.as_ref().unwrap();
    assert_eq!((user.as_str(), participants.len()), ("bob", 2));
    // However long its token should have been valid.
    let expires = text(&joined["token_expires_at"]);
    let plain = api.join(&room.id, &json!({"password": room.password})).await.data();
    assert_eq!(expires[..13], text(&plain["token_expires_at"])[..13]);
}

#[tokio::test]
async fn the_application_refuses_or_leaves_the_decision_to_the_password() {
    let api = Meeting::default().serve().await;
    let room = api.room().await;
    assert_eq!(join(&api, &room, "stranger").await.refused(), (403, "forbidden"));
    let body = json!({"password": room.password});
    let knows = answer(join_as(&api, &room.id, "stranger", "").json(&body)).await;
    assert_eq!(knows.refused(), (403, "forbidden"), "the password does not help");
    assert_eq!(api.join(&room.id, &json!({})).await.refused(), (400, "invalid_argument"));
    let wrong = api.join(&room.id, &json!({"password": "wrong!"})).await;
    assert_eq!(wrong.refused(), (401, "wrong_password"));
    api.join(&room.id, &body).await.data();
}

#[tokio::test]
async fn without_such_code_a_join_needs_a_password_or_an_invite() {
    let api = Api::start().await;
    let room = api.room().await;
    let refused = answer(join_as(&api, &room.id, "bob", "")).await;
    assert_eq!(refused.refused(), (400, "invalid_argument"));
    assert!(refused.message().contains("password"), "{refused:?}");
}

#[tokio::test]
async fn a_cookie_of_another_page_admits_nobody() {
    let listed = "https://page.example";
    let builder = Meeting::default().builder();
    let api = Api::start_with(builder.origins(Origins::listed([listed.parse().unwrap()]))).await;
    let room = api.room().await;
    for foreign in [&[][..], &[("origin", listed)], &[("sec-fetch-site", "same-site")]] {
        let path = format!("/api/webrtc/rooms/{}/join", room.id);
        let request = api.request(Method::POST, &path).header("cookie", "session=bob");
        let request =
            foreign.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert_eq!(answer(request).await.refused(), (400, "invalid_argument"), "{foreign:?}");
    }
}

#[tokio::test]
async fn the_room_still_decides_whether_it_is_locked_full_or_over() {
    let meeting = Meeting::default();
    let api = meeting.serve().await;
    let room = api.room_with(&json!({"max_participants": 2})).await;
    api.change(&room, &json!({"locked": true})).await.data();
    assert_eq!(join(&api, &room, "bob").await.refused(), (403, "room_locked"));
    let chair = join(&api, &room, "chair").await.data();
    let (_chair, _) = api.enter_v2(&room, &text(&chair["ws_token"])).await;
    assert_eq!(join(&api, &room, "chair").await.refused(), (400, "room_full"));
    api.close(&room.id, &room.access_token).await.data();
    let asked = meeting.asked();
    assert_eq!(join(&api, &room, "bob").await.refused(), (404, "room_not_found"));
    let unknown = answer(join_as(&api, "222222", "bob", "")).await;
    assert_eq!(unknown.refused(), (404, "room_not_found"));
    assert_eq!(meeting.asked(), asked, "the application is not asked about unknown rooms");

    let room = api.room_with(&json!({"expires_minutes": 1})).await;
    pass(Duration::from_secs(61)).await;
    assert_eq!(join(&api, &room, "bob").await.refused(), (400, "room_expired"));
    assert_eq!(join(&api, &room, "stranger").await.refused(), (403, "forbidden"));
}

#[tokio::test]
async fn a_seat_that_the_application_names_is_taken_once_and_a_banned_user_gets_none() {
    let api = Meeting::default().serve().await;
    let room = api.room().await;
    let seat = "?seat=bob";
    let first = answer(join_as(&api, &room.id, "bob", seat)).await.data();
    let (mut older, _) = api.enter_v2(&room, &text(&first["ws_token"])).await;
    let second = answer(join_as(&api, &room.id, "bob", seat)).await.data();
    let (_newer, _) = api.enter_v2(&room, &text(&second["ws_token"])).await;
    assert_eq!(older.read_until_closed().await, 4509);
    let id: RoomId = room.id.parse().unwrap();
    let before = number(&join(&api, &room, "carol").await.data());
    api.server().handle().ban_user(id, "bob".parse().unwrap()).await.unwrap();
    assert_eq!(join(&api, &room, "bob").await.refused(), (403, "forbidden"));
    let after = number(&join(&api, &room, "carol").await.data());
    assert_eq!(before - after, 1, "a refusal issues no participant id");
}

#[tokio::test]
async fn a_ban_by_the_creator_keeps_out_a_user_whom_the_application_admits() {
    let api = Meeting::default().serve().await;
    let room = api.room().await;
    let phone = join(&api, &room, "bob").await.data();
    let laptop = join(&api, &room, "bob").await.data();
    let (mut phone, joined) = api.enter_v2(&room, &text(&phone["ws_token"])).await;
    let (mut laptop, _) = api.enter_v2(&room, &text(&laptop["ws_token"])).await;
    let path = format!(
        "/api/webrtc/rooms/{}/participants/{}?ban=true",
        room.id,
        text(&joined["participant_id"])
    );
    let ban = api.request(Method::DELETE, &path).bearer_auth(&room.access_token);
    answer(ban).await.data();
    assert_eq!(phone.read_until_closed().await, 4511);
    assert_eq!(laptop.read_until_closed().await, 4511);
    assert_eq!(join(&api, &room, "bob").await.refused(), (403, "forbidden"));
    join(&api, &room, "carol").await.data();
}

#[tokio::test]
async fn a_decision_that_fails_or_hangs_changes_nothing() {
    let meeting = Meeting::default();
    let limits = Limits::with(|limits| limits.room_joins_per_minute = 3);
    let api = Api::start_with(meeting.builder().limits(limits).unwrap()).await;
    let room = api.room().await;
    let before = number(&join(&api, &room, "bob").await.data());
    for session in ["down", "panic"] {
        assert_eq!(join(&api, &room, session).await.refused(), (503, "unavailable"), "{session}");
    }
    let hanging = tokio::spawn(answer(join_as(&api, &room.id, "hang", "")));
    meeting.hangs.notified().await;
    pass(Duration::from_secs(6)).await;
    assert_eq!(hanging.await.unwrap().refused(), (503, "unavailable"));
    // Neither a participant id nor one of the three joins is used up.
    let after = number(&join(&api, &room, "bob").await.data());
    assert_eq!(before - after, 1);
    join(&api, &room, "bob").await.data();
    assert_eq!(join(&api, &room, "bob").await.refused(), (429, "rate_limited"));
}

#[tokio::test]
async fn an_address_over_its_limits_is_refused_before_the_application_is_asked() {
    let meeting = Meeting::default();
    let limits = Limits::with(|limits| {
        limits.joins_per_minute = 2;
        limits.failed_joins_per_room = 1;
    });
    let api = Api::start_with(meeting.builder().limits(limits).unwrap()).await;
    let room = api.room().await;
    for _ in 0..2 {
        assert_eq!(join(&api, &room, "stranger").await.refused(), (403, "forbidden"));
    }
    assert_eq!(join(&api, &room, "bob").await.refused(), (429, "rate_limited"));
    assert_eq!(meeting.asked(), 2, "a refusal counts");
}

#[tokio::test]
async fn a_join_about_which_the_application_was_asked_counts_whatever_the_password_is() {
    let meeting = Meeting::default();
    let limits = Limits::with(|limits| limits.room_joins_per_minute = 2);
    let api = Api::start_with(meeting.builder().limits(limits).unwrap()).await;
    let room = api.room().await;
    let wrong = async || api.join(&room.id, &json!({"password": "wrong!"})).await;
    for _ in 0..2 {
        assert_eq!(wrong().await.refused(), (401, "wrong_password"));
    }
    assert_eq!(wrong().await.refused(), (429, "rate_limited"));
    assert_eq!(meeting.asked(), 2);
}

#[tokio::test]
async fn a_join_counts_although_the_client_hangs_up_while_the_application_decides() {
    let meeting = Meeting::default();
    let limits = Limits::with(|limits| limits.room_joins_per_minute = 1);
    let api = Api::start_with(meeting.builder().limits(limits).unwrap()).await;
    let room = api.room().await;
    let hanging = tokio::spawn(answer(join_as(&api, &room.id, "hang", "")));
    meeting.hangs.notified().await;
    hanging.abort();
    timeout(PATIENCE, meeting.hung_up.notified()).await.expect("the call is dropped");
    assert_eq!(join(&api, &room, "bob").await.refused(), (429, "rate_limited"));
}

#[tokio::test]
async fn a_member_with_a_wrong_password_joins_although_its_address_has_no_attempts_left() {
    let meeting = Meeting::default();
    let limits = Limits::with(|limits| limits.failed_joins_per_room = 1);
    let api = Api::start_with(meeting.builder().limits(limits).unwrap()).await;
    let room = api.room().await;
    let wrong = async || api.join(&room.id, &json!({"password": "wrong!"})).await;
    assert_eq!(wrong().await.refused(), (401, "wrong_password"));
    assert_eq!(wrong().await.refused(), (429, "rate_limited"));
    let member = join_as(&api, &room.id, "bob", "").json(&json!({"password": "wrong!"}));
    answer(member).await.data();
    assert_eq!(meeting.asked(), 3);
}

/// Admits everybody, as soon as the test lets it.
#[derive(Clone, Default)]
struct Slow {
    is_asked: Arc<Notify>,
    may_answer: Arc<Notify>,
}

#[async_trait]
impl Admit for Slow {
    async fn admit(&self, request: JoinRequest<'_>) -> JoinDecision {
        self.is_asked.notify_one();
        self.may_answer.notified().await;
        JoinDecision::Admit(MintToken::new(request.name.clone()))
    }
}

#[tokio::test]
async fn a_decision_about_a_room_does_not_hold_for_a_later_one_with_its_id() {
    let slow = Slow::default();
    let api = Api::start_with(builder().admit(slow.clone())).await;
    let handle = api.server().handle();
    let mut new = CreateRoom::without_creator(DisplayName::parse("daily").unwrap().unwrap());
    new.id = Some(RoomId::chosen("daily").unwrap());
    let id = handle.create_room(new.clone()).await.unwrap().room.id;
    let join = || tokio::spawn(answer(join_as(&api, "daily", "", "")));
    let joining = join();
    slow.is_asked.notified().await;
    handle.close_room(id).await.unwrap();
    handle.create_room(new).await.unwrap();
    slow.may_answer.notify_one();
    assert_eq!(joining.await.unwrap().refused(), (404, "room_not_found"));
    slow.may_answer.notify_one();
    join().await.unwrap().data();
}
