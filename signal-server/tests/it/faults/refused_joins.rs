//! Joins that are refused, on a server that keeps its rooms.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::program::{Served, durable, program};
use crate::common::{Api, Room, text};

const REFUSALS: usize = 20;

#[tokio::test]
async fn joins_that_a_limit_a_full_or_a_locked_room_refuses_write_nothing_and_take_no_id() {
    let data = tempfile::tempdir().unwrap();
    let limit = ["--room-joins-per-minute", "2", "--trusted-proxy", "127.0.0.1/32"];
    let args = [["serve", "--listen", "127.0.0.1:0"].as_slice(), &limit].concat();
    let server = Served::start(durable(&mut program(&args), data.path())).await;
    let api = &server.api;
    let room = api.room_with(&json!({"max_participants": 2})).await;
    let join =
        async |from: &str| api.join_from(from, &room.id, &json!({"password": room.password})).await;
    let (first_address, second_address) = ("198.51.100.1", "198.51.100.2");

    let first = join(first_address).await.data();
    let (mut guest, _) = api.enter_v2(&room, &text(&first["ws_token"])).await;
    let before = saved(api, &room, data.path(), &json!({"name": "full"})).await;
    for _ in 0..REFUSALS {
        assert_eq!(join(second_address).await.refused(), (400, "room_full"));
    }
    assert!(files(data.path()) == before, "a full room is written");

    guest.say(&json!({"type": "leave"})).await;
    assert_eq!(guest.read_until_closed().await, 1000);
    let before = saved(api, &room, data.path(), &json!({"locked": true})).await;
    for _ in 0..REFUSALS {
        assert_eq!(join(second_address).await.refused(), (403, "room_locked"));
    }
    assert!(files(data.path()) == before, "a locked room is written");

    let before = saved(api, &room, data.path(), &json!({"locked": false})).await;
    let second = join(first_address).await.data();
    assert!(files(data.path()) == before, "ids are reserved, so that a join writes nothing");
    for _ in 0..REFUSALS {
        assert_eq!(join(first_address).await.refused(), (429, "rate_limited"));
    }
    assert!(files(data.path()) == before, "a limit is written");
    let third = join(second_address).await.data();

    let numbers = [first, second, third].map(|joined| number(&joined));
    assert_eq!(numbers, [numbers[0], numbers[0] - 1, numbers[0] - 2]);
}

/// The data directory once a change of the room is on disk, and with it whatever was before.
async fn saved(api: &Api, room: &Room, data: &Path, change: &Value) -> BTreeMap<PathBuf, Vec<u8>> {
    api.change(room, change).await.data();
    files(data)
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Ids count down, up to their random last three digits.
fn number(joined: &Value) -> u64 {
    u64::from_str_radix(&text(&joined["participant_id"])[2..7], 36).unwrap()
}
