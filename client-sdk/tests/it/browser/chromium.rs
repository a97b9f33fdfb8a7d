//! Headless Chromium, controlled with its DevTools protocol over a pipe. It exits when the pipe
//! closes, so that it never outlives a test.

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
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::time::timeout;

use super::tab::until;
use crate::common::PATIENCE;

/// A browser for one test, without state of earlier tests.
pub(crate) struct Chromium {
    /// `None` once it is given back.
    process: Option<Process>,
    context: String,
    _permit: SemaphorePermit<'static>,
}

/// Each browser keeps a core busy, so at most three run at once.
pub(super) static PERMITS: Semaphore = Semaphore::const_new(3);
/// They are reused by later tests, since they start slowly.
static IDLE: Mutex<Vec<Process>> = Mutex::new(Vec::new());

impl Chromium {
    pub(crate) async fn take() -> Self {
        Self::take_kind(Kind::Windowless).await
    }

    /// Takes one that reaches TURN servers over TCP, too.
    pub(crate) async fn take_usual() -> Self {
        Self::take_kind(Kind::Usual).await
    }

    /// Takes one that trusts every certificate.
    pub(crate) async fn take_that_trusts_all() -> Self {
        Self::take_kind(Kind::TrustsAll).await
    }

    async fn take_kind(kind: Kind) -> Self {
        let permit = PERMITS.acquire().await.unwrap();
        let idle = {
            let mut idle = IDLE.lock().unwrap();
            let found = idle.iter().position(|process| process.kind == kind);
            found.map(|found| idle.swap_remove(found))
        };
        let process = match idle {
            Some(process) => process,
            None => Process::start(kind).await,
        };
        let context = process.pipe.ask(None, "Target.createBrowserContext", json!({})).await;
        let context = context.unwrap()["browserContextId"].as_str().unwrap().to_owned();
        Self { process: Some(process), context, _permit: permit }
    }

    /// Opens a page that has a `call`, and waits until it has loaded.
    pub(crate) async fn open(&self, url: &str) -> Tab {
        let tab = self.open_tab(url).await;
        tab.loaded().await;
        tab
    }

    /// Opens any page, before whose own scripts this one runs.
    pub(crate) async fn open_with(&self, url: &str, script: &str) -> Tab {
        let tab = self.open_tab("about:blank").await;
        tab.ask("Page.enable", json!({})).await.unwrap();
        let script = json!({"source": script});
        tab.ask("Page.addScriptToEvaluateOnNewDocument", script).await.unwrap();
        tab.ask("Page.navigate", json!({"url": url})).await.unwrap();
        tab
    }

    async fn open_tab(&self, url: &str) -> Tab {
        let pipe = &self.process.as_ref().unwrap().pipe;
        let target = json!({"url": url, "browserContextId": self.context});
        let target = pipe.ask(None, "Target.createTarget", target).await.unwrap();
        let target = target["targetId"].as_str().unwrap().to_owned();
        let attach = json!({"targetId": target, "flatten": true});
        let session = pipe.ask(None, "Target.attachToTarget", attach).await.unwrap();
        let session = session["sessionId"].as_str().unwrap().to_owned();
        Tab { pipe: Arc::clone(pipe), target, session }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let process = self.process.take().unwrap();
        // A failed test may have broken it.
        if !thread::panicking() && process.pipe.forget_context(&self.context).is_ok() {
            IDLE.lock().unwrap().push(process);
        }
    }
}

/// How Chromium is built and started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// With windows, which take as much of the processor as the pages.
    Usual,
    /// Without windows, if it is installed.
    Windowless,
    /// The same without a check of certificates.
    TrustsAll,
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Usual => "chromium",
            Self::Windowless | Self::TrustsAll => "chromium-headless-shell",
        }
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Usual | Self::Windowless => &[],
            Self::TrustsAll => &["--ignore-certificate-errors"],
        }
    }
}

struct Process {
    kind: Kind,
    child: Child,
    pipe: Arc<Pipe>,
    profile: TempDir,
}

impl Process {
    async fn start(kind: Kind) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let log = profile.path().join("log");
        let mut child = Command::new("sh")
            .args(["-c", RUN, kind.program()])
            .args(FLAGS)
            .args(kind.flags())
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("TMPDIR", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let pipe = Arc::new(Pipe::new(child.stdin.take().unwrap()));
        let (answers, answered) = (child.stdout.take().unwrap(), Arc::clone(&pipe));
        thread::spawn(move || answered.read(answers));
        let process = Self { kind, child, pipe, profile };
        if let Err(error) = process.pipe.ask(None, "Browser.getVersion", json!({})).await {
            let log = fs::read_to_string(log).unwrap_or_default();
            panic!("cannot run chromium, from the package chromium: {error}\n{log}");
        }
        process
    }
}

/// Does not run for browsers that are idle when the tests end: they exit with their pipes.
impl Drop for Process {
    fn drop(&mut self) {
        self.pipe.close();
        self.child.wait().unwrap();
        // Its helper processes exit a moment later. They are recognized by their environment.
        let end = Instant::now() + PATIENCE;
        while has_process_with(self.profile.path().as_os_str().as_bytes()) && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Chromium reads commands from descriptor 3 and answers to 4. Its profile goes with it, though
/// helpers may take a moment longer.
const RUN: &str = r#"
    program=$(command -v "$0" || echo chromium)
    "$program" "$@" 3<&0 4>&1 </dev/null >/dev/null
    rm -rf "$TMPDIR" 2>/dev/null || { sleep 1; rm -rf "$TMPDIR"; }
"#;

/// Whether the environment of any process contains that.
fn has_process_with(text: &[u8]) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|process| {
        // Most entries are no processes, and processes end.
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        environment.windows(text.len()).any(|window| window == text)
    })
}

/// A tab with a page.
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
        let answer = self.ask("Runtime.evaluate", what).await?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(format!("{expression}: {details}")),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    pub(crate) async fn reload(&self) {
        self.evaluate("window.call = undefined").await.unwrap();
        self.ask("Page.reload", json!({})).await.unwrap();
        self.loaded().await;
    }

    pub(crate) async fn close(self) {
        self.pipe.ask(None, "Target.closeTarget", json!({"targetId": self.target})).await.unwrap();
    }

    async fn loaded(&self) {
        until("window.call", async |expression| self.evaluate(expression).await).await;
    }

    /// The frame of the page.
    pub(super) fn frame(&self) -> &str {
        // The main frame of a page is named like its target.
        &self.target
    }

    pub(super) async fn ask(&self, method: &str, parameters: Value) -> Result<Value, String> {
        self.pipe.ask(Some(&self.session), method, parameters).await
    }

    /// Sends a command that is not answered.
    pub(super) fn tell(&self, method: &str) {
        let command = json!({"id": 0, "method": method, "sessionId": self.session});
        self.pipe.write(&command).unwrap();
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

    /// Closes the tabs of a context, without waiting for it.
    fn forget_context(&self, context: &str) -> std::io::Result<()> {
        let context = json!({"browserContextId": context});
        // Nobody waits for an answer of that number.
        self.write(&json!({"id": 0, "method": "Target.disposeBrowserContext", "params": context}))
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
                // Fails if nobody waits for it any more.
                let _ = sender.send(answer);
            }
        }
        self.waiting.lock().unwrap().answers = None;
    }

    fn close(&self) {
        self.commands.lock().unwrap().take();
    }
}

const FLAGS: [&str; 21] = [
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
    // Names of this machine that browsers do not take for it, and so not for secure.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
    // Without devices, and without a person who permits their use.
    // Of three cameras the second takes pictures of depth, which browsers do not send.
    "--use-fake-device-for-media-stream=device-count=3",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    // Of several tabs only one is in front.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
];
