//! The program itself, as an operator runs it.

use reqwest::Method;

use crate::common::program::{Running, Served, program, run, utf8};
use crate::common::{ACCESS_SECRET, Answer, Api, Participant, answer, http_client, read, text};

const TURN_SECRET: &str = "turn-secret-of-the-tests-0123456789";

/// A `curl` command as a shell would read it.
struct Curl {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Curl {
    /// The commands in a text, which may go over several lines.
    fn all_in(printed: &str) -> Vec<Self> {
        let joined = printed.replace("\\\n", " ");
        joined.lines().filter(|line| line.starts_with("curl ")).map(Self::parse).collect()
    }

    fn parse(line: &str) -> Self {
        // Words are separated by spaces; single quotes keep spaces in a word.
        let mut words = Vec::new();
        for (index, part) in line.split('\'').enumerate() {
            if index % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        let mut words = words.into_iter();
        let mut curl = Self { url: String::new(), headers: Vec::new(), body: String::new() };
        assert_eq!(words.next().as_deref(), Some("curl"));
        while let Some(word) = words.next() {
            match word.as_str() {
                "-X" => assert_eq!(words.next().as_deref(), Some("POST")),
                "-H" => {
                    let header = words.next().unwrap();
                    let (name, value) = header.split_once(": ").unwrap();
                    curl.headers.push((name.to_owned(), value.to_owned()));
                }
                "-d" => curl.body = words.next().unwrap(),
                url => curl.url = url.to_owned(),
            }
        }
        curl
    }

    async fn run(self) -> Answer {
        let mut request = http_client().post(self.url).body(self.body);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        read(request.send().await.unwrap()).await
    }
}

#[tokio::test]
async fn without_settings_it_announces_development_and_what_it_prints_works() {
    let mut program = Running::start(&mut program(&["serve", "--listen", "127.0.0.1:0"]));
    let printed = program.announcement().await;
    assert!(printed.starts_with("DEVELOPMENT MODE"), "{printed}");

    let [create, mut join] =
        <[Curl; 2]>::try_from(Curl::all_in(&printed)).ok().expect("two commands");
    let token =
        printed.lines().find(|line| line.starts_with("eyJ")).expect("a token on a line of its own");
    assert!(create.headers.contains(&("Authorization".to_owned(), format!("Bearer {token}"))));
    let created = create.run().await.data();
    assert_eq!(created["name"], "小明的房间");

    let (room, password) = (text(&created["room_id"]), text(&created["password"]));
    join.url = join.url.replace("ROOM", &room);
    join.body = join.body.replace("PASSWORD", &password);
    let joined = join.run().await.data();

    let socket = printed.split_whitespace().find(|word| word.starts_with("ws://")).unwrap();
    let socket = |token: &str| socket.replace("ROOM", &room).replace("TOKEN", token);
    let mut creator = Participant::connect(socket(token)).await.unwrap().0;
    creator.joined().await;
    let mut guest = Participant::connect(socket(&text(&joined["ws_token"]))).await.unwrap().0;
    assert_eq!(guest.joined().await, text(&joined["participant_id"]));
    assert_eq!(creator.hear().await["participant"]["name"], "访客小红");

    // The sockets are still open.
    program.signal("TERM");
    let (status, log) = program.ended().await;
    assert_eq!(status, 0, "{log}");
    for told in ["unsafe: --access-secret is missing", "unsafe: --server-secret is missing"] {
        assert_eq!(log.matches(told).count(), 1, "{told}\n{log}");
        assert!(!printed.contains(told), "it is told twice:\n{printed}");
    }
}

#[tokio::test]
async fn its_log_begins_with_what_it_runs_with_and_what_is_unsafe() {
    let mut command = program(&["serve", "--listen", "127.0.0.1:0", "--max-failed-joins", "3"]);
    command
        .args([
            "--turn-url",
            "turn:turn.example.com:3478",
            "--stun-url",
            "stun:stun.example.com:3478",
        ])
        .args(["--trusted-proxy", "10.0.0.0/8", "--cors-origin", "https://example.com"])
        .env("SIGNAL_ACCESS_SECRET", "weak-access-secret")
        .env("SIGNAL_TURN_SECRET", TURN_SECRET);
    let mut running = Running::start(&mut command);
    running.announcement().await;
    running.signal("TERM");
    let (_, log) = running.ended().await;
    let settings =
        log.lines().find(|line| line.contains(" settings ")).unwrap_or_else(|| panic!("{log}"));
    for told in [
        "a shared secret (--access-secret)",
        r#"access-secret = "(secret)""#,
        r#"turn-url = ["turn:turn.example.com:3478"]"#,
        r#"stun-url = ["stun:stun.example.com:3478"]"#,
        r#"trusted-proxy = ["10.0.0.0/8"]"#,
        r#"cors-origin = ["https://example.com"]"#,
        "max-failed-joins = 3",
    ] {
        assert!(settings.contains(told), "{told} is not in\n{settings}");
    }
    for untold in ["max-connections", "weak-access-secret", TURN_SECRET] {
        assert!(!log.contains(untold), "{untold} is in\n{log}");
    }
    assert!(log.contains("unsafe: --access-secret is shorter than 32"), "{log}");
    assert!(!log.contains("no TURN server"), "{log}");
}

#[tokio::test]
async fn an_interrupt_ends_it_as_well() {
    let mut program = Running::start(&mut program(&["serve", "--listen", "127.0.0.1:0"]));
    program.announcement().await;
    program.signal("INT");
    assert_eq!(program.ended().await.0, 0);
}

#[tokio::test]
async fn production_or_an_address_others_can_reach_needs_secrets_and_says_which() {
    for (args, variable) in [
        (["serve", "--production"].as_slice(), None),
        (&["serve", "--listen", "0.0.0.0:0"], None),
        (&["serve"], Some(("SIGNAL_PRODUCTION", "1"))),
        (&[], Some(("SIGNAL_LISTEN", "0.0.0.0:0"))),
    ] {
        let output = run(program(args).envs(variable)).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let told = utf8(&output.stderr);
        for name in [
            "SIGNAL_ACCESS_SECRET",
            "--access-secret-file",
            "SIGNAL_SERVER_SECRET",
            "--server-secret-file",
        ] {
            assert!(told.contains(name), "{name} is not in\n{told}");
        }
    }
}

#[tokio::test]
async fn a_port_in_use_ends_it_with_status_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&mut program(&["serve", "--listen", &address])).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(utf8(&output.stderr).contains(&address), "{}", utf8(&output.stderr));
}

#[tokio::test]
async fn a_malformed_log_filter_is_refused() {
    let output = run(program(&["serve"]).env("SIGNAL_LOG", "signal_server=loud")).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(utf8(&output.stderr).contains("--log"), "{}", utf8(&output.stderr));
}

#[tokio::test]
async fn large_rooms_need_limits_that_fit_them() {
    let large = ["serve", "--listen", "127.0.0.1:0", "--max-room-size", "500"];
    let output = run(&mut program(&large)).await;
    assert_eq!(output.status.code(), Some(2));
    let told = utf8(&output.stderr);
    assert!(told.contains("max_unsent_bytes") && told.contains("at least 2881536"), "{told}");
    let mut command = program(&large);
    command.args(["--max-unsent-bytes", "6000000", "--burst-bytes", "4000000"]);
    Served::start(&mut command).await;
}

#[tokio::test]
async fn a_token_it_makes_creates_a_room_in_its_users_name() {
    let api = Api::start().await;
    let mut token = program(&["token", "--sub", "alice", "--name", "小明"]);
    let minted = run(token.env("SIGNAL_ACCESS_SECRET", ACCESS_SECRET)).await;
    assert!(minted.status.success(), "{}", utf8(&minted.stderr));
    let token = utf8(&minted.stdout).strip_suffix('\n').expect("the token and nothing else");
    let create = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(token);
    let created = answer(create).await.data();
    assert_eq!(created["name"], "小明的房间");
    // It is alice's room.
    api.close(&text(&created["room_id"]), &api.access_token("alice")).await.data();

    // A text editor ends a file with a line break.
    let file = format!("{}/access-secret", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&file, format!("{ACCESS_SECRET}\n")).unwrap();
    let minted = run(&mut program(&["token", "--sub", "bob", "--access-secret-file", &file])).await;
    let create =
        api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(utf8(&minted.stdout).trim());
    assert_eq!(answer(create).await.data()["name"], "房主的房间");

    let output = run(&mut program(&["token", "--sub", "alice"])).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(utf8(&output.stderr).contains("SIGNAL_ACCESS_SECRET"));
}
