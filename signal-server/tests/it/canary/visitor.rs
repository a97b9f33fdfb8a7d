//! A client that does everything, right and wrong, with marked secrets.

use std::net::SocketAddr;

use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::Seen;
use crate::common::{self, ACCESS_SECRET, Api, Participant, Room, text};

const TURN_SECRET: &str = "turn-secret \"\\ of-the-canary-0123456789";
const SERVER_SECRET: &str = "server-secret \"\\ of-the-canary-0123456789";
const PREVIOUS_SECRET: &str = "previous-secret \"\\ of-the-canary-0123456789";
pub(crate) const ADMIN_KEY: &str = "admin-key\"\\of-the-canary-0123456789abcdef";
/// As odd as passwords can be.
const PASSWORD: &str = r#"Q"z%7\"#;
const NEW_PASSWORD: &str = r#"N'e\w%"#;
const WRONG_PASSWORD: &str = r#"w\9"%K"#;
/// Where no secret belongs, and what may be one nevertheless.
const MISPLACED: &str = r#"misplaced "\ secret"#;
const NUMBER: u64 = 918_273_645_546_372;

pub(crate) const SECRETS: [(&str, &str); 3] = [
    ("SIGNAL_TURN_SECRET", TURN_SECRET),
    ("SIGNAL_SERVER_SECRET", SERVER_SECRET),
    ("SIGNAL_PREVIOUS_ACCESS_SECRET", PREVIOUS_SECRET),
];
pub(crate) const SETTINGS: [&str; 6] = [
    "--turn-url",
    "turn:turn.example.com:3478",
    "--max-failed-joins",
    "1000",
    "--public-url",
    "https://example.com/join",
];

pub(crate) struct Visitor<'a> {
    api: Api,
    operators: Api,
    seen: &'a mut Seen,
}

/// What is left when the server dies.
pub(crate) struct Left {
    room: Room,
    resume_token: String,
}

impl<'a> Visitor<'a> {
    /// Visits the server that has announced itself.
    pub(crate) fn new(printed: &str, seen: &'a mut Seen) -> Self {
        for (name, secret) in SECRETS {
            seen.marks.add(name, secret);
        }
        for (name, secret) in [
            ("the access secret", ACCESS_SECRET),
            ("the admin key", ADMIN_KEY),
            ("a password", PASSWORD),
            ("a new password", NEW_PASSWORD),
            ("a wrong password", WRONG_PASSWORD),
            ("a misplaced secret", MISPLACED),
            ("a misplaced number", &NUMBER.to_string()),
        ] {
            seen.marks.add(name, secret);
        }
        let mut urls = printed.split_whitespace().filter_map(|word| word.strip_prefix("http://"));
        let mut next =
            || Api::at(urls.next().unwrap().trim_end_matches("/metrics").parse().unwrap());
        Self { api: next(), operators: next(), seen }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.api.address()
    }

    /// Every kind of request that is refused.
    pub(crate) async fn make_mistakes_over_http(&mut self) {
        let room = self.create().await;
        let alice = self.token("alice");
        let create = "/api/webrtc/rooms";
        let join = format!("{create}/{}/join", room.id);
        let quoted = json!(MISPLACED);
        for body in [
            format!(r#"{{"password":[{quoted}]}}"#),
            format!(r#"{{"password":{{"a":{quoted}}}}}"#),
            format!(r#"{{"password":{quoted}}}"#),
            format!(r#"{{"password":{NUMBER}}}"#),
            format!(r#"{{"password":{quoted}"#),
            format!(r#"{{"password":{quoted},"password":{quoted}}}"#),
            format!(r#"{{"max_participants":{quoted}}}"#),
            format!(r#"{{"invite_token":{NUMBER}}}"#),
            format!(r#"{{"invite_token":[{quoted}]}}"#),
            format!(r#"{{"display_name":[{quoted}],"name":[{quoted}]}}"#),
            format!(r#"{{{quoted}:1,"password":1}}"#),
            format!("[{quoted}]"),
            format!("{quoted}"),
            format!("{NUMBER}"),
            MISPLACED.to_owned(),
            MISPLACED.repeat(1000),
        ] {
            // A create ignores fields that only a join has.
            if !body.contains("invite_token") {
                let create = self.api.request(Method::POST, create).bearer_auth(&alice);
                self.refused(create.header("content-type", JSON).body(body.clone())).await;
            }
            let request = self.api.request(Method::POST, &join).header("content-type", JSON);
            self.refused(request.body(body)).await;
        }
        for body in [json!({"password": WRONG_PASSWORD}), json!({"invite_token": MISPLACED})] {
            self.refused(self.api.request(Method::POST, &join).json(&body)).await;
        }
        let own = format!("{create}/{}", room.id);
        for body in [
            format!(r#"{{"rotate_password":{quoted}}}"#),
            format!(r#"{{"rotate_password":[{quoted}]}}"#),
            format!(r#"{{"rotate_password":{NUMBER}}}"#),
            format!(r#"{{"rotate_password":{}}}"#, json!(PASSWORD)),
            format!(r#"{{"name":[{quoted}]}}"#),
            format!(r#"{{"locked":{quoted}}}"#),
            MISPLACED.to_owned(),
        ] {
            let request = self.api.request(Method::PATCH, &own).bearer_auth(&alice);
            self.refused(request.header("content-type", JSON).body(body)).await;
        }
        let kick = format!("{own}/participants/misplaced%20%22%5C%20secret");
        let ban = format!("{own}/participants/p_zzzy0001?ban=misplaced%20%22%5C%20secret");
        for path in [&kick, &ban] {
            self.refused(self.api.request(Method::DELETE, path).bearer_auth(&alice)).await;
        }
        for token in self.bad_tokens(&alice) {
            for (method, path) in [
                (Method::POST, create.to_owned()),
                (Method::GET, create.to_owned()),
                (Method::GET, own.clone()),
                (Method::PATCH, own.clone()),
                (Method::DELETE, own.clone()),
                (Method::DELETE, ban.clone()),
                (Method::POST, format!("{own}/ice-servers")),
            ] {
                self.refused(self.api.request(method, &path).bearer_auth(&token)).await;
            }
        }
        let basic = self.api.request(Method::POST, create).basic_auth("user", Some(MISPLACED));
        self.refused(basic).await;
        for path in [create, &join, "/nowhere"] {
            let url = format!("{path}?token=misplaced%20%22%5C%20secret");
            self.refused(self.api.request(Method::PUT, &url)).await;
        }
        let odd = "/ws/webrtc/rooms/misplaced%20%22%5C%20secret?token=misplaced%20%22%5C%20secret";
        self.refused(self.api.request(Method::GET, odd)).await;
    }

    /// A call, with everything that may be said in one, and sockets that are refused. Nobody
    /// leaves.
    pub(crate) async fn talk(&mut self) -> Left {
        let room = self.create().await;
        let (mut creator, creator_id) = self.api.creator(&room).await;
        let body = json!({"password": PASSWORD, "display_name": "guest"});
        let joined = self.api.join(&room.id, &body).await.data();
        let ws_token = text(&joined["ws_token"]);
        self.seen.marks.add_token("a ws token", &ws_token);
        self.seen.marks.add("a TURN credential", &text(&joined["ice_servers"][0]["credential"]));

        let (mut guest, welcome) = self.api.enter_v2(&room, &ws_token).await;
        let resume_token = text(&welcome["resume_token"]);
        self.seen.marks.add("a resume token", &resume_token);
        for message in [
            json!({"type": "offer", "to": creator_id, "sdp": MISPLACED}),
            json!({"type": "candidate", "to": creator_id, "candidate": {"candidate": MISPLACED}}),
            json!({"type": "message", "to": "room", "topic": "chat", "data": MISPLACED}),
            json!({"type": "update", "state": {"note": MISPLACED}}),
            json!({"type": "get_ice_servers"}),
        ] {
            guest.say(&message).await;
        }
        assert_eq!(guest.hear().await["type"], "ice_servers");
        self.say_wrong_things(&mut guest, &creator_id).await;
        creator
            .say(&json!({"type": "answer", "to": welcome["participant_id"], "sdp": MISPLACED}))
            .await;
        assert_eq!(guest.hear().await["sdp"], MISPLACED);

        self.open_without_query(&room).await;
        self.open_in_vain(&room, &ws_token).await;
        self.note_metrics().await;
        drop(guest);
        let (_guest, resumed) = self.api.resume(&room, &resume_token).await;
        let resume_token = text(&resumed["resume_token"]);
        self.seen.marks.add("a later resume token", &resume_token);
        Left { room, resume_token }
    }

    /// Every request of a creator about its room.
    pub(crate) async fn administer(&mut self) {
        let room = self.create().await;
        let token = self.api.ws_token(&room, "guest").await;
        self.seen.marks.add_token("the ws token of somebody who is banned", &token);
        let (_guest, joined) = self.api.enter_v2(&room, &token).await;
        self.seen
            .marks
            .add("the resume token of somebody who is banned", &text(&joined["resume_token"]));
        let ice = self.api.ask(Method::POST, &room, "/ice-servers").await.data();
        self.seen
            .marks
            .add("a TURN credential on request", &text(&ice["ice_servers"][0]["credential"]));

        let changed =
            self.api.change(&room, &json!({"rotate_password": NEW_PASSWORD})).await.data();
        assert_eq!(changed["password"], NEW_PASSWORD);
        let ban = format!("/participants/{}?ban=true", text(&joined["participant_id"]));
        let banned = self.api.ask(Method::DELETE, &room, &ban).await.data();
        for (pass, what) in [(&changed, "a change"), (&banned, "a ban")] {
            // The six digits of a random password may be anywhere by chance.
            self.seen
                .marks
                .add(&format!("the invite token of {what}"), &text(&pass["invite_token"]));
            self.seen.marks.add(&format!("the join URL of {what}"), &text(&pass["join_url"]));
        }
        self.seen.note("the room", self.api.ask(Method::GET, &room, "").await.data().to_string());
        let path = "/api/webrtc/rooms";
        let list = self.api.request(Method::GET, path).bearer_auth(&room.access_token);
        self.seen.note("the list of rooms", common::answer(list).await.data().to_string());
        self.manage(&room).await;
    }

    /// The requests of an operator, with the right key and with wrong ones.
    async fn manage(&mut self, room: &Room) {
        let path = format!("/admin/rooms/{}", room.id);
        let operators = |method, path: &str| self.operators.request(method, path);
        let tokens = operators(Method::POST, &format!("{path}/tokens")).bearer_auth(ADMIN_KEY);
        let wrong = operators(Method::GET, &path).bearer_auth(MISPLACED);
        let shown = operators(Method::GET, &path).bearer_auth(ADMIN_KEY);
        let minted = common::answer(tokens).await.data();
        self.seen.marks.add_token("a ws token of an operator", &text(&minted["ws_token"]));
        self.refused(wrong).await;
        self.seen.note("the room for operators", common::answer(shown).await.data().to_string());
    }

    /// Checks that the rest is still there after a kill, and closes it.
    pub(crate) async fn come_back(&mut self, Left { room, resume_token }: Left) {
        let (mut guest, resumed) = self.api.resume(&room, &resume_token).await;
        self.seen.marks.add("a resume token after the kill", &text(&resumed["resume_token"]));
        let wrong = json!({"password": WRONG_PASSWORD});
        let join = format!("/api/webrtc/rooms/{}/join", room.id);
        self.refused(self.api.request(Method::POST, &join).json(&wrong)).await;
        let again = self.api.ws_token(&room, "guest").await;
        self.seen.marks.add_token("a ws token after the kill", &again);
        self.api.close(&room.id, &room.access_token).await.data();
        self.note_end("a room that is closed", &mut guest).await;
        self.open_in_vain(&room, &again).await;
        self.note_metrics().await;
    }

    async fn create(&mut self) -> Room {
        let access_token = self.token("alice");
        let create = self.api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&access_token);
        let answer = common::answer(create.json(&json!({"password": PASSWORD}))).await.data();
        self.seen.marks.add_token("the creator's ws token", &text(&answer["ws_token"]));
        self.seen.marks.add("an invite token", &text(&answer["invite_token"]));
        self.seen
            .marks
            .add("the creator's TURN credential", &text(&answer["ice_servers"][0]["credential"]));
        let invite = json!({"invite_token": answer["invite_token"]});
        let invited = self.api.join(&text(&answer["room_id"]), &invite).await.data();
        self.seen.marks.add_token("a ws token by invite", &text(&invited["ws_token"]));
        Room { id: text(&answer["room_id"]), password: PASSWORD.to_owned(), access_token }
    }

    /// Frames that are answered with an error, or with nothing.
    async fn say_wrong_things(&mut self, guest: &mut Participant, peer: &str) {
        let quoted = json!(MISPLACED);
        for frame in [
            format!("{quoted}"),
            format!("{NUMBER}"),
            MISPLACED.to_owned(),
            format!(r#"{{"type":{quoted}}}"#),
            format!(r#"{{"type":{NUMBER}}}"#),
            format!(r#"{{"type":[{quoted}]}}"#),
            format!(r#"{{"type":"offer","to":[{quoted}],"sdp":{quoted}}}"#),
            format!(r#"{{"type":"offer","to":{NUMBER},"sdp":{quoted}}}"#),
            format!(r#"{{"type":"offer","to":{quoted},"sdp":{quoted}}}"#),
            format!(r#"{{"type":"offer","to":"{peer}","sdp":{quoted},"sdp":{quoted}}}"#),
            format!(r#"{{"type":"offer","to":"{peer}","sdp":{quoted},"neg":{quoted}}}"#),
            format!(r#"{{"type":"offer","to":"{peer}","sdp":{quoted},"tracks":{quoted}}}"#),
            format!(r#"{{"type":"offer","to":"{peer}","sdp":{quoted}"#),
            format!(r#"{{"type":"message","to":"room","topic":[{quoted}],"data":{quoted}}}"#),
            format!(r#"{{"type":"update","name":[{quoted}]}}"#),
            format!(r#"{{"type":"leave","req":[{quoted}]}}"#),
            format!(r#"{{"type":"message","to":"{peer}","topic":"chat","data":{quoted}}}"#),
            MISPLACED.repeat(4000),
        ] {
            guest.say_text(&frame).await;
            let error = guest.hear_text().await;
            assert!(error.contains(r#""type":"error""#), "{frame}: {error}");
            self.seen.note(format!("the answer to {frame}"), error);
        }
        guest.send(Message::binary(MISPLACED)).await;
        let error = guest.hear_text().await;
        self.seen.note("the answer to a binary frame", error);
    }

    /// Sockets with good tokens that are not in their URLs.
    async fn open_without_query(&mut self, room: &Room) {
        for (header, before) in
            [("authorization", "Bearer "), ("sec-websocket-protocol", "rooms, token.")]
        {
            let token = self.api.ws_token(room, "another guest").await;
            self.seen.marks.add_token("another ws token", &token);
            let url = format!("ws://{}/ws/webrtc/rooms/{}", self.address(), room.id);
            let mut request = url.into_client_request().unwrap();
            request.headers_mut().insert(header, format!("{before}{token}").parse().unwrap());
            Participant::connect(request).await.unwrap().0.joined().await;
        }
    }

    /// Sockets with tokens that open nothing, in each of the places where a token may be.
    async fn open_in_vain(&mut self, room: &Room, ws_token: &str) {
        let path = format!("ws://{}/ws/webrtc/rooms/{}", self.address(), room.id);
        let mut requests = Vec::new();
        for token in self.bad_tokens(ws_token) {
            if !token.contains('"') {
                requests.push(format!("{path}?v=2&token={token}").into_client_request().unwrap());
                requests.push(format!("{path}?v=2&resume={token}").into_client_request().unwrap());
                for kind in ["token", "resume"] {
                    let mut request = path.as_str().into_client_request().unwrap();
                    let protocols = format!("rooms, {kind}.{token}").parse().unwrap();
                    request.headers_mut().insert("sec-websocket-protocol", protocols);
                    requests.push(request);
                }
            }
            let mut request = path.as_str().into_client_request().unwrap();
            request
                .headers_mut()
                .insert("authorization", format!("Bearer {token}").parse().unwrap());
            requests.push(request);
        }
        for query in ["token", "resume", "v", "last_seq"] {
            let url = format!("{path}?{query}=misplaced%20%22%5C%20secret");
            requests.push(url.into_client_request().unwrap());
        }
        for request in requests {
            let asked = format!("{} {:?}", request.uri(), request.headers());
            match Participant::connect(request).await {
                Ok((mut refused, _)) => self.note_end(&asked, &mut refused).await,
                Err(error) => {
                    self.seen.note(format!("the handshake of {asked}"), format!("{error:?}"));
                }
            }
        }
    }

    /// An access token, which is a secret as well.
    fn token(&mut self, subject: &str) -> String {
        let token = self.api.access_token(subject);
        self.seen.marks.add_token("an access token", &token);
        token
    }

    /// Tokens that are good for nothing, made of one that is.
    fn bad_tokens(&mut self, good: &str) -> Vec<String> {
        let expired = |secret: &str| {
            let claims = json!({"sub": "alice", "exp": 1_000_000_000});
            encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes()))
                .unwrap()
        };
        let forged =
            format!("{}.a-signature-that-somebody-made-up", good.rsplit_once('.').unwrap().0);
        let tokens = vec![
            forged,
            expired(ACCESS_SECRET),
            expired(PREVIOUS_SECRET),
            expired("somebody-elses-secret"),
            "no-token-at-all-but-something".to_owned(),
            MISPLACED.to_owned(),
        ];
        for token in &tokens {
            self.seen.marks.add_token("a token that is no good", token);
        }
        tokens
    }

    async fn refused(&mut self, request: RequestBuilder) {
        let (_, request) = request.build_split();
        let request = request.unwrap();
        let asked = format!("{} {}", request.method(), request.url());
        let response = common::http_client().execute(request).await.unwrap();
        assert!(response.status().is_client_error(), "{asked}: {}", response.status());
        let headers = format!("{:?}", response.headers());
        self.seen.note(format!("the answer to {asked}"), headers + &response.text().await.unwrap());
    }

    async fn note_end(&mut self, place: &str, participant: &mut Participant) {
        let end = participant.rest().await;
        assert!(end.contains("CloseFrame"), "{place}: {end}");
        self.seen.note(format!("the end of {place}"), end);
    }

    async fn note_metrics(&mut self) {
        let response = self.operators.request(Method::GET, "/metrics").send().await.unwrap();
        let metrics: Value = response.text().await.unwrap().into();
        self.seen.note("the metrics", text(&metrics));
    }
}

const JSON: &str = "application/json";
