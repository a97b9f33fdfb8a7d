//! The smallest server: one room, a line of JSON for each message over TCP.
//!
//! Run it with `cargo run -p examples --example smallest_server` and connect to the address that it
//! prints. The first line is a name; each further line is a message as in the API document. An
//! empty line is a heartbeat, to be answered with another.

use std::sync::{Arc, Mutex};

use signal_core::room::{PasswordTag, RoomSpec};
use signal_core::{DisplayName, Engine, NewConnection, Randomness, Timestamp, Transmit};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::{net::TcpListener, select, sync::Notify, time};

const LONGEST_LINE: u64 = 64 * 1024;
const PATIENCE: time::Duration = time::Duration::from_secs(45);

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let password = PasswordTag::new(rand::random()); // everybody who connects is admitted with it
    let mut engine = Engine::new(rand::random());
    let spec = RoomSpec::draw(rand::random(), password, now(), time::Duration::from_secs(86_400));
    let room = engine.create(spec).expect("it is the only room").id();
    let shared = Arc::new((Mutex::new(engine), Notify::new()));
    loop {
        let ((mut stream, _), shared) = (listener.accept().await?, Arc::clone(&shared));
        tokio::spawn(async move {
            let (engine, change) = (|| shared.0.lock().expect("nothing panics"), &shared.1);
            let (reader, mut out) = stream.split();
            let mut lines = BufReader::new(reader.take(LONGEST_LINE)).lines();
            let name = time::timeout(PATIENCE, lines.next_line()).await.ok()?.ok()??;
            let name = DisplayName::parse(&name).ok()??;
            let grant = engine().admit(room, password, None, rand::random(), now()).ok()?;
            let randomness = Randomness::draw(rand::random(), |_| rand::random());
            let conn =
                engine().handle_open(NewConnection::attach(room, grant, name, randomness), now());
            while engine().is_open(conn) {
                let changed = change.notified();
                engine().handle_timeout(now());
                while engine().poll_ready().is_some() {
                    change.notify_waiters(); // every task looks whether it is meant
                }
                let transmit = engine().poll_transmit(conn, now());
                let line = match transmit {
                    Some(Transmit::Frame(text)) => Some([&text[..], b"\n"].concat()),
                    Some(Transmit::Ping) => Some(b"\n".to_vec()),
                    Some(Transmit::Close(_)) => continue,
                    None => None,
                };
                if let Some(line) = line {
                    let written = time::timeout(PATIENCE, out.write_all(&line)).await;
                    if !matches!(written, Ok(Ok(()))) {
                        engine().handle_lost(conn, now());
                    }
                    continue;
                }
                select! {
                    () = changed => {}
                    () = time::sleep(engine().poll_timeout()?.saturating_since(now())) => {}
                    line = lines.next_line() => {
                        lines.get_mut().get_mut().set_limit(LONGEST_LINE);
                        match line.ok().flatten() {
                            Some(line) if line.is_empty() => engine().handle_alive(conn, now()),
                            Some(line) => engine().handle_frame(conn, &line.into(), now()),
                            None => engine().handle_lost(conn, now()),
                        }
                    }
                }
            }
            change.notify_waiters();
            Some(())
        });
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as u64)
}
