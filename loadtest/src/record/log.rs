//! The sockets in the log of signal-server, in JSON.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::scenario::{Shape, Stay};

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    message: String,
    conn: u64,
    room: String,
}

pub(super) fn shape(text: &str) -> Shape {
    let mut stays: Vec<Stay> = Vec::new();
    let mut rooms: BTreeMap<String, u32> = BTreeMap::new();
    let mut open: HashMap<u64, usize> = HashMap::new();
    // Other lines are about other things.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    for Line { timestamp, fields } in lines {
        let Some(at) = unix(&timestamp) else { continue };
        match fields.message.as_str() {
            "socket opened" => {
                let next = rooms.len() as u32;
                let room = *rooms.entry(fields.room).or_insert(next);
                open.insert(fields.conn, stays.len());
                stays.push(Stay { room, arrive: at, leave: None });
            }
            "socket closed" => {
                if let Some(index) = open.remove(&fields.conn) {
                    stays[index].leave = Some(at);
                }
            }
            _ => {}
        }
    }
    Shape::of(stays)
}

fn unix(timestamp: &str) -> Option<Duration> {
    let at = OffsetDateTime::parse(timestamp, &Rfc3339).ok()?;
    Duration::try_from(at - OffsetDateTime::UNIX_EPOCH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_stays_and_everything_else_is_left_out() {
        let line = |seconds: u32, message: &str, conn: u32, room: &str| {
            format!(
                "{{\"timestamp\":\"2026-01-02T03:04:{seconds:02}.5Z\",\"level\":\"DEBUG\",\
                 \"fields\":{{\"message\":\"{message}\",\"conn\":{conn},\"room\":\"{room}\"}},\
                 \"target\":\"signal_server\"}}\n"
            )
        };
        let log = [
            line(1, "socket opened", 1, "482913"),
            "no JSON\n{\"timestamp\":\"x\",\"fields\":{\"message\":\"listening\"}}\n".into(),
            line(3, "socket opened", 2, "777777"),
            line(4, "admitted", 2, "777777"),
            line(9, "socket closed", 1, "482913"),
            line(9, "socket closed", 8, "482913"),
            line(12, "socket opened", 3, "482913"),
        ];
        let shape = shape(&log.concat());
        let told: Vec<String> = shape.to_string().lines().skip(1).map(str::to_owned).collect();
        assert_eq!(told, ["0,0.000,8.000", "1,2.000,", "0,11.000,"]);
    }
}
