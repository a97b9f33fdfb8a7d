//! Follows the examples of the documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use signal_core::ProtocolVersion;
use signal_server::Secret;

use crate::common::asyncapi::{DOCUMENT, Side, assert_fits, fault, name};
use crate::common::program::{program, run, utf8};
use crate::common::{self, Api, Room, builder, keys, text};

#[test]
fn the_api_document_has_the_same_examples_in_both_languages() {
    let code = |path| {
        blocks(path).into_iter().map(|block| (block.language, without_comments(&block.code)))
    };
    let (english, chinese): (Vec<_>, Vec<_>) =
        (code("docs/api.md").collect(), code("docs/api.zh.md").collect());
    for (number, (english, chinese)) in english.iter().zip(&chinese).enumerate() {
        assert_eq!(english, chinese, "block {}", number + 1);
    }
    assert_eq!(english.len(), chinese.len());
}

#[test]
fn the_api_document_shows_every_message_under_the_side_that_says_it() {
    let mut shown = BTreeSet::new();
    for Block { section, code, .. } in
        blocks("docs/api.md").iter().filter(|block| block.language == "json")
    {
        let example: Value =
            serde_json::from_str(code).unwrap_or_else(|error| panic!("{error}: {code}"));
        if example.get("type").is_none() {
            continue;
        }
        let side = match section[1].as_str() {
            "From the server" => Side::Server,
            "From the client" => Side::Client,
            other => panic!("who says what is under {other:?}? {example}"),
        };
        assert!(
            section[2].contains(&format!("`{}`", text(&example["type"]))),
            "{section:?}: {example}"
        );
        if fault(ProtocolVersion::V1, side, &example).is_some() {
            assert_fits(ProtocolVersion::V2, side, &example);
        }
        shown.insert(name(ProtocolVersion::V2, side, &text(&example["type"])));
    }
    let messages = DOCUMENT["components"]["messages"].as_object().unwrap().keys();
    assert_eq!(shown, messages.filter(|name| name.starts_with("v2.")).cloned().collect());
}

#[test]
fn every_code_of_the_protocol_is_explained_in_both_languages() {
    let errors = DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap().iter();
    let errors: Vec<String> = errors.map(|code| format!("`{}`", text(code))).collect();
    let close_codes = DOCUMENT["x-close-codes"].as_object().unwrap();
    for path in ["docs/api.md", "docs/api.zh.md"] {
        let document = read(path);
        for code in errors.iter().chain(close_codes.keys()) {
            assert!(document.contains(code), "{path} does not mention {code}");
        }
        let rows = document.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
        let listed: Vec<&str> = rows
            .flat_map(|(codes, _)| codes.split(", "))
            .filter(|code| code.len() == 4 && code.parse::<u16>().is_ok())
            .collect();
        assert!(listed.len() >= 11, "{path}: {listed:?}");
        for code in listed {
            // The browser's own word, which no server sends.
            assert!(code == "1006" || close_codes.contains_key(code), "{path}: {code}");
        }
    }
}

#[test]
fn no_message_of_the_server_is_described_twice() {
    for (path, server) in
        [("docs/api.md", "### From the server"), ("docs/api.zh.md", "### 服务器发出")]
    {
        let document = read(path);
        let lines = document.lines().skip_while(|line| *line != server).skip(1);
        let headings = lines
            .take_while(|line| !line.starts_with("### "))
            .filter(|line| line.starts_with("#### "));
        let mut seen = BTreeSet::new();
        for heading in headings {
            assert!(seen.insert(heading.to_owned()), "{path} has {heading} twice");
        }
        assert!(!seen.is_empty(), "{path} has no headings under {server}");
    }
}

#[tokio::test]
async fn the_requests_of_the_api_document_get_the_answers_beside_them() {
    follow(
        "docs/api.md",
        [
            "Create a room",
            "Join a room",
            "List your rooms",
            "Show a room",
            "Change a room",
            "Kick a participant",
            "Close a room",
            "Get ICE servers",
        ],
    )
    .await;
}

#[tokio::test]
async fn the_requests_of_the_chinese_api_document_get_the_answers_beside_them() {
    follow(
        "docs/api.zh.md",
        [
            "创建房间",
            "加入房间",
            "列出自己的房间",
            "查看房间",
            "修改房间",
            "移出参与者",
            "关闭房间",
            "获取 ICE 服务器",
        ],
    )
    .await;
}

/// Follows these sections of a document.
async fn follow(path: &str, sections: [&str; 8]) {
    let [create, join, list, show, change, kick, close, ice_servers] = sections;
    let examples = |section: &str| -> Vec<Value> {
        let blocks =
            blocks(path).into_iter().filter(|block| block.section[..2] == ["HTTP", section]);
        let examples =
            blocks.map(|block| serde_json::from_str(&block.code).unwrap()).collect::<Vec<_>>();
        assert!(!examples.is_empty(), "{section} has no examples");
        examples
    };
    let stun = || builder().stun(["stun:stun.example.com:3478".into()]);
    let builder = stun()
        .turn(
            Secret::new("shared with coturn"),
            ["turn:turn.example.com:3478?transport=udp".into()],
        )
        .public_url("https://rooms.example.com".parse().unwrap());
    let api = Api::start_with(builder).await;

    let [request, answer] = &examples(create)[..] else { panic!("one of each") };
    let created = api.create(request).await.data();
    assert_alike(answer, &created);
    for field in ["name", "password", "max_participants"] {
        assert_eq!(answer[field], request[field]);
        assert_eq!(created[field], request[field]);
    }
    let secrets =
        ["password", "invite_token", "join_url"].map(|field| (field, answer[field].clone()));
    let access_token = api.access_token("alice");
    let room =
        Room { id: text(&created["room_id"]), password: text(&created["password"]), access_token };
    let [join_request, answer] = &examples(join)[..] else { panic!("one of each") };
    let joined = api.join(&room.id, join_request).await.data();
    assert_alike(answer, &joined);

    let (_creator, _) = api.creator(&room).await;
    let mut guest = api.attach(&room.id, &text(&joined["ws_token"])).await;
    let guest_id = guest.joined().await;
    let [answer] = &examples(list)[..] else { panic!("one") };
    let list = api.request(Method::GET, "/api/webrtc/rooms").bearer_auth(&room.access_token);
    assert_alike(answer, &common::answer(list).await.data());
    // The next two answers are a room of the list, and more.
    let (mut shown, mut with_secrets) = (answer["rooms"][0].clone(), answer["rooms"][0].clone());
    let [answer] = &examples(show)[..] else { panic!("one") };
    shown["participants"] = answer["participants"].clone();
    assert_alike(&shown, &api.ask(Method::GET, &room, "").await.data());

    let [request] = &examples(change)[..] else { panic!("one") };
    let changed = api.change(&room, request).await.data();
    for (field, value) in secrets {
        with_secrets[field] = value;
    }
    assert_alike(&with_secrets, &changed);
    assert_eq!(changed["locked"], request["locked"]);
    assert_ne!(changed["password"], created["password"]);
    assert_ne!(changed["expires_at"], created["expires_at"]);

    let [answer] = &examples(kick)[..] else { panic!("one") };
    let kicked = format!("/participants/{guest_id}?ban=true");
    assert_alike(answer, &api.ask(Method::DELETE, &room, &kicked).await.data());

    let [answer] = &examples(close)[..] else { panic!("one") };
    assert_alike(answer, &api.close(&room.id, &room.access_token).await.data());

    // Its example is of a server without TURN.
    let plain = Api::start_with(stun()).await;
    let [answer] = &examples(ice_servers)[..] else { panic!("one") };
    let asked = plain.ask(Method::POST, &plain.room().await, "/ice-servers").await.data();
    assert_alike(answer, &asked);
    assert_eq!(answer["ice_servers"], asked["ice_servers"]);

    let [success, failure] = &examples("")[..] else { panic!("a success and a failure") };
    let gone = api.join(&room.id, join_request).await;
    assert_eq!((&gone.body, gone.status), (failure, 404));
    assert_eq!(*success, json!({"success": true, "data": {}}));
}

#[tokio::test]
async fn the_settings_of_the_readme_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("access"), common::ACCESS_SECRET).unwrap();
    fs::write(folder.path().join("turn"), common::ACCESS_SECRET).unwrap();
    let in_folder = |code: &str| {
        let code = code.replace("/run/secrets", folder.path().to_str().unwrap());
        code.replace("/var/lib/signal", folder.path().join("data").to_str().unwrap())
    };
    let check = || {
        let mut check = program(&["check-config"]);
        // The data directory that is given is to be used.
        check.env_remove("SIGNAL_EPHEMERAL");
        check
    };
    let blocks = blocks("signal-server/README.md");
    let find = |language: &str, text: &str| {
        let found =
            blocks.iter().find(|block| block.language == language && block.code.contains(text));
        in_folder(&found.unwrap_or_else(|| panic!("no {text} in the README")).code)
    };

    let serve = find("sh", "signal-server serve").replace("\\\n", " ").replace('\'', "");
    let arguments: Vec<&str> = serve.split_whitespace().skip(2).collect();
    let checked = run(check().args(&arguments)).await;
    assert!(checked.status.success(), "{}", utf8(&checked.stderr));

    let file = folder.path().join("settings.toml");
    fs::write(&file, find("toml", "listen")).unwrap();
    let checked = run(check().arg("--config").arg(&file)).await;
    assert!(checked.status.success(), "{}", utf8(&checked.stderr));
}

/// The same fields of the same types, all the way down; a list has what the example has, and may go
/// on.
fn assert_alike(example: &Value, actual: &Value) {
    match (example, actual) {
        (Value::Object(_), Value::Object(fields)) => {
            assert_eq!(keys(example), keys(actual), "{actual}");
            fields.iter().for_each(|(name, value)| assert_alike(&example[name], value));
        }
        (Value::Array(example), Value::Array(actual)) => {
            assert!(example.len() <= actual.len(), "{example:?} is shown, {actual:?} is answered");
            example.iter().zip(actual).for_each(|(example, actual)| assert_alike(example, actual));
        }
        (Value::Null, Value::Null)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => {}
        _ => panic!("{example} is shown, {actual} is answered"),
    }
}

/// A block of code in a document.
struct Block {
    /// The headings it is under, by their level from the second on; empty where there is none.
    section: [String; 3],
    language: String,
    code: String,
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

fn blocks(path: &str) -> Vec<Block> {
    let document = read(path);
    let (mut blocks, mut section, mut open) = (Vec::new(), <[String; 3]>::default(), None::<Block>);
    for line in document.lines() {
        open = match (open, line.strip_prefix("```")) {
            (Some(block), Some(_)) => {
                blocks.push(block);
                None
            }
            (Some(mut block), None) => {
                block.code.push_str(line);
                block.code.push('\n');
                Some(block)
            }
            (None, Some(language)) => Some(Block {
                section: section.clone(),
                language: language.into(),
                code: String::new(),
            }),
            (None, None) => {
                for level in 2..=4 {
                    if let Some(title) = line.strip_prefix(&format!("{} ", "#".repeat(level))) {
                        section[level - 2..].fill(String::new());
                        section[level - 2] = title.into();
                    }
                }
                None
            }
        };
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

/// Comments are in the language of the document.
fn without_comments(code: &str) -> String {
    let line = |line: &str| match line.split_once("// ") {
        Some((code, _)) if code.is_empty() || code.ends_with(' ') => code.trim_end().to_owned(),
        Some(_) | None => line.to_owned(),
    };
    code.lines().map(line).collect::<Vec<_>>().join("\n")
}
