//! Access tokens that are verified by code of the embedder, which may fail in every way.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use signal_core::identity::{Attributes, Identity};
use signal_server::{
    Authenticate, Limits, Login, LoginRequest, Origins, Server, TokenError, User, async_trait,
};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::{self, Api, Participant, answer, pass, text};

/// Treats the token, or else a cookie, as the name of what it should do.
#[derive(Clone, Default)]
struct Sessions {
    asked: Arc<AtomicU32>,
    hangs: Arc<Notify>,
}

#[async_trait]
impl Authenticate for Sessions {
    async fn authenticate(&self, request: LoginRequest<'_>) -> Result<User, TokenError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(request.uri.path().contains("/webrtc/rooms"), "{}", request.uri);
        assert!(request.address.is_some_and(|address| address.is_loopback()));
        match request.token.or(request.cookie("session")).unwrap_or_default() {
            "session-of-alice" => {
                let attributes = Attributes::new([("role", "teacher")]).unwrap();
                let identity = Identity::of("user-1".parse().unwrap()).with(attributes);
                Ok(User::new("alice").named("小明").identified(identity))
            }
            "session-of-a-guest" => Ok(User::new("guest").may_create(false)),
            "session-of-one-room" => Ok(User::new("one").open_rooms(1)),
            "session-of-two-a-minute" => Ok(User::new("two").creates_per_minute(2)),
            "session-of-bob" => Ok(User::new("bob").named("\u{200b}")),
            "session-of-nobody" => Ok(User::new("")),
            "old" => Err(TokenError::Expired),
            "database-down" => Err(TokenError::Unverifiable),
            "panic" => panic!("a bug of the embedder's"),
            "hang" => {
                self.hangs.notify_one();
                pending().await
            }
            _ => Err(TokenError::Invalid),
        }
    }
}

impl Sessions {
    async fn serve(&self) -> Api {
        Api::start_with(Server::builder(Login::custom(self.clone()))).await
    }
}

async fn create(api: &Api, token: &str) -> common::Answer {
    answer(api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(token)).await
}

/// How a socket with that token is refused.
async fn refused(api: &Api, room: &str, token: &str) -> (String, u16) {
    let mut socket = api.attach(room, token).await;
    (socket.error().await, socket.closed().await)
}

#[tokio::test]
async fn whoever_the_login_knows_creates_enters_and_closes_its_own_rooms() {
    let api = Sessions::default().serve().await;
    let created = create(&api, "session-of-alice").await.data();
    assert_eq!(created["name"], "小明的房间");
    let room = text(&created["room_id"]);
    let mut alice = api.attach(&room, "session-of-alice").await;
    alice.joined().await;
    assert_eq!(refused(&api, &room, "session-of-bob").await, ("forbidden".to_owned(), 4500));
    assert_eq!(api.close(&room, "session-of-bob").await.refused(), (403, "forbidden"));
    // A name that cannot be shown is none.
    assert_eq!(create(&api, "session-of-bob").await.data()["name"], "房主的房间");
    api.close(&room, "session-of-alice").await.data();
    assert_eq!(alice.hear().await["type"], "room_closed");
}

#[tokio::test]
async fn the_creator_is_who_the_login_says_by_either_of_its_tokens() {
    let api = Sessions::default().serve().await;
    let created = create(&api, "session-of-alice").await.data();
    let room = text(&created["room_id"]);
    let guest = api.join(&room, &json!({"password": created["password"]})).await.data();
    let url = api.socket_url(&room, &text(&guest["ws_token"])) + "&v=2";
    let (mut guest, _) = Participant::connect(url).await.unwrap();
    guest.joined().await;
    for token in ["session-of-alice", created["ws_token"].as_str().unwrap()] {
        let mut creator = api.attach(&room, token).await;
        let id = creator.joined().await;
        let told = loop {
            let told = guest.hear().await;
            if told["type"] == "peer_joined" {
                break told;
            }
        };
        assert_eq!(told["participant"]["id"], id, "{told}");
        assert_eq!(told["participant"]["attributes"], json!({"role": "teacher"}), "{token}");
        let participants = api.server().handle().room(room.parse().unwrap()).unwrap().participants;
        let creator = participants.iter().find(|participant| participant.is_creator).unwrap();
        assert_eq!(creator.identity.user.as_ref().unwrap().as_str(), "user-1");
    }
}

#[tokio::test]
async fn each_failure_of_the_login_has_an_answer_of_its_own_and_ends_nothing_else() {
    let login = Sessions::default();
    let api = login.serve().await;
    let room = text(&create(&api, "session-of-alice").await.data()["room_id"]);
    for (token, http, socket) in [
        ("unknown", (401, "unauthorized"), ("token_invalid", 4500)),
        ("session-of-nobody", (401, "unauthorized"), ("token_invalid", 4500)),
        ("old", (401, "unauthorized"), ("token_expired", 4500)),
        ("database-down", (503, "unavailable"), ("unavailable", 4001)),
        ("panic", (503, "unavailable"), ("unavailable", 4001)),
    ] {
        assert_eq!(create(&api, token).await.refused(), http, "{token}");
        assert_eq!(refused(&api, &room, token).await, (socket.0.to_owned(), socket.1), "{token}");
    }
    api.attach(&room, "session-of-alice").await.joined().await;
    create(&api, "session-of-alice").await.data();
}

#[tokio::test]
async fn a_login_that_hangs_is_not_waited_for_for_ever() {
    let login = Sessions::default();
    let api = login.serve().await;
    let room = text(&create(&api, "session-of-alice").await.data()["room_id"]);
    let request = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth("hang");
    let creating = tokio::spawn(answer(request));
    login.hangs.notified().await;
    // Nobody else waits.
    create(&api, "session-of-alice").await.data();
    pass(Duration::from_secs(6)).await;
    assert_eq!(creating.await.unwrap().refused(), (503, "unavailable"));

    let url = api.socket_url(&room, "hang");
    let entering = tokio::spawn(async move { Participant::connect(url).await.unwrap().0 });
    login.hangs.notified().await;
    pass(Duration::from_secs(6)).await;
    let mut socket = entering.await.unwrap();
    assert_eq!((socket.error().await, socket.closed().await), ("unavailable".to_owned(), 4001));
}

#[tokio::test]
async fn a_login_that_hangs_is_given_up_before_the_request_is() {
    let login = Sessions::default();
    let limits = Limits::with(|limits| limits.request_patience = Duration::from_secs(2));
    let builder = Server::builder(Login::custom(login)).limits(limits).unwrap();
    let api = Api::start_with(builder).await;
    assert_eq!(create(&api, "hang").await.refused(), (503, "unavailable"));
}

#[tokio::test]
async fn the_login_is_not_asked_about_tokens_of_the_server() {
    let login = Sessions::default();
    let api = login.serve().await;
    let created = create(&api, "session-of-alice").await.data();
    let asked = || login.asked.load(Ordering::Relaxed);
    assert_eq!(asked(), 1);
    let room = text(&created["room_id"]);
    api.attach(&room, &text(&created["ws_token"])).await.joined().await;
    api.join(&room, &json!({"password": created["password"]})).await.data();
    assert_eq!(asked(), 1);
    // A request without a token may have other credentials that the login accepts.
    assert_eq!(refused(&api, &room, "").await, ("token_invalid".to_owned(), 4500));
    let nobody = answer(api.request(Method::POST, "/api/webrtc/rooms")).await;
    assert_eq!(nobody.refused(), (401, "unauthorized"));
    assert_eq!(asked(), 3);
}

#[tokio::test]
async fn the_login_decides_who_creates_rooms_and_how_many() {
    let api = Sessions::default().serve().await;
    assert_eq!(create(&api, "session-of-a-guest").await.refused(), (403, "forbidden"));
    create(&api, "session-of-one-room").await.data();
    assert_eq!(create(&api, "session-of-one-room").await.refused(), (429, "rate_limited"));
}

#[tokio::test]
async fn the_login_decides_how_many_rooms_a_user_creates_per_minute() {
    let limits = Limits::with(|limits| limits.creates_per_minute = 1);
    let login = Login::custom(Sessions::default());
    let api = Api::start_with(Server::builder(login).limits(limits).unwrap()).await;
    for (user, most) in [("session-of-alice", 1), ("session-of-two-a-minute", 2)] {
        for _ in 0..most {
            create(&api, user).await.data();
        }
        assert_eq!(create(&api, user).await.refused(), (429, "rate_limited"), "{user}");
    }
    pass(Duration::from_secs(61)).await;
    create(&api, "session-of-two-a-minute").await.data();
}

/// A page that is permitted, but is not the server's own.
const LISTED: &str = "https://page.example";

#[tokio::test]
async fn a_cookie_logs_in_only_for_pages_of_the_servers_own() {
    let origins = Origins::listed([LISTED.parse().unwrap()]);
    let builder = Server::builder(Login::custom(Sessions::default())).origins(origins);
    let api = Api::start_with(builder).await;
    let own = format!("http://{}", api.address());
    let create = async |headers: &[(&str, &str)]| {
        let request = api.request(Method::POST, "/api/webrtc/rooms");
        let request = request.header("cookie", "theme=dark; session=session-of-alice");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        answer(request).await
    };
    let room = text(&create(&[("origin", &own)]).await.data()["room_id"]);
    create(&[("sec-fetch-site", "same-origin")]).await.data();
    for foreign in [
        &[][..],
        &[("origin", LISTED)],
        &[("origin", LISTED), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(create(foreign).await.refused(), (401, "unauthorized"), "{foreign:?}");
    }
    let enter = async |origin: Option<&str>| {
        let mut request = api.socket_url(&room, "").into_client_request().unwrap();
        request.headers_mut().insert("cookie", "session=session-of-alice".parse().unwrap());
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        Participant::connect(request).await.unwrap().0
    };
    enter(Some(&own)).await.joined().await;
    for foreign in [None, Some(LISTED)] {
        let mut socket = enter(foreign).await;
        assert_eq!((socket.error().await, socket.closed().await), ("token_invalid".into(), 4500));
    }
}

#[tokio::test]
async fn only_a_login_of_ones_own_can_make_its_tokens() {
    let server = Server::builder(Login::custom(Sessions::default()).issuer("nobody")).build();
    assert_eq!(server.access_token("alice", None, Duration::from_secs(60)), None);
}
