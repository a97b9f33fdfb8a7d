//! A log that nobody reads: standard error is a pipe that is full from the start.

use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::process::{ExitStatus, Stdio};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::common::program::program;
use crate::common::{ACCESS_SECRET, Api, PATIENCE};

/// What a pipe holds unless somebody asks for more.
const PIPE: usize = 64 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_stalls_stops_no_room_at_any_level() {
    for level in ["error", "warn", "info", "debug", "trace"] {
        let (mut child, api, _unread) = serve_with_full_log(level).await;
        let (loud_room, room) = (api.room().await, api.room().await);
        let (mut creator, creator_id) = api.creator(&room).await;
        let (mut guest, _) = api.guest(&room, "guest").await;
        creator.hear().await;
        // Over the rate, which is logged.
        let (mut loud, _) = api.enter_v2(&loud_room, &loud_room.access_token).await;
        for number in 0..300 {
            loud.say(&json!({"type": "ping", "t": number})).await;
        }
        for number in 0..20 {
            api.ws_token(&loud_room, "another").await;
            let mark = number.to_string();
            guest.say(&json!({"type": "candidate", "to": creator_id, "candidate": mark})).await;
            assert_eq!(creator.hear().await["candidate"], mark, "at {level}");
        }
        for number in 0..100 {
            assert_eq!(loud.hear().await["t"], number, "at {level}");
        }
        assert!(stopped(&mut child).await.success(), "at {level}");
    }
}

async fn serve_with_full_log(level: &str) -> (Child, Api, PipeReader) {
    let (unread, mut full): (PipeReader, PipeWriter) = pipe().unwrap();
    full.write_all(&[b'x'; PIPE]).unwrap();
    let mut command: Command = program(&["serve", "--listen", "127.0.0.1:0", "--log", level]);
    command.env("SIGNAL_ACCESS_SECRET", ACCESS_SECRET).stderr(full).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it announces itself");
            let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://"));
            if let Some(address) = url {
                break address.parse().unwrap();
            }
        }
    };
    let address = timeout(PATIENCE, address).await.expect("it starts");
    (child, Api::at(address), unread)
}

async fn stopped(child: &mut Child) -> ExitStatus {
    let kill = format!("kill -TERM {}", child.id().unwrap());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap()
}
