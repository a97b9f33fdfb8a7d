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
    /// The number of a socket. Each process of a server counts from zero.
    conn: Option<u64>,
    room: Option<String>,
}

pub(super) fn shape(text: &str) -> Shape {
    let mut stays: Vec<Stay> = Vec::new();
    let mut rooms: BTreeMap<String, u32> = BTreeMap::new();
    let mut open: HashMap<u64, usize> = HashMap::new();
    // Other lines are about other things.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    for Line { timestamp, fields } in lines {
        let Some(at) = unix(&timestamp) else { continue };
        let mut end = |index: usize| stays[index].leave = Some(at);
        match (fields.message.as_str(), fields.conn, fields.room) {
            // A process that was killed has left sockets open.
            ("listening", ..) => open.drain().for_each(|(_, index)| end(index)),
            ("socket opened", Some(conn), Some(room)) => {
                // The beginning of a process is missing where a log was cut.
                open.remove(&conn).into_iter().for_each(end);
                let next = rooms.len() as u32;
                let room = *rooms.entry(room).or_insert(next);
                open.insert(conn, stays.len());
                stays.push(Stay { room, arrive: at, leave: None });
            }
            ("socket closed", Some(conn), _) => open.remove(&conn).into_iter().for_each(end),
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
        assert_eq!(told(&shape), ["0,0.000,8.000", "1,2.000,", "0,11.000,"]);
    }

    #[test]
    fn sockets_end_where_a_later_server_process_begins() {
        let listening = "{\"timestamp\":\"2026-01-02T03:04:09.5Z\",\"level\":\"INFO\",\
                         \"fields\":{\"message\":\"listening\",\"address\":\"[::]:8080\"}}\n";
        let before = [line(1, "socket opened", 0, "482913"), line(3, "socket opened", 1, "482913")];
        let after = line(12, "socket opened", 0, "482913");
        let log = [&before.concat(), listening, &after].concat();
        assert_eq!(told(&shape(&log)), ["0,0.000,8.000", "0,2.000,8.000", "0,11.000,"]);
        // Without the line in between, a number that occurs again tells.
        let log = before.concat() + &after;
        assert_eq!(told(&shape(&log)), ["0,0.000,11.000", "0,2.000,", "0,11.000,"]);
    }

    fn line(seconds: u32, message: &str, conn: u32, room: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-01-02T03:04:{seconds:02}.5Z\",\"level\":\"DEBUG\",\
             \"fields\":{{\"message\":\"{message}\",\"conn\":{conn},\"room\":\"{room}\"}},\
             \"target\":\"signal_server\"}}\n"
        )
    }

    fn told(shape: &Shape) -> Vec<String> {
        shape.to_string().lines().skip(1).map(str::to_owned).collect()
    }
}
