//! Headless Firefox, controlled with WebDriver BiDi over a socket. It never outlives the test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::{fs, io, thread};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, SemaphorePermit, oneshot};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::chromium::PERMITS;
use crate::common::PATIENCE;

/// A browser that a test has for itself.
pub(crate) struct Firefox {
    child: Child,
    socket: Arc<Socket>,
    _profile: TempDir,
    _permit: SemaphorePermit<'static>,
}

impl Firefox {
    /// Returns `None` and prints a message if Firefox is not installed.
    pub(crate) async fn take() -> Option<Self> {
        let permit = PERMITS.acquire().await.unwrap();
        let profile = tempfile::tempdir().unwrap();
        fs::write(profile.path().join("user.js"), PREFERENCES).unwrap();
        let program = PROGRAMS.iter().find(|program| is_installed(program));
        let Some(program) = program else {
            // The harness of the tests keeps what is printed by its macros.
            let missing = b"NOT TESTED: calls with Firefox, of which there is none here\n";
            io::stderr().write_all(missing).unwrap();
            return None;
        };
        let mut child = Command::new("sh")
            .args(["-c", RUN, program, "--headless", "--no-remote", "--profile"])
            .arg(profile.path())
            .args(["--remote-debugging-port", "0"])
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let address = address(child.stderr.take().unwrap());
        let address = timeout(PATIENCE, address).await.expect("Firefox does not start");
        let url = format!("{}/session", address.expect("Firefox does not start"));
        let (socket, _) = connect_async(url).await.unwrap();
        let socket = Arc::new(Socket(Mutex::new((socket, 0))));
        socket.ask("session.new", json!({"capabilities": {}})).await.unwrap();
        Some(Self { child, socket, _profile: profile, _permit: permit })
    }

    /// Opens a page in a tab of its own and waits until it has loaded.
    pub(crate) async fn open(&self, url: &str) -> Tab {
        let tab = self.open_tab().await;
        tab.navigate(url).await;
        tab
    }

    /// Opens any page, before whose own scripts this one runs.
    pub(crate) async fn open_with(&self, url: &str, script: &str) -> Tab {
        let tab = self.open_tab().await;
        let function = format!("() => {{ {script} }}");
        let script = json!({"functionDeclaration": function, "contexts": [tab.context]});
        self.socket.ask("script.addPreloadScript", script).await.unwrap();
        tab.navigate(url).await;
        tab
    }

    async fn open_tab(&self) -> Tab {
        let tab = self.socket.ask("browsingContext.create", json!({"type": "tab"})).await.unwrap();
        let context = tab["context"].as_str().unwrap().to_owned();
        Tab { socket: Arc::clone(&self.socket), context }
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// A tab with a page.
pub(crate) struct Tab {
    socket: Arc<Socket>,
    context: String,
}

impl Tab {
    /// The value of a JavaScript expression, awaited if it is a promise.
    ///
    /// # Errors
    ///
    /// It throws.
    pub(crate) async fn evaluate(&self, expression: &str) -> Result<Value, String> {
        // BiDi has its own notation for all values except strings.
        let as_json = format!("(async () => JSON.stringify((await ({expression})) ?? null))()");
        let what = json!({
            "expression": as_json, "awaitPromise": true, "target": {"context": self.context},
        });
        let answer = self.socket.ask("script.evaluate", what).await?;
        match answer["result"]["value"].as_str() {
            Some(value) => Ok(serde_json::from_str(value).unwrap()),
            None => Err(format!("{expression}: {}", answer["exceptionDetails"])),
        }
    }

    pub(crate) async fn reload(&self) {
        self.tell("browsingContext.reload", json!({"wait": "complete"})).await;
    }

    pub(crate) async fn close(self) {
        self.tell("browsingContext.close", json!({})).await;
    }

    async fn navigate(&self, url: &str) {
        self.tell("browsingContext.navigate", json!({"url": url, "wait": "complete"})).await;
    }

    async fn tell(&self, method: &str, mut parameters: Value) {
        parameters["context"] = self.context.as_str().into();
        self.socket.ask(method, parameters).await.unwrap();
    }
}

/// One command after the other, and how many there were.
struct Socket(Mutex<(WebSocketStream<MaybeTlsStream<TcpStream>>, u64)>);

impl Socket {
    async fn ask(&self, method: &str, parameters: Value) -> Result<Value, String> {
        let (socket, asked) = &mut *self.0.lock().await;
        *asked += 1;
        let command = json!({"id": *asked, "method": method, "params": parameters});
        let ended = || "the browser has ended".to_owned();
        socket.send(Message::text(command.to_string())).await.map_err(|_| ended())?;
        loop {
            let message = timeout(PATIENCE, socket.next()).await;
            let message = message.map_err(|_| format!("no answer to {method}"))?;
            let Some(Ok(Message::Text(answer))) = message else { return Err(ended()) };
            let mut answer: Value = serde_json::from_str(&answer).unwrap();
            // Events have no number.
            if answer["id"].as_u64() != Some(*asked) {
                continue;
            }
            return match answer["type"].as_str() {
                Some("success") => Ok(answer["result"].take()),
                _ => Err(format!("{method}: {answer}")),
            };
        }
    }
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The address on which Firefox reports to listen. Later output is discarded.
fn address(output: ChildStderr) -> oneshot::Receiver<String> {
    let (sender, address) = oneshot::channel();
    thread::spawn(move || {
        let mut sender = Some(sender);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("WebDriver BiDi listening on ")
                && let Some(sender) = sender.take()
            {
                // Fails if nobody waits for it any more.
                let _ = sender.send(address.to_owned());
            }
        }
    });
    address
}

/// Firefox is terminated once the other end of the pipe is closed.
const RUN: &str = r#"
    "$0" "$@" </dev/null &
    cat >/dev/null
    kill $!
    wait $!
"#;

/// Of Debian, and of others.
const PROGRAMS: [&str; 2] = ["firefox-esr", "firefox"];

const PREFERENCES: &str = r#"
// Without devices, and without a person who permits their use.
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.autoplay.default", 0);
// On a machine without network.
user_pref("media.peerconnection.ice.loopback", true);
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
// Of several tabs only one is in front.
user_pref("dom.min_background_timeout_value", 4);
user_pref("dom.timeout.enable_budget_timer_throttling", false);
"#;
