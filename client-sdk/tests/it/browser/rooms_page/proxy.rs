//! The page below a path of a proxy.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use signal_server::PublicUrl;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::{Call, stage_with};
use crate::common::InTime;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_below_a_path_of_a_proxy_stays_below_it() {
    let mut proxy = Haproxy::new().await;
    let public: PublicUrl = proxy.url("join").parse().unwrap();
    let (server, browser) = stage_with(|builder| builder.public_url(public)).await;
    proxy.stand_before(server.address()).await;
    let call = Call::begin(&browser, &proxy.url("")).await;
    let Call { creator, guest, invitation } = &call;
    assert!(invitation.link.starts_with(&proxy.url("join/")), "{}", invitation.link);
    let room = proxy.url(&format!("join/{}", invitation.room));
    for page in [creator, guest] {
        assert_eq!(page.see("location.href").await, room);
        page.reload().await;
        page.until_shown(".call").await;
        for page in [creator, guest] {
            page.until_people(2).await;
        }
    }
    call.until_media_flows().await;
    guest.click("#leave").await;
    guest.click(".ended .secondary").await;
    guest.until_shown("#create").await;
    assert_eq!(guest.see("location.href").await, proxy.url(""));
    call.assert_no_faults().await;
}

/// A real haproxy that serves the page below `/calls/` and has nothing else.
struct Haproxy {
    port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl Haproxy {
    async fn new() -> Self {
        // The port is free now, and another program is unlikely to take it before haproxy does.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { port, folder: tempfile::tempdir().unwrap(), process: None }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/calls/{path}", self.port)
    }

    async fn stand_before(&mut self, server: SocketAddr) {
        let configuration = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n \
             timeout server 60s\n timeout tunnel 1h\n\
             frontend calls\n bind 127.0.0.1:{port}\n \
             http-request deny deny_status 404 unless {{ path_beg /calls/ }}\n \
             http-request replace-path /calls(/.*) \\1\n default_backend rooms\n\
             backend rooms\n server one {server}\n",
            port = self.port,
        );
        let file = self.folder.path().join("configuration");
        fs::write(&file, configuration).unwrap();
        let process = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(file)
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run haproxy: {error}"));
        self.process = Some(process);
        let listens = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        listens.in_time("haproxy").await;
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}
