//! Clients that open connections and make no progress: they are silent, slow, or speak another
//! protocol.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{LONG_PATIENCE, broadcast, serve};
use crate::common::PATIENCE;
use crate::common::program::number;

/// The number of clients for each of the ways below.
const DAWDLERS: usize = 40;
/// `--max-connections-per-address`; a client may have twice as many connections.
const SOCKETS: usize = 50;
/// For requests of the others, and of this test for metrics.
const SPARE_FILES: usize = 20;
const A_MOMENT: Duration = Duration::from_millis(500);

/// What they send, a part at a time: nothing, headers, a body, TLS, and a socket that the server
/// refuses.
fn ways(address: SocketAddr) -> [Vec<Vec<u8>>; 6] {
    let trickle =
        |text: String| text.into_bytes().chunks(1).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let upgrade = format!(
        "GET /ws/webrtc/rooms/ABC234?token=x HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let post = format!(
        "POST /api/webrtc/rooms/ABC234/join HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: 2000\r\n\r\n"
    );
    let body = std::iter::once(post.into_bytes()).chain(trickle("x".repeat(2000))).collect();
    // A TLS record with the beginning of a ClientHello.
    let hello = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), &[7; 32]].concat();
    [
        vec![],
        trickle(format!("GET / HTTP/1.1\r\nX-Slow: {}", "x".repeat(2000))),
        vec![b"GET / HTTP/1.1\r\nHost: x\r\nX-".to_vec()],
        body,
        vec![hello],
        // Its socket is refused and told so, and it stays.
        vec![upgrade.into_bytes()],
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_that_dawdle_are_closed_take_few_files_and_keep_nobody_waiting() {
    let sockets = SOCKETS.to_string();
    let plenty = ["--joins-per-minute", "--room-joins-per-minute", "--sockets-per-minute"]
        .map(|limit| [limit, "100000"])
        .concat();
    let settings = [["--max-connections-per-address", &sockets].as_slice(), &plenty].concat();
    let server = serve(&settings).await;
    let api = &server.api;
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let (mut guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    // That connection is kept for the next time.
    server.metrics().await;
    let files = server.open_files();

    let mut dawdlers = JoinSet::new();
    for parts in ways(api.address()) {
        for _ in 0..DAWDLERS {
            dawdlers.spawn(dawdle(api.address(), parts.clone()));
        }
    }
    let (mut served, mut most_files) = (0, 0);
    let others = async {
        loop {
            creator.say(&broadcast(served)).await;
            assert_eq!(guest.hear().await["data"], served);
            api.join(&room.id, &json!({"password": room.password})).await.data();
            served += 1;
            most_files = most_files.max(server.open_files());
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        ended = timeout(LONG_PATIENCE, dawdlers.join_all()) => drop(ended.expect("all are closed")),
        () = others => unreachable!("they go on without an end"),
    }

    println!("{served} times served with {most_files} open files at most, {files} of them before");
    assert!(served > 0);
    assert!(most_files <= files + 2 * SOCKETS + SPARE_FILES, "{most_files} after {files}");
    let metrics = server.metrics().await;
    let refused = |setting: &str| {
        number(&metrics, &format!("signal_refusals_total{{setting=\"{setting}\"}}"))
    };
    // Some may have been turned away too late for them to notice.
    assert!(refused("header-seconds") >= DAWDLERS as f64, "{metrics}");
    assert!(refused("request-seconds") > 0.0, "{metrics}");
    assert!(refused("max-connections-per-address") > 0.0, "{metrics}");
    let all_closed = async {
        while server.open_files() > files || server.metric("signal_connections").await > 2.0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, all_closed).await.expect("no file is left behind");
}

/// Connects from an address of its own until it is not turned away, then sends the parts, slowly,
/// until the server ends the connection.
async fn dawdle(address: SocketAddr, parts: Vec<Vec<u8>>) {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        // Excess connections are closed before they have sent anything.
        if timeout(A_MOMENT, stream.read_u8()).await.is_ok() {
            sleep(A_MOMENT).await;
            continue;
        }
        for part in parts {
            if stream.write_all(&part).await.is_err() {
                return;
            }
            if let Ok(Ok(0) | Err(_)) = timeout(A_MOMENT / 5, stream.read(&mut [0; 1024])).await {
                return;
            }
        }
        // An answer may come first, or a reset.
        let _ = copy(&mut stream, &mut sink()).await;
        return;
    }
}
