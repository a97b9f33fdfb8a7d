//! How whoever creates a room on the page of signal-server signs in, in Chromium.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Redirect;
use axum::routing::get;
use signal_server::{LoginUrl, Page as RoomsPage, PublicUrl, Secret, Server};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::chromium::Chromium;
use super::visitor::Visitor;

#[tokio::test(flavor = "multi_thread")]
async fn the_login_is_opened_and_its_token_creates_a_room_and_is_kept_nowhere() {
    let (stage, browser) = (Stage::start().await, Chromium::take().await);
    let creator = Visitor::open(&browser, &stage.url("")).await;
    creator.until_shown("#create").await;
    assert_eq!(creator.text("#create").await, "Sign in to create a room");
    creator.fill("form", &["Alice"]).await;
    creator.see("window.isOld = true").await;
    creator.click("#create").await;
    // Back from the login, one click away from a room.
    creator.until("!window.isOld && document.querySelector('#create')").await;
    assert_eq!(creator.text("#create").await, "Create a room");
    assert_eq!(creator.see("location.href").await, stage.url("/"));
    let asked = stage.login.asked();
    assert_eq!(asked["redirect_uri"], stage.url("/join"));
    assert_eq!(asked["state"].len(), 32);
    let invitation = creator.create("Alice").await;
    assert!(invitation.link.starts_with(&stage.url("/join/")), "{}", invitation.link);
    assert_kept_nowhere(&creator, &stage).await;

    let guest = Visitor::open(&browser, &invitation.link).await;
    guest.join("Bob").await;
    creator.until_media_flows(1).await;
    // The creator that reloads is sent to the login, and comes back into its room.
    creator.see("window.isOld = true").await;
    creator.see("location.reload()").await;
    creator.until("!window.isOld && document.querySelector('.call')").await;
    creator.until_people(2).await;
    creator.until_media_flows(1).await;
    assert_ne!(stage.login.asked()["state"], asked["state"]);
    assert_kept_nowhere(&creator, &stage).await;
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_with_the_state_of_this_tab_or_not_at_all() {
    let (stage, browser) = (Stage::start().await, Chromium::take().await);
    let token = stage.token.clone();
    let visitor = Visitor::open(&browser, &stage.url("")).await;
    visitor.until_shown("#create").await;
    // Somebody else's link, before and after this tab has asked the login.
    for state in ["", "&state=", "&state=00000000000000000000000000000000"] {
        for has_asked in [false, true] {
            if has_asked {
                let sent = "sessionStorage.setItem('login-state', 'f'.repeat(32))";
                visitor.see(sent).await;
            }
            visitor.open_page(&stage.url(&format!("/join#access_token={token}{state}"))).await;
            visitor.until_shown("#create").await;
            assert_eq!(visitor.text("#create").await, "Sign in to create a room", "{state}");
            assert_kept_nowhere(&visitor, &stage).await;
        }
    }
    visitor.until_shown(".problem").await;
    assert!(visitor.text(".problem").await.starts_with("This sign-in was not begun"));

    // A login that signs nobody in is not asked again and again.
    stage.login.refuse();
    visitor.see("window.isOld = true").await;
    visitor.click("#create").await;
    visitor.until("!window.isOld && document.querySelector('.problem')?.innerText").await;
    assert_eq!(visitor.text(".problem").await, "The login did not sign you in. Try again.");

    // A token that was pasted is as good as one of the login.
    visitor.see("document.querySelector('form > details').open = true").await;
    visitor.fill("form", &["Alice", &token]).await;
    visitor.click("#create").await;
    visitor.until_shown("dialog[open]").await;
    assert_kept_nowhere(&visitor, &stage).await;
    visitor.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_expired_leads_to_the_login_again() {
    let (stage, browser) = (Stage::start().await, Chromium::take().await);
    *stage.login.token.lock().unwrap() = "expired".to_owned();
    let creator = Visitor::open(&browser, &stage.url("")).await;
    creator.until_shown("#create").await;
    creator.see("window.isOld = true").await;
    creator.click("#create").await;
    creator.until("!window.isOld && document.querySelector('#create')").await;
    creator.click("#create").await;
    creator.until_shown(".start > .problem").await;
    assert!(creator.text(".start > .problem").await.starts_with("The access token is invalid"));
    assert_eq!(creator.text("#create").await, "Sign in to create a room");
    creator.assert_no_faults().await;
}

/// Neither the address nor anything that the browser stores contains an access token.
async fn assert_kept_nowhere(visitor: &Visitor, stage: &Stage) {
    let kept = "JSON.stringify([location.href, document.cookie, {...sessionStorage},
        {...localStorage}, history.state])";
    let kept = visitor.see(kept).await.as_str().unwrap().to_owned();
    assert!(!kept.contains(&stage.token) && !kept.contains("access_token"), "{kept}");
}

/// A server in production whose page opens a login.
struct Stage {
    address: String,
    /// The token that the login gives, for a user of the server.
    token: String,
    login: Login,
    serving: JoinHandle<()>,
}

impl Stage {
    async fn start() -> Self {
        let login = Login::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let public: PublicUrl = format!("{address}/join").parse().unwrap();
        let builder = Server::builder(Secret::random()).public_url(public);
        let server = builder.page(RoomsPage::OpensLogin(login.url.clone())).build();
        let token = server.access_token("alice", None, Duration::from_secs(600)).unwrap();
        login.token.lock().unwrap().clone_from(&token);
        let serving = tokio::spawn(async move { server.serve(listener, pending()).await });
        Self { address, token, login, serving }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A login that knows everybody and sends them straight back.
struct Login {
    url: LoginUrl,
    /// What it gives to everybody; it signs nobody in if this is empty.
    token: Arc<Mutex<String>>,
    asked: Arc<Mutex<HashMap<String, String>>>,
    serving: JoinHandle<()>,
}

type Shared = (Arc<Mutex<String>>, Arc<Mutex<HashMap<String, String>>>);

impl Login {
    async fn start() -> Self {
        let (token, asked) = Shared::default();
        let router = Router::new().route("/login", get(Self::answer));
        let router = router.with_state((Arc::clone(&token), Arc::clone(&asked)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/login?client=rooms", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url: url.parse().unwrap(), token, asked, serving }
    }

    async fn answer(
        State((token, asked)): State<Shared>,
        Query(query): Query<HashMap<String, String>>,
    ) -> Redirect {
        assert_eq!(query["client"], "rooms");
        let (page, state) = (&query["redirect_uri"], &query["state"]);
        let token = token.lock().unwrap().clone();
        let answer = match token.as_str() {
            "" => "error=access_denied".to_owned(),
            token => format!("access_token={token}"),
        };
        let back = Redirect::to(&format!("{page}#{answer}&state={state}"));
        *asked.lock().unwrap() = query;
        back
    }

    /// The query that it was last opened with.
    fn asked(&self) -> HashMap<String, String> {
        self.asked.lock().unwrap().clone()
    }

    /// From now on it signs nobody in.
    fn refuse(&self) {
        self.token.lock().unwrap().clear();
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
