//! A receiver of webhooks: it accepts what a server of rooms has signed, and nothing else.
//!
//! ```sh
//! printf 'whsec_%s' "$(openssl rand -base64 32)" >/tmp/webhook-secret
//! cargo run -p examples --example webhooks -- /tmp/webhook-secret     # prints its address
//! signal-server serve --webhook-url http://127.0.0.1:…/hooks --webhook-secret-file /tmp/webhook-secret
//! ```

use std::collections::{HashSet, VecDeque};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("expected the path of a file with the secret")?;
    let secret = fs::read_to_string(path)?;
    let key = secret.trim().strip_prefix("whsec_").ok_or("a secret begins with whsec_")?;
    let receiver =
        Receiver { signing: Hmac::new_from_slice(&STANDARD.decode(key)?)?, seen: Arc::default() };
    let router = Router::new().route("/hooks", post(receive)).with_state(receiver);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}/hooks", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

#[derive(Clone)]
struct Receiver {
    signing: Hmac<Sha256>,
    seen: Arc<Mutex<Seen>>,
}

/// Why a request is refused, with the status that tells the sender.
type Refusal = (StatusCode, &'static str);

/// Takes one event. The server sends it again unless the answer is 2xx, so this answers at once and
/// leaves longer work to others.
async fn receive(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    // The signature is over these very bytes, so they are parsed only after it is checked.
    body: Bytes,
) -> Result<&'static str, Refusal> {
    let id = receiver.verify(&headers, &body, SystemTime::now()).inspect_err(|(_, reason)| {
        println!("refused: {reason}");
    })?;
    let event: Value =
        serde_json::from_slice(&body).map_err(|_| (StatusCode::BAD_REQUEST, "it is not JSON"))?;
    if !receiver.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
        println!("ignored: it was here before");
        // With an error the server would send it again.
        return Ok("it was here before");
    }
    let (room, participant) = (&event["data"]["room"], &event["data"]["participant"]);
    let who = participant["user"].as_str().or(participant["name"].as_str()).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    println!("{} {} {who}", text(&event["type"]), text(&room["id"]));
    Ok("thanks")
}

impl Receiver {
    /// Checks who has sent a request and when. Returns the id of the event.
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Result<String, Refusal> {
        let header = |name| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.ok_or((StatusCode::BAD_REQUEST, "a header of webhooks is missing"))
        };
        let (id, at) = (header("webhook-id")?, header("webhook-timestamp")?);
        let mut expected = self.signing.clone();
        expected.update(format!("{id}.{at}.").as_bytes());
        expected.update(body);
        // There are two signatures while one secret replaces another.
        let is_genuine = header("webhook-signature")?.split(' ').any(|signature| {
            let code = signature.strip_prefix("v1,").and_then(|code| STANDARD.decode(code).ok());
            // Compares in constant time.
            code.is_some_and(|code| expected.clone().verify_slice(&code).is_ok())
        });
        if !is_genuine {
            return Err((StatusCode::UNAUTHORIZED, "the signature is wrong"));
        }
        let sent = at.parse().ok().and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
        let sent = sent.ok_or((StatusCode::BAD_REQUEST, "the time is no number"))?;
        let apart = match now.duration_since(sent) {
            Ok(age) => age,
            Err(ahead) => ahead.duration(),
        };
        if apart > TOLERANCE {
            // Somebody may have recorded it. The server signs anew for each attempt.
            return Err((StatusCode::UNAUTHORIZED, "it was sent at another time"));
        }
        Ok(id.to_owned())
    }
}

/// The ids of the last events. A real receiver stores them with what it makes of the events.
#[derive(Default)]
struct Seen {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    /// Adds an id; `false` if it is there already.
    fn insert(&mut self, id: String) -> bool {
        if !self.ids.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > MOST_SEEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

/// How far the clocks of sender and receiver may be apart.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
const MOST_SEEN: usize = 100_000;
