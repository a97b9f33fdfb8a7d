//! A custom signaling server around signal-core, with lines of JSON over TCP instead of WebSockets.
//!
//! Run it with `cargo run -p examples --example custom_server` and connect to the address that it
//! prints. The first line is `join <password> <name>`, `resume <token> <messages received>`, or
//! `kick <operator key> <participant>`. Each further line is a message of v2 as in the API
//! document. An empty line is a heartbeat, to be answered with another.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, io};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use signal_core::room::{PasswordTag, RoomSpec, TokenHash};
use signal_core::{
    ConnId, DisplayName, Engine, EngineConfig, NewConnection, ProtocolVersion, Randomness, RoomId,
    Timestamp, Transmit,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

const MAX_LINE_BYTES: u64 = 64 * 1024;

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let password = format!("{:06}", rand::random_range(0..1_000_000));
    let (key, operator_key) = (rand::random(), format!("{:032x}", rand::random::<u128>()));
    println!("listening on {}", listener.local_addr()?);
    println!("password {password}\noperator key {operator_key}");
    let mut config = EngineConfig::default();
    if let Some(Ok(seconds)) = env::args().nth(1).map(|seconds| seconds.parse()) {
        config.ping_every = Duration::from_secs(seconds);
        config.idle_timeout = 2 * config.ping_every;
    }
    let mut engine = Engine::with_config(rand::random(), config).expect("its limits fit");
    let lifetime = Duration::from_secs(24 * 3600);
    let spec = RoomSpec::draw(rand::random(), tag(&key, &password), now(), lifetime);
    let room = engine.create(spec).expect("it is the only room").id();
    let (engine, deadline_moved) = (Mutex::new((engine, HashMap::new())), Notify::new());
    let server = Arc::new(Server { engine, deadline_moved, room, key, operator_key });
    let timer = Arc::clone(&server);
    tokio::spawn(async move { timer.run_timer().await });
    loop {
        let ((stream, _), server) = (listener.accept().await?, Arc::clone(&server));
        tokio::spawn(async move { server.serve(stream).await });
    }
}

struct Server {
    /// The engine, and what wakes the task of each connection.
    engine: Mutex<(Engine, HashMap<ConnId, Arc<Notify>>)>,
    deadline_moved: Notify,
    room: RoomId,
    key: [u8; 32],
    operator_key: String,
}

impl Server {
    /// Calls the engine, and wakes the tasks that have something to do then.
    ///
    /// It ignores questions. There is no TURN server, so requests for one get `unavailable`, and
    /// nobody enters without a password or token.
    fn with<T>(&self, act: impl FnOnce(&mut Engine, Timestamp) -> T) -> T {
        let (engine, tasks) = &mut *self.engine.lock().expect("nothing panics");
        let deadline = engine.poll_timeout();
        let result = act(engine, now());
        while let Some(conn) = engine.poll_ready() {
            tasks.get(&conn).inspect(|task| task.notify_one());
        }
        if engine.poll_timeout() != deadline {
            self.deadline_moved.notify_one();
        }
        result
    }

    async fn run_timer(&self) {
        loop {
            let at = self.with(|engine, _| engine.poll_timeout());
            let wait = at.map_or(Duration::MAX, |at| at.saturating_since(now()));
            let _ = timeout(wait, self.deadline_moved.notified()).await;
            self.with(|engine, now| engine.handle_timeout(now));
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let (reader, mut writer) = stream.split();
        let mut lines = BufReader::new(reader.take(MAX_LINE_BYTES)).lines();
        let first = lines.next_line().await?.unwrap_or_default();
        let opening = match self.first_line(&first) {
            Ok(opening) => opening.protocol(ProtocolVersion::V2),
            Err(answer) => return writer.write_all(format!("{answer}\n").as_bytes()).await,
        };
        let conn = self.with(|engine, now| engine.handle_open(opening, now));
        let task = Arc::new(Notify::new());
        self.engine.lock().expect("nothing panics").1.insert(conn, Arc::clone(&task));
        let reading = async {
            while let Some(line) = lines.next_line().await? {
                self.with(|engine, now| match line.as_str() {
                    "" => engine.handle_alive(conn, now),
                    _ => engine.handle_frame(conn, &line.into(), now),
                });
                lines.get_mut().get_mut().set_limit(MAX_LINE_BYTES);
            }
            io::Result::Ok(())
        };
        let writing = async {
            loop {
                let line = match self.with(|engine, now| engine.poll_transmit(conn, now)) {
                    Some(Transmit::Frame(frame)) => [&frame[..], b"\n"].concat(),
                    Some(Transmit::Ping) => b"\n".to_vec(),
                    Some(Transmit::Close(_)) => return Ok(()),
                    None => {
                        task.notified().await;
                        continue;
                    }
                };
                timeout(Duration::from_secs(45), writer.write_all(&line)).await??;
            }
        };
        let ended = tokio::select! { ended = reading => ended, ended = writing => ended };
        self.with(|engine, now| engine.handle_lost(conn, now));
        self.engine.lock().expect("nothing panics").1.remove(&conn);
        ended
    }

    /// Parses the first line of a connection. The error is the answer to an invalid one.
    fn first_line(&self, line: &str) -> Result<NewConnection, String> {
        let refused = |why: &dyn ToString| format!("refused: {}", why.to_string());
        let randomness = Randomness::draw(rand::random(), hash);
        match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
            ["join", password, name] => {
                let tag = tag(&self.key, password);
                let name = DisplayName::parse(name).ok().flatten().ok_or("refused: no name")?;
                let admit = |engine: &mut Engine, now| {
                    engine.admit(self.room, tag, None, rand::random(), now)
                };
                let grant = self.with(admit).map_err(|reject| refused(&reject))?;
                Ok(NewConnection::attach(self.room, grant, name, randomness))
            }
            ["resume", token, received] => {
                let received = received.parse().map_err(|error| refused(&error))?;
                let token = TokenHash::new(hash(token));
                Ok(NewConnection::resume(self.room, token, received, randomness))
            }
            ["kick", key, id] if hash(key) == hash(&self.operator_key) => {
                let id = id.parse().map_err(|error| refused(&error))?;
                let kicked = self.with(|engine, now| engine.kick(self.room, id, None, now));
                Err(kicked.map_or_else(|reject| refused(&reject), |()| "kicked".to_owned()))
            }
            _ => Err("refused: join, resume or kick is expected".to_owned()),
        }
    }
}

fn tag(key: &[u8; 32], password: &str) -> PasswordTag {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    PasswordTag::new(mac.chain_update(password).finalize().into_bytes().into())
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The system time at the start plus the monotonic time since, so that it never runs backwards.
fn now() -> Timestamp {
    static START: LazyLock<(Instant, Duration)> = LazyLock::new(|| {
        (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    });
    Timestamp::from_millis(START.1.as_millis() as u64) + START.0.elapsed()
}
