//! The login of a deployment, which the page of signal-server opens for users who create a room.
//!
//! ```sh
//! export SIGNAL_ACCESS_SECRET=$(openssl rand -hex 32)
//! cargo run -p examples --example login -- 127.0.0.1:8090 http://127.0.0.1:8080/join &
//! cargo run -p signal-server -- serve --page \
//!     --login-url http://127.0.0.1:8090/ --public-url http://127.0.0.1:8080/join
//! ```
//!
//! The arguments are its own address, and every page that it may send an access token to: the
//! `--public-url` of each server. Without this list anybody could send your users here and get
//! their tokens. Serve it over TLS, and limit how often a password may be tried.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::{HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::net::TcpListener;
use url::form_urlencoded;

struct Login {
    /// The secret that signal-server has as `--access-secret`.
    secret: String,
    /// The pages that get tokens.
    pages: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().ok_or("expected an address and the URLs of pages")?;
    let login = Login { secret: env::var("SIGNAL_ACCESS_SECRET")?, pages: arguments.collect() };
    let router = Router::new().route("/", get(ask).post(answer)).with_state(Arc::new(login));
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

/// `GET /?redirect_uri=…&state=…`: asks who it is.
async fn ask(State(login): State<Arc<Login>>, RawQuery(query): RawQuery) -> Response {
    match login.asked_by(query.as_deref()) {
        Some(_) => (StatusCode::OK, HEADERS, Html(form(""))).into_response(),
        None => refuse(),
    }
}

/// `POST /?redirect_uri=…&state=…`: sends a user who knows the password back with a token. It is in
/// the fragment, which browsers do not send to servers.
async fn answer(
    State(login): State<Arc<Login>>,
    RawQuery(query): RawQuery,
    body: String,
) -> Response {
    let Some(Asking { page, state }) = login.asked_by(query.as_deref()) else { return refuse() };
    let given = (field(&body, "user"), field(&body, "password"));
    let known = USERS.iter().find(|(user, password, _)| {
        given.0.as_deref() == Some(*user) && given.1.as_deref() == Some(*password)
    });
    let Some((user, _, name)) = known else {
        let form = Html(form("<p>The name or the password is wrong.</p>"));
        return (StatusCode::UNAUTHORIZED, HEADERS, form).into_response();
    };
    let token = access_token(&login.secret, user, name);
    let back = format!("{page}#access_token={token}&state={state}");
    (HEADERS, Redirect::to(&back)).into_response()
}

/// A page that wants a token.
struct Asking {
    page: String,
    /// What the page recognizes its own request by.
    state: String,
}

impl Login {
    /// Returns `None` if the page is not on the list.
    fn asked_by(&self, query: Option<&str>) -> Option<Asking> {
        let (page, state) = (field(query?, "redirect_uri")?, field(query?, "state")?);
        let is_state = state.len() <= 100
            && state.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (is_state && self.pages.contains(&page)).then_some(Asking { page, state })
    }
}

/// A JWT that is valid for ten minutes (RFC 7519).
fn access_token(secret: &str, user: &str, name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let exp = (now + Duration::from_secs(600)).as_secs();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = format!(r#"{{"sub":"{user}","name":"{name}","exp":{exp}}}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn field(form: &str, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(form.as_bytes());
    fields.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

fn refuse() -> Response {
    (StatusCode::BAD_REQUEST, HEADERS, "This login sends nobody to that page.\n").into_response()
}

/// A form that is sent to the address that it is shown at.
fn form(problem: &str) -> String {
    format!(
        r#"<!doctype html><html lang="en"><title>Sign in</title><h1>Sign in</h1>{problem}
        <form method="post">
          <p><label>Name <input name="user" autocomplete="username" required></label>
          <p><label>Password <input name="password" type="password" required></label>
          <p><button>Sign in</button>
        </form>"#
    )
}

/// Stands for a database of users, which holds hashes instead of passwords.
const USERS: [(&str, &str, &str); 2] =
    [("alice", "down the rabbit hole", "Alice"), ("bob", "the builder", "Bob")];

const HEADERS: [(HeaderName, &str); 3] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
];
