//! Plays the exchanges of the conformance kit against the hub, to check the kit.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use signal_core::hub::{Disconnect, Input};
use signal_core::room::{Change, Op, Ticket};
use signal_core::{ConnId, Permissions};

use crate::common::Node;

#[test]
fn the_hub_does_what_every_exchange_says() {
    let files = json_files("exchanges");
    assert!(files.len() >= 16, "{files:?}");
    for path in files {
        let script: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let mut player = Player::new(path.file_stem().unwrap().to_str().unwrap());
        for (number, step) in script["steps"].as_array().unwrap().iter().enumerate() {
            player.place = format!("{}, step {}: {step}", player.name, number + 1);
            player.play(step.as_object().unwrap());
        }
        player.finish();
    }
}

#[test]
fn every_type_of_message_occurs_in_an_exchange() {
    let mut played = BTreeSet::new();
    for path in json_files("exchanges") {
        let script: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for step in script["steps"].as_array().unwrap() {
            let direction = if step.get("send").is_some() { "client" } else { "server" };
            if let Some(kind) = step["message"]["type"].as_str() {
                played.insert((direction, kind.to_owned()));
            }
        }
    }
    for direction in ["client", "server"] {
        for folder in [format!("messages/v1/{direction}"), format!("messages/v2/{direction}")] {
            for path in json_files(&folder) {
                let message: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                let kind = message["type"].as_str().unwrap();
                // Sent by a draining server, which is not the hub's business.
                if kind != "server_draining" {
                    assert!(
                        played.contains(&(direction, kind.to_owned())),
                        "{direction} {kind} is never played"
                    );
                }
            }
        }
    }
}

struct Player {
    name: String,
    /// The place in the kit, for failure messages.
    place: String,
    node: Node,
    sockets: BTreeMap<String, ConnId>,
    tickets: HashMap<String, Ticket>,
    received: HashMap<String, VecDeque<Value>>,
    variables: HashMap<String, Value>,
}

impl Player {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            place: String::new(),
            node: Node::new(10),
            sockets: BTreeMap::new(),
            tickets: HashMap::new(),
            received: HashMap::new(),
            variables: HashMap::new(),
        }
    }

    fn play(&mut self, step: &Map<String, Value>) {
        let text = |field: &str| step.get(field).and_then(Value::as_str).map(str::to_owned);
        if let Some(name) = text("open") {
            self.open(&name, step);
        } else if let Some(name) = text("send") {
            let frame = text("text").unwrap_or_else(|| self.filled(&step["message"]).to_string());
            self.node.say(self.sockets[&name], frame);
        } else if let Some(name) = text("receive") {
            let message = self.next(&name);
            self.expect(&step["message"], &message);
        } else if let Some(name) = text("closed") {
            assert!(self.waiting(&name).is_empty(), "{}", self.place);
            let code = self.node.closed(self.sockets[&name]).map(u64::from);
            assert_eq!(code, step["code"].as_u64(), "{}", self.place);
        } else if let Some(name) = text("cut") {
            self.node.lose(self.sockets[&name]);
        } else if let Some(name) = text("close") {
            self.node.input(Input::Lost { conn: self.sockets[&name], how: Disconnect::Clean });
        } else if let Some(participant) = text("kick") {
            let participant = self.variables[&participant].as_str().unwrap().parse().unwrap();
            self.node.apply(&Op::Kick { participant, rotate: None });
        } else if let Some(locked) = step.get("lock") {
            let locked = Some(locked.as_bool().unwrap());
            self.node.apply(&Op::Change(Change { locked, ..Change::default() }));
        } else if let Some(participant) = text("permit") {
            let participant = self.variables[&participant].as_str().unwrap().parse().unwrap();
            let permissions = permissions(&step["permissions"]);
            self.node.apply(&Op::SetPermissions { participant, permissions });
        } else if let Some(guesses) = step.get("guess") {
            (0..guesses.as_u64().unwrap()).for_each(|_| self.node.guess());
        } else if step.contains_key("restore_attempts") {
            let restores = self.node.store.room(self.node.room).unwrap().restores();
            let restore_attempts = Some(restores);
            self.node.apply(&Op::Change(Change { restore_attempts, ..Change::default() }));
        } else if let Some(millis) = step.get("wait_ms") {
            self.node.wait(Duration::from_millis(millis.as_u64().unwrap()));
        } else if let (Some(smaller), Some(larger)) = (text("smaller"), text("than")) {
            let id = |name: &String| self.variables[name].as_str().unwrap().to_owned();
            assert!(id(&smaller) < id(&larger), "{}", self.place);
        } else {
            panic!("{} is not a step", self.place);
        }
    }

    fn open(&mut self, name: &str, step: &Map<String, Value>) {
        let conn = if let Some(token) = step.get("resume").and_then(Value::as_str) {
            let token = self.variables[token].as_str().unwrap().to_owned();
            self.node.resume(&token, step["last_seq"].as_u64().unwrap())
        } else {
            let ticket = match step["as"].as_str().unwrap() {
                "creator" => Ticket::Creator,
                "guest" => self.node.join(),
                earlier => self.tickets[earlier],
            };
            self.tickets.insert(name.into(), ticket);
            let shown = step["name"].as_str().unwrap();
            if step.get("v") == Some(&2.into()) {
                self.node.open_v2(ticket, shown)
            } else {
                self.node.open(ticket, shown)
            }
        };
        self.sockets.insert(name.into(), conn);
    }

    fn waiting(&mut self, name: &str) -> &mut VecDeque<Value> {
        let conn = self.sockets[name];
        let waiting = self.received.entry(name.into()).or_default();
        waiting.extend(self.node.take(conn));
        waiting
    }

    fn next(&mut self, name: &str) -> Value {
        let next = self.waiting(name).pop_front();
        next.unwrap_or_else(|| panic!("{}: nothing was received", self.place))
    }

    fn expect(&mut self, pattern: &Value, actual: &Value) {
        match (pattern, actual) {
            (Value::String(any), _) if any == "*" => {}
            (Value::String(variable), _) if variable.starts_with('$') => {
                let bound =
                    self.variables.entry(variable.clone()).or_insert_with(|| actual.clone());
                assert_eq!(bound, actual, "{variable} in {}", self.place);
            }
            (Value::Object(fields), Value::Object(actual)) => {
                let names =
                    |fields: &Map<String, Value>| fields.keys().cloned().collect::<BTreeSet<_>>();
                assert_eq!(names(fields), names(actual), "{}: {actual:?}", self.place);
                for (name, field) in fields {
                    self.expect(field, &actual[name]);
                }
            }
            (Value::Array(items), Value::Array(actual)) => {
                assert_eq!(items.len(), actual.len(), "{}: {actual:?}", self.place);
                for (item, actual) in items.iter().zip(actual) {
                    self.expect(item, actual);
                }
            }
            _ => assert_eq!(pattern, actual, "{}", self.place),
        }
    }

    /// A message to send, with its variables replaced.
    fn filled(&self, message: &Value) -> Value {
        match message {
            Value::String(text) => self.variables.get(text).unwrap_or(message).clone(),
            Value::Object(fields) => {
                fields.iter().map(|(name, field)| (name.clone(), self.filled(field))).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => message.clone(),
        }
    }

    fn finish(&mut self) {
        for name in self.sockets.keys().cloned().collect::<Vec<_>>() {
            let left = self.waiting(&name).clone();
            assert!(left.is_empty(), "{}: {name} got {left:?} too", self.name);
        }
    }
}

fn permissions(given: &Value) -> Permissions {
    let mut permissions = Permissions::NONE;
    permissions.message = given["message"].as_bool().unwrap();
    permissions.update = given["update"].as_bool().unwrap();
    permissions.publish = given["publish"].as_bool().unwrap();
    permissions.moderate = given["moderate"].as_bool().unwrap();
    permissions
}

fn json_files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(folder);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
