//! Somebody at the page that signal-server serves: clicks, types, and sees what it shows.

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::chromium::{self, Chromium};
use crate::common::PATIENCE;

pub(crate) struct Visitor {
    tab: chromium::Tab,
}

/// What a page shows to whoever created a room.
pub(crate) struct Invitation {
    pub(crate) link: String,
    pub(crate) room: String,
    pub(crate) password: String,
}

impl Visitor {
    pub(crate) async fn open(browser: &Chromium, url: &str) -> Self {
        Self { tab: browser.open_with(url, VISIT).await }
    }

    /// At a machine with no other devices than these: of `audioinput` and `videoinput`.
    pub(crate) async fn open_with_devices(browser: &Chromium, url: &str, kinds: &[&str]) -> Self {
        let devices: Vec<Value> = kinds.iter().map(|kind| json!({"kind": kind})).collect();
        let devices = json!(devices);
        let script = format!(
            "{VISIT}
            navigator.mediaDevices.enumerateDevices = async () => {devices};"
        );
        Self { tab: browser.open_with(url, &script).await }
    }

    /// Creates a room with one click and reads the invitation.
    pub(crate) async fn create(&self, name: &str) -> Invitation {
        self.until_shown("#create").await;
        self.fill("form", &[name]).await;
        self.click("#create").await;
        self.until_shown("dialog[open]").await;
        let texts = "[...document.querySelectorAll('dialog dd span')].map((it) => it.textContent)";
        let texts: Vec<String> = serde_json::from_value(self.see(texts).await).unwrap();
        let [link, room, password] = texts.try_into().unwrap();
        self.click("dialog .secondary").await;
        Invitation { link, room, password }
    }

    /// Enters from the view that an invite link opens.
    pub(crate) async fn join(&self, name: &str) {
        self.until_shown("#join").await;
        self.fill(".lobby form", &[name]).await;
        self.click("#join").await;
        self.until_shown(".call").await;
    }

    /// Types into the inputs of a form that are shown, in their order.
    pub(crate) async fn fill(&self, form: &str, texts: &[&str]) {
        let fill = format!(
            "[...document.querySelector({}).querySelectorAll('input')]
                .filter((it) => it.checkVisibility())
                .forEach((it, place) => {{ it.value = {}[place] ?? it.value }})",
            json!(form),
            json!(texts),
        );
        self.see(&fill).await;
    }

    pub(crate) async fn click(&self, element: &str) {
        self.see(&format!("document.querySelector({}).click()", json!(element))).await;
    }

    pub(crate) async fn text(&self, element: &str) -> String {
        let text = self.see(&format!("document.querySelector({}).innerText", json!(element))).await;
        text.as_str().unwrap().to_owned()
    }

    pub(crate) async fn until_shown(&self, element: &str) {
        self.until(&format!("document.querySelector({})?.checkVisibility()", json!(element))).await;
    }

    /// Waits until there are so many pictures of people, its own among them.
    pub(crate) async fn until_people(&self, count: usize) {
        self.until(&format!("document.querySelectorAll('.grid .tile').length === {count}")).await;
    }

    pub(crate) async fn until(&self, condition: &str) {
        self.tab.until(condition).await;
    }

    /// Waits until each of so many connections has decoded pictures and played sound that it had
    /// not yet.
    pub(crate) async fn until_media_flows(&self, connections: usize) {
        let before = self.media().await;
        let end = Instant::now() + PATIENCE;
        loop {
            let now = self.media().await;
            let flows = |place: usize, (frames, energy): &(f64, f64)| {
                let (old_frames, old_energy) = before.get(place).copied().unwrap_or_default();
                *frames >= old_frames + FRAMES && *energy > old_energy
            };
            if now.len() == connections && now.iter().enumerate().all(|(i, it)| flows(i, it)) {
                return;
            }
            assert!(Instant::now() < end, "{before:?}, then {now:?}");
            sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    async fn media(&self) -> Vec<(f64, f64)> {
        serde_json::from_value(self.see("visit.media()").await).unwrap()
    }

    /// The value of a JavaScript expression.
    pub(crate) async fn see(&self, expression: &str) -> Value {
        self.tab.evaluate(expression).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The policy of the page was in force, and refused nothing.
    pub(crate) async fn assert_no_faults(&self) {
        assert_eq!(self.see("visit.faults").await, json!([]));
    }

    pub(crate) async fn reload(&self) {
        self.see("window.isOld = true").await;
        self.see("location.reload()").await;
        self.until("!window.isOld").await;
    }

    /// Goes to another address in the same tab.
    pub(crate) async fn open_page(&self, url: &str) {
        self.see("window.isOld = true").await;
        self.see(&format!("location.assign({})", json!(url))).await;
        self.until("!window.isOld").await;
    }

    pub(crate) async fn close(self) {
        self.tab.close().await;
    }
}

const VISIT: &str = include_str!("pages/visit.js");
const FRAMES: f64 = 10.0;
