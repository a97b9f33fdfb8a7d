//! A receiver of webhooks, which shares no code with the server.

use std::future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::common::program::program;
use crate::common::{text, until};

pub(super) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub(super) const NEW_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver at an address that stays the same.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    state: Arc<Received>,
}

#[derive(Default)]
struct Received {
    attempts: Mutex<Vec<Attempt>>,
    answer: Mutex<Option<Choose>>,
    elsewhere: AtomicUsize,
    sent_bytes: Arc<AtomicUsize>,
}

/// Chooses the answer to an event.
type Choose = Box<dyn Fn(&Value) -> Reply + Send>;

/// How the receiver answers.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    /// With 200 and a body that does not end.
    Endless,
    /// With 503, and how many seconds to wait.
    Later(u64),
    /// Never.
    Never,
    /// With a redirect to another path of the receiver.
    Redirect,
    Status(u16),
}

/// A request that the receiver got.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) id: String,
    pub(super) at: u64,
    signatures: Vec<String>,
    pub(super) body: Bytes,
    pub(super) event: Value,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let state = Arc::new(Received::default());
        let router = Router::new()
            .route("/hooks", post(receive))
            .route("/elsewhere", any(elsewhere))
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, state }
    }

    /// Answers events like this from now on.
    pub(super) fn answers(&self, choose: impl Fn(&Value) -> Reply + Send + 'static) {
        *self.state.answer.lock().unwrap() = Some(Box::new(choose));
    }

    pub(super) fn attempts(&self) -> Vec<Attempt> {
        self.state.attempts.lock().unwrap().clone()
    }

    /// Waits for so many attempts, and returns them.
    pub(super) async fn attempted(&self, count: usize) -> Vec<Attempt> {
        until(|| self.attempts().len() >= count).await;
        self.attempts()
    }

    /// The types of the events of a room, in the order of the attempts.
    pub(super) fn types_of(&self, room: &str) -> Vec<String> {
        let attempts = self.attempts().into_iter();
        attempts.filter(|got| got.room() == room).map(|got| text(&got.event["type"])).collect()
    }

    /// Waits until the last event of a room has arrived, and returns the types of all.
    pub(super) async fn types_until(&self, room: &str, last: &str) -> Vec<String> {
        until(|| self.types_of(room).last().is_some_and(|kind| kind == last)).await;
        self.types_of(room)
    }

    /// How many requests have followed a redirect.
    pub(super) fn elsewhere(&self) -> usize {
        self.state.elsewhere.load(Ordering::Relaxed)
    }

    /// How many bytes of endless answers were taken by the network.
    pub(super) fn sent_bytes(&self) -> usize {
        self.state.sent_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// The program, with this receiver and these secrets.
    pub(super) fn program(&self, folder: &Path, secrets: &[&str]) -> Command {
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--webhook-url", &self.url()]);
        for (number, secret) in secrets.iter().enumerate() {
            command.arg("--webhook-secret-file").arg(secret_file(folder, number, secret));
        }
        command
    }
}

fn secret_file(folder: &Path, number: usize, secret: &str) -> PathBuf {
    let path = folder.join(format!("webhook-secret-{number}"));
    std::fs::write(&path, format!("{secret}\n")).unwrap();
    path
}

impl Attempt {
    pub(super) fn room(&self) -> &str {
        self.event["data"]["room"]["id"].as_str().unwrap()
    }

    /// Whether it is signed with this secret, for the time that it names.
    pub(super) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.", self.id, self.at).as_bytes());
        mac.update(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.signatures.contains(&expected)
    }
}

async fn receive(State(state): State<Arc<Received>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(header("content-type"), "application/json");
    let attempt = Attempt {
        id: header("webhook-id"),
        at: header("webhook-timestamp").parse().unwrap(),
        signatures: header("webhook-signature").split(' ').map(str::to_owned).collect(),
        body,
        event: event.clone(),
    };
    let reply = {
        let answer = state.answer.lock().unwrap();
        answer.as_ref().map_or(Reply::Status(204), |choose| choose(&event))
    };
    state.attempts.lock().unwrap().push(attempt);
    match reply {
        Reply::Endless => endless(Arc::clone(&state.sent_bytes)),
        Reply::Later(seconds) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, seconds)]).into_response()
        }
        Reply::Never => future::pending().await,
        Reply::Redirect => {
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/elsewhere")]).into_response()
        }
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
    }
}

async fn elsewhere(State(state): State<Arc<Received>>) {
    state.elsewhere.fetch_add(1, Ordering::Relaxed);
}

fn endless(sent: Arc<AtomicUsize>) -> Response {
    let chunk = Bytes::from(vec![b'x'; 16 * 1024]);
    let chunks = stream::unfold(sent, move |sent| {
        let chunk = chunk.clone();
        async move {
            sent.fetch_add(chunk.len(), Ordering::Relaxed);
            Some((Ok::<_, std::io::Error>(chunk), sent))
        }
    });
    Body::from_stream(chunks).into_response()
}
