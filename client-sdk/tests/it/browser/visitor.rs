//! Somebody at the page that signal-server serves: clicks, types, and sees what it shows.

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::chromium::{self, Chromium};
use super::firefox::Firefox;
use super::tab::Tab;
use crate::common::PATIENCE;

pub(crate) struct Visitor {
    tab: Tab,
}

/// What a page shows to whoever created a room.
pub(crate) struct Invitation {
    pub(crate) link: String,
    pub(crate) room: String,
    pub(crate) password: String,
}

impl Visitor {
    pub(crate) async fn open(browser: &Chromium, url: &str) -> Self {
        Self { tab: Tab::Chromium(browser.open_with(url, VISIT).await) }
    }

    pub(crate) async fn open_in_firefox(browser: &Firefox, url: &str) -> Self {
        Self { tab: Tab::Firefox(browser.open_with(url, VISIT).await) }
    }

    /// At a machine with no other devices than these: of `audioinput` and `videoinput`.
    pub(crate) async fn open_with_devices(browser: &Chromium, url: &str, kinds: &[&str]) -> Self {
        let devices: Vec<Value> = kinds.iter().map(|kind| json!({"kind": kind})).collect();
        let devices = json!(devices);
        let script = format!("navigator.mediaDevices.enumerateDevices = async () => {devices};");
        Self::open_with(browser, url, &script).await
    }

    /// With a browser of somebody who reads that language, like `zh-CN`.
    pub(crate) async fn open_in(language: &str, browser: &Chromium, url: &str) -> Self {
        let tab = browser.open_with("about:blank", VISIT).await;
        tab.open_in(language, url).await;
        Self { tab: Tab::Chromium(tab) }
    }

    /// With a script that changes what the page finds in its browser.
    pub(crate) async fn open_with(browser: &Chromium, url: &str, script: &str) -> Self {
        Self { tab: Tab::Chromium(browser.open_with(url, &format!("{VISIT}\n{script}")).await) }
    }

    /// Creates a room with one click and reads the invitation.
    pub(crate) async fn create(&self, name: &str) -> Invitation {
        self.until_shown("#create").await;
        self.fill("form", &[name]).await;
        self.click("#create").await;
        self.invitation().await
    }

    /// Reads the invitation, and closes its dialog.
    pub(crate) async fn invitation(&self) -> Invitation {
        self.until_shown(".invitation[open]").await;
        let texts = "[...document.querySelectorAll('.invitation dd span')]
            .map((it) => it.textContent)";
        let texts: Vec<String> = serde_json::from_value(self.see(texts).await).unwrap();
        let [link, room, password] = texts.try_into().unwrap();
        self.click(".invitation .close").await;
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

    /// Chooses another option than the first of a list, and returns its value.
    pub(crate) async fn choose(&self, list: &str, option: usize) -> Value {
        let options = format!("document.querySelector({}).options", json!(list));
        self.until(&format!("{options}[{option}]")).await;
        let choose = format!(
            "(() => {{
                const list = document.querySelector({});
                list.selectedIndex = {option};
                list.dispatchEvent(new Event('change'));
                return list.value;
            }})()",
            json!(list),
        );
        self.see(&choose).await
    }

    /// Sends a message to everybody.
    pub(crate) async fn say(&self, text: &str) {
        if self.see("document.querySelector('.chat').hidden").await == json!(true) {
            self.click("#chat").await;
        }
        self.fill(".chat form", &[text]).await;
        self.click(".chat form button").await;
    }

    /// Waits until a message has that text.
    pub(crate) async fn until_said(&self, text: &str) {
        let said = format!(
            "[...document.querySelectorAll('.messages li p')]
                .some((it) => it.textContent === {})",
            json!(text),
        );
        self.until(&said).await;
    }

    /// Waits until a notice that begins with that text was shown, perhaps a while ago.
    pub(crate) async fn until_notified(&self, text: &str) {
        let notified = format!("visit.notices.some((it) => it.startsWith({}))", json!(text));
        self.until(&notified).await;
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

    /// Waits until an element is hidden or gone.
    pub(crate) async fn until_hidden(&self, element: &str) {
        self.until(&format!("!document.querySelector({})?.checkVisibility()", json!(element)))
            .await;
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
                *frames >= old_frames + FRAMES && *energy >= old_energy + ENERGY
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

    /// Its tab, for what only Chromium does.
    pub(crate) fn in_chromium(&self) -> &chromium::Tab {
        match &self.tab {
            Tab::Chromium(tab) => tab,
            Tab::Firefox(_) => panic!("this page is in Firefox"),
        }
    }

    pub(crate) async fn close(self) {
        self.tab.close().await;
    }
}

const VISIT: &str = include_str!("pages/visit.js");
const FRAMES: f64 = 10.0;
/// Silence has a millionth of that in a second, and the beeps of a fake microphone a thousand times
/// that.
const ENERGY: f64 = 1e-4;
