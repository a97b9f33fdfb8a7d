//! What a test does to a tab of Chromium beyond clicks: it changes how it is shown,
//! takes pictures of it, and looks at it with scripts that the page does not see.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::chromium::Tab;

/// How a page is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) is_dark: bool,
}

impl Tab {
    /// Has pages be shown like that, in front of all others: browsers paint no others.
    pub(crate) async fn look(&self, look: Look) {
        self.ask("Page.bringToFront", json!({})).await.unwrap();
        let Look { width, height, is_dark } = look;
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.ask("Emulation.setDeviceMetricsOverride", size).await.unwrap();
        let value = if is_dark { "dark" } else { "light" };
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": value},
            // So that a picture shows no color on its way to another.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.ask("Emulation.setEmulatedMedia", features).await.unwrap();
    }

    /// Opens a page as a browser of somebody who reads that language, like `zh-CN`.
    pub(crate) async fn open_in(&self, language: &str, url: &str) {
        let agent = self.evaluate("navigator.userAgent").await.unwrap();
        let agent = json!({"userAgent": agent, "acceptLanguage": language});
        self.ask("Emulation.setUserAgentOverride", agent).await.unwrap();
        self.ask("Page.navigate", json!({"url": url})).await.unwrap();
    }

    /// A picture of what is shown, as PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let picture = self.ask("Page.captureScreenshot", json!({"format": "png"})).await.unwrap();
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// The value of an expression after a script, in a world of their own beside the page: they
    /// see its elements, and neither its policy nor its scripts see them.
    pub(crate) async fn inspect(&self, script: &str, expression: &str) -> Value {
        let world = json!({"frameId": self.frame(), "worldName": "inspection"});
        let world = self.ask("Page.createIsolatedWorld", world).await.unwrap();
        let context = &world["executionContextId"];
        let script = json!({"expression": script, "contextId": context});
        self.run(script).await;
        let expression = json!({
            "expression": expression, "contextId": context, "awaitPromise": true,
            "returnByValue": true,
        });
        self.run(expression).await
    }

    async fn run(&self, what: Value) -> Value {
        let answer = self.ask("Runtime.evaluate", what).await.unwrap();
        assert!(answer.get("exceptionDetails").is_none(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// Evaluates an expression as if a person had just clicked, which browsers ask for before some
    /// things.
    pub(crate) async fn evaluate_as_click(&self, expression: &str) {
        self.run(json!({"expression": expression, "userGesture": true})).await;
    }

    /// Hides the page and freezes it, as browsers do with pages that nobody looks at.
    pub(crate) async fn freeze(&self) {
        self.ask("Page.setWebLifecycleState", json!({"state": "frozen"})).await.unwrap();
    }

    /// Lets a frozen page go on, and shows it.
    pub(crate) async fn thaw(&self) {
        self.ask("Page.setWebLifecycleState", json!({"state": "active"})).await.unwrap();
        self.ask("Page.bringToFront", json!({})).await.unwrap();
    }

    /// Ends the process of the page.
    pub(crate) fn crash(&self) {
        self.tell("Page.crash");
    }

    /// Pastes the text of the clipboard where the focus is.
    pub(crate) async fn paste(&self) {
        let key = json!({"type": "keyDown", "key": "v", "commands": ["paste"]});
        self.ask("Input.dispatchKeyEvent", key).await.unwrap();
    }
}
