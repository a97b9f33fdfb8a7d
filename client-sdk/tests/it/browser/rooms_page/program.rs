//! The page of the program `signal-server`, as it is released where `TESTED_PROGRAM` names that.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::Call;
use crate::browser::chromium::Chromium;
use crate::common::InTime;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_while_the_server_is_killed_and_started_again() {
    let mut server = Program::start().await;
    let browser = Chromium::take().await;
    let call = Call::begin(&browser, &server.url()).await;
    let pages = [&call.creator, &call.guest];
    server.kill().await;
    for page in pages {
        page.until_shown(".warning").await;
        assert!(page.text(".warning").await.contains("The call goes on"));
    }
    call.until_media_flows().await;
    server.start_again().await;
    for page in pages {
        page.until_hidden(".warning").await;
        page.until_notified("Reconnected.").await;
        assert_eq!(page.see("visit.connections.length").await, 1);
    }
    call.creator.say("still here").await;
    call.guest.until_said("still here").await;
    call.until_media_flows().await;
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_talk_over_https() {
    let server = Program::start_with_tls().await;
    let browser = Chromium::take_that_trusts_all().await;
    let call = Call::begin(&browser, &server.url()).await;
    assert!(call.invitation.link.starts_with("https://"), "{}", call.invitation.link);
    for page in [&call.creator, &call.guest] {
        assert_eq!(page.see("isSecureContext && location.protocol").await, "https:");
        let sockets = "visit.sockets.every((it) => it.url.startsWith('wss://127.0.0.1:'))";
        assert_eq!(page.see(sockets).await, true);
    }
    call.creator.say("encrypted").await;
    call.guest.until_said("encrypted").await;
    call.assert_no_faults().await;
}

/// The program `signal-server` with a data directory. It can be killed, and started again at the
/// same address.
struct Program {
    process: Option<Child>,
    port: u16,
    folder: TempDir,
    has_tls: bool,
}

impl Program {
    async fn start() -> Self {
        let mut program = Self::new(false);
        program.start_again().await;
        program
    }

    /// With a certificate that no browser trusts by itself.
    async fn start_with_tls() -> Self {
        let mut program = Self::new(true);
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        fs::write(program.folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(program.folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        program.start_again().await;
        program
    }

    fn new(has_tls: bool) -> Self {
        // The port is free now, and another program is unlikely to take it before the server does.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { process: None, port, folder: tempfile::tempdir().unwrap(), has_tls }
    }

    fn url(&self) -> String {
        let scheme = if self.has_tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    async fn start_again(&mut self) {
        let mut command = Command::new(signal_server());
        if self.has_tls {
            command.args(["serve", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
        } else {
            command.arg("serve");
        }
        let process = command
            .args(["--listen", &format!("127.0.0.1:{}", self.port), "--data-dir", "."])
            .current_dir(self.folder.path())
            .env("SIGNAL_ADMIN_LISTEN", "127.0.0.1:0")
            .env("SIGNAL_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let process = self.process.insert(process);
        let address = ("127.0.0.1", self.port);
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                let exited = process.try_wait().unwrap();
                assert!(exited.is_none(), "the server does not start: {exited:?}");
                sleep(Duration::from_millis(20)).await;
            }
        };
        listens.in_time("the server").await;
    }

    /// With SIGKILL, so that it can do nothing more.
    async fn kill(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
    }
}

/// The program, which `./test` builds beside the tests; `TESTED_PROGRAM` names another build of it.
fn signal_server() -> PathBuf {
    if let Some(tested) = std::env::var_os("TESTED_PROGRAM") {
        // The program runs in a folder of its own.
        return fs::canonicalize(tested).unwrap();
    }
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().unwrap().with_file_name("signal-server");
    assert!(built.exists(), "build the program first: cargo build -p signal-server");
    built
}
