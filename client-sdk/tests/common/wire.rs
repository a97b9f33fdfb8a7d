//! A TCP proxy to the signaling server that can hold back messages, cut connections and read them.

use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use client_sdk::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::PATIENCE;

pub struct Wire {
    address: SocketAddr,
    cuts: watch::Sender<u32>,
    refuses: watch::Sender<bool>,
    holds: watch::Sender<Hold>,
    network: watch::Sender<Network>,
    heard: Heard,
}

/// What becomes of the bytes of all connections, without an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Network {
    Carries,
    /// They wait until it carries again.
    Stalls,
    /// As when it stalls, but it never again carries those of the present connections.
    Forgets,
}

/// Which messages to the server are held back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hold {
    Nothing,
    /// Those of connections that are about to become WebSockets.
    WebSockets,
    Everything,
}

impl Hold {
    fn holds(self, bytes: &[u8]) -> bool {
        match self {
            Self::Nothing => false,
            Self::WebSockets => bytes.starts_with(b"GET /ws/"),
            Self::Everything => true,
        }
    }
}

/// What has passed the proxy.
#[derive(Clone, Default)]
struct Heard {
    /// The number of connections with messages that are held back.
    held: Arc<AtomicUsize>,
    conflicts: Arc<AtomicUsize>,
    offers: Arc<AtomicUsize>,
}

impl Wire {
    /// Makes a proxy to that server, and a client that uses it.
    pub async fn to(server: SocketAddr) -> (Self, Client) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::new(&format!("http://{address}")).unwrap();
        let (cuts, cut) = watch::channel(0);
        let (refuses, refused) = watch::channel(false);
        let (holds, held) = watch::channel(Hold::Nothing);
        let (network, becomes) = watch::channel(Network::Carries);
        let heard = Heard::default();
        let hears = heard.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *refused.borrow() {
                    continue;
                }
                let far = TcpStream::connect(server).await.unwrap();
                let carrying = carry(near, far, cut.clone(), held.clone(), hears.clone());
                tokio::spawn(over(becomes.clone(), carrying));
            }
        });
        (Self { address, cuts, refuses, holds, network, heard }, client)
    }

    /// The URL of the proxy, like `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks every connection.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Refuses new connections, or accepts them again.
    pub fn refuse(&self, refuse: bool) {
        self.refuses.send_replace(refuse);
    }

    /// Has the network below all connections be like that from now on.
    pub fn network(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Holds back messages to the server until they are released.
    pub fn hold(&self) {
        self.heard.held.store(0, Ordering::Relaxed);
        self.holds.send_replace(Hold::Everything);
    }

    /// Holds back new signaling connections until they are released. Other requests pass.
    pub fn hold_websockets(&self) {
        self.heard.held.store(0, Ordering::Relaxed);
        self.holds.send_replace(Hold::WebSockets);
    }

    /// Waits until messages of so many connections are held back, and releases them.
    pub async fn let_go(&self, connections: usize) {
        self.until_held(connections).await;
        self.holds.send_replace(Hold::Nothing);
    }

    /// Waits until messages of so many connections are held back.
    pub async fn until_held(&self, connections: usize) {
        until(|| self.heard.held.load(Ordering::Relaxed) >= connections).await;
    }

    /// Waits until the server has refused another offer than those before.
    pub async fn until_conflict(&self, before: usize) {
        until(|| self.conflicts() > before).await;
    }

    /// Waits until the server has relayed another offer than those before.
    pub async fn until_offer(&self, before: usize) {
        until(|| self.offers() > before).await;
    }

    /// How many offers have come from the server.
    pub fn offers(&self) -> usize {
        self.heard.offers.load(Ordering::Relaxed)
    }

    /// How many offers the server has refused.
    pub fn conflicts(&self) -> usize {
        self.heard.conflicts.load(Ordering::Relaxed)
    }
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("this never comes over the wire");
}

/// Carries a connection while its network does.
async fn over(mut network: watch::Receiver<Network>, carrying: impl Future<Output = ()>) {
    let mut carrying = pin!(carrying);
    loop {
        tokio::select! {
            biased;
            Ok(_) = network.wait_for(|it| *it != Network::Carries) => {}
            () = &mut carrying => return,
        }
        if *network.borrow_and_update() == Network::Forgets {
            return pending().await;
        }
        if network.changed().await.is_err() {
            return;
        }
    }
}

async fn carry(
    near: TcpStream,
    far: TcpStream,
    mut cut: watch::Receiver<u32>,
    held: watch::Receiver<Hold>,
    heard: Heard,
) {
    cut.mark_unchanged();
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        () = up(near_in, far_out, held, &heard) => {}
        () = down(far_in, near_out, &heard) => {}
        _ = cut.changed() => {}
    }
}

async fn up(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut held: watch::Receiver<Hold>,
    heard: &Heard,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let holds = held.borrow().holds(&buffer[..read]);
        if holds {
            heard.held.fetch_add(1, Ordering::Relaxed);
            held.wait_for(|held| *held == Hold::Nothing).await.unwrap();
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// The server's frames are not masked, so that their text can be read.
async fn down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, heard: &Heard) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let text = String::from_utf8_lossy(&buffer[..read]);
        heard.conflicts.fetch_add(text.matches("offer_conflict").count(), Ordering::Relaxed);
        heard.offers.fetch_add(text.matches(r#""type":"offer""#).count(), Ordering::Relaxed);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
