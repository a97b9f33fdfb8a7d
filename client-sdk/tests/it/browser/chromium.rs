//! Headless Chromium, told what to do over a pipe by its DevTools protocol. It ends with the pipe, so that it is gone
//! however a test ends.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::common::PATIENCE;

pub(crate) struct Chromium {
    process: Child,
    pipe: Arc<Pipe>,
    profile: TempDir,
}

impl Chromium {
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let log = profile.path().join("log");
        // Chromium reads commands from descriptor 3 and answers to 4.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#, "chromium"])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("TMPDIR", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let pipe = Arc::new(Pipe::new(process.stdin.take().unwrap()));
        let (answers, answered) = (process.stdout.take().unwrap(), Arc::clone(&pipe));
        thread::spawn(move || answered.read(answers));
        let chromium = Self { process, pipe, profile };
        if let Err(error) = chromium.pipe.ask(None, "Browser.getVersion", json!({})).await {
            let log = fs::read_to_string(log).unwrap_or_default();
            panic!("cannot run chromium, from the package chromium: {error}\n{log}");
        }
        chromium
    }

    /// Opens a page in a tab of its own and waits until it has loaded.
    pub(crate) async fn open(&self, url: &str) -> Tab {
        let target = self.pipe.ask(None, "Target.createTarget", json!({"url": url})).await.unwrap();
        let target = target["targetId"].as_str().unwrap().to_owned();
        let attach = json!({"targetId": target, "flatten": true});
        let session = self.pipe.ask(None, "Target.attachToTarget", attach).await.unwrap();
        let session = session["sessionId"].as_str().unwrap().to_owned();
        let tab = Tab { pipe: Arc::clone(&self.pipe), target, session };
        tab.loaded().await;
        tab
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.pipe.close();
        self.process.wait().unwrap();
        // Its helpers end by themselves a moment later; what they have in common is the environment.
        let end = Instant::now() + PATIENCE;
        while has_process_with(self.profile.path().as_os_str().as_bytes()) && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether the environment of any process contains that.
fn has_process_with(text: &[u8]) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|process| {
        // Most entries are no processes, and processes end.
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        environment.windows(text.len()).any(|window| window == text)
    })
}

/// A tab with a page that has a `call`.
pub(crate) struct Tab {
    pipe: Arc<Pipe>,
    target: String,
    session: String,
}

impl Tab {
    /// The value of a JavaScript expression, awaited if it is a promise.
    ///
    /// # Errors
    ///
    /// It throws.
    pub(crate) async fn evaluate(&self, expression: &str) -> Result<Value, String> {
        let what = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.pipe.ask(Some(&self.session), "Runtime.evaluate", what).await?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(format!("{expression}: {details}")),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    pub(crate) async fn reload(&self) {
        self.evaluate("window.call = undefined").await.unwrap();
        self.pipe.ask(Some(&self.session), "Page.reload", json!({})).await.unwrap();
        self.loaded().await;
    }

    pub(crate) async fn close(self) {
        self.pipe.ask(None, "Target.closeTarget", json!({"targetId": self.target})).await.unwrap();
    }

    async fn loaded(&self) {
        // A page that is being replaced cannot answer.
        let loading =
            async { while self.evaluate("Boolean(window.call)").await != Ok(Value::Bool(true)) {} };
        timeout(PATIENCE, loading).await.expect("the page does not load");
    }
}

/// Commands and answers, each a JSON text that ends with a zero byte.
struct Pipe {
    /// `None` once the browser is told to end.
    commands: Mutex<Option<ChildStdin>>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    asked: u64,
    /// `None` once the browser has ended.
    answers: Option<HashMap<u64, oneshot::Sender<Value>>>,
}

impl Pipe {
    fn new(commands: ChildStdin) -> Self {
        let waiting = Waiting { asked: 0, answers: Some(HashMap::new()) };
        Self { commands: Mutex::new(Some(commands)), waiting: Mutex::new(waiting) }
    }

    async fn ask(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
    ) -> Result<Value, String> {
        let ended = || "the browser has ended".to_owned();
        let (number, answer) = self.expect().ok_or_else(ended)?;
        let mut command = json!({"id": number, "method": method, "params": parameters});
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        self.write(&command).map_err(|_| ended())?;
        let answer =
            timeout(PATIENCE, answer).await.map_err(|_| format!("no answer to {method}"))?;
        let mut answer = answer.map_err(|_| ended())?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    fn expect(&self) -> Option<(u64, oneshot::Receiver<Value>)> {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.asked += 1;
        let number = waiting.asked;
        let (sender, receiver) = oneshot::channel();
        waiting.answers.as_mut()?.insert(number, sender);
        Some((number, receiver))
    }

    fn write(&self, command: &Value) -> std::io::Result<()> {
        let mut commands = self.commands.lock().unwrap();
        let commands = commands.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        commands.write_all(format!("{command}\0").as_bytes())
    }

    /// Hands out answers until the browser ends.
    fn read(&self, answers: ChildStdout) {
        let is_text = |text: &Vec<u8>| !text.is_empty();
        for text in BufReader::new(answers).split(0).map_while(Result::ok).filter(is_text) {
            let answer: Value = serde_json::from_slice(&text).unwrap();
            // Events have no number.
            let Some(number) = answer["id"].as_u64() else { continue };
            let sender =
                self.waiting.lock().unwrap().answers.as_mut().and_then(|all| all.remove(&number));
            if let Some(sender) = sender {
                // Whoever has stopped waiting does not want it.
                let _ = sender.send(answer);
            }
        }
        self.waiting.lock().unwrap().answers = None;
    }

    fn close(&self) {
        self.commands.lock().unwrap().take();
    }
}

const FLAGS: [&str; 20] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    // Nothing but the tabs of the test.
    "--no-startup-window",
    "--disable-extensions",
    // As root, and in containers.
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    // On a machine without network.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
    // Without devices, and without a person who permits their use.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    // Of several tabs only one is in front.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
];
