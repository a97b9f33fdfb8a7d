//! The program for its operator: probes, metrics, logs, settings.

use std::net::SocketAddr;
use std::process::Output;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::program::{Running, Served, number, program, run, utf8};
use crate::common::{ACCESS_SECRET, Api, PATIENCE, text};

async fn serve(args: &[&str]) -> Served {
    Served::start(&mut program(&[&["serve", "--listen", "127.0.0.1:0"], args].concat())).await
}

async fn get(api: &Api, path: &str) -> (u16, String) {
    let response = api.request(Method::GET, path).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Waits until the metrics have these values, since the server counts a moment after clients see
/// the effect.
async fn settled(served: &Served, expected: &[(&str, f64)]) -> String {
    let mut metrics = String::new();
    for _ in 0..500 {
        metrics = served.metrics().await;
        if expected.iter().all(|(name, expected)| number(&metrics, name) == *expected) {
            return metrics;
        }
    }
    panic!("expected {expected:?}, not\n{metrics}");
}

#[tokio::test]
async fn the_probes_are_for_everybody_and_metrics_for_operators() {
    let Served { running: _running, api, operators } = serve(&[]).await;
    for server in [&api, &operators] {
        for probe in ["/healthz", "/readyz"] {
            assert_eq!(get(server, probe).await, (200, "ok\n".to_owned()), "{probe}");
        }
    }
    assert_eq!(get(&api, "/metrics").await.0, 404);
    assert_eq!(get(&operators, "/metrics").await.0, 200);
    assert_eq!(get(&operators, "/api/webrtc/rooms").await.0, 404);
}

#[tokio::test]
async fn a_server_that_drains_lives_and_is_not_ready() {
    let Served { running, api, operators } = serve(&[]).await;
    let room = api.room().await;
    // It does not answer the close, so that the server has to wait for it.
    let (_stuck, _) = api.enter_v2(&room, &room.access_token).await;
    running.signal("TERM");
    let draining = async { while get(&operators, "/readyz").await.0 == 200 {} };
    timeout(PATIENCE, draining).await.expect("it drains");
    for server in [&api, &operators] {
        let (status, body) = get(server, "/readyz").await;
        assert_eq!(status, 503);
        assert!(body.contains("unavailable"), "{body}");
        assert_eq!(get(server, "/healthz").await.0, 200);
    }
}

#[tokio::test]
async fn the_metrics_count_what_happens_and_name_nobody() {
    let data = tempfile::tempdir().unwrap();
    let mut command =
        program(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data.path().to_str().unwrap()]);
    let served = Served::start(command.env_remove("SIGNAL_EPHEMERAL")).await;
    let api = &served.api;

    let (room, closed) = (api.room().await, api.room().await);
    api.close(&closed.id, &closed.access_token).await.data();
    let (mut creator, creator_id) = api.creator(&room).await;
    let (mut guest, guest_id) = api.guest(&room, "guest").await;
    creator.hear().await;
    for index in 0..5 {
        let mark = index.to_string();
        guest.say(&json!({"type": "candidate", "to": creator_id, "candidate": mark})).await;
        creator.hear().await;
    }
    assert_eq!(api.join(&room.id, &json!({"password": "wrong!"})).await.status, 401);
    let foreign = api
        .request(Method::GET, &format!("/ws/webrtc/rooms/{}", room.id))
        .header("origin", "https://evil.com");
    assert_eq!(foreign.send().await.unwrap().status(), 403);

    let expected = [
        ("signal_rooms", 1.0),
        ("signal_participants", 2.0),
        ("signal_connections", 2.0),
        ("signal_messages_total", 5.0),
        ("signal_relays_total", 5.0),
        ("signal_queued_bytes", 0.0),
        (r#"signal_refusals_total{setting="cors-origin"}"#, 1.0),
        (r#"signal_refusals_total{setting="max-failed-joins"}"#, 0.0),
        ("signal_message_seconds_count", 5.0),
        (r#"signal_request_seconds_count{route="/api/webrtc/rooms",status="200"}"#, 2.0),
        (
            r#"signal_request_seconds_count{route="/api/webrtc/rooms/{room_id}/join",status="401"}"#,
            1.0,
        ),
    ];
    let metrics = settled(&served, &expected).await;
    assert!(number(&metrics, "signal_save_seconds_count") > 0.0);
    assert!(number(&metrics, "process_resident_memory_bytes") > 1e6);
    let files = number(&metrics, "process_open_fds");
    assert!(files > 3.0 && files < number(&metrics, "process_max_fds"), "{files}");
    assert!(number(&metrics, "process_cpu_seconds_total") >= 0.0);
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    for secret in [&room.id, &guest_id, &creator_id, &room.password] {
        assert!(
            !metrics.contains(&format!("\"{secret}\"")) && !metrics.contains(&format!("/{secret}")),
            "{secret}"
        );
    }

    guest.close().await;
    guest.expect_end().await;
    creator.hear().await;
    settled(&served, &[("signal_participants", 1.0), ("signal_queued_bytes", 0.0)]).await;
}

#[tokio::test]
async fn an_address_for_operators_that_is_in_use_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output =
        run(&mut program(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", &address])).await;
    assert_eq!(output.status.code(), Some(1));
    for told in [address.as_str(), "--admin-listen"] {
        assert!(utf8(&output.stderr).contains(told), "{}", utf8(&output.stderr));
    }
}

#[tokio::test]
async fn it_listens_at_an_ipv6_address() {
    let mut command = program(&["serve", "--listen", "[::1]:0"]);
    let mut running = Running::start(command.env("SIGNAL_ACCESS_SECRET", ACCESS_SECRET));
    let printed = running.announcement().await;
    let url = printed.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
    let address: SocketAddr = url.parse().unwrap();
    assert!(address.is_ipv6());
    Api::at(address).room().await;
}

#[tokio::test]
async fn a_log_in_json_is_an_object_on_each_line() {
    let Served { running, api, .. } =
        serve(&["--log-format", "json", "--log", "info,signal_server=debug"]).await;
    api.room().await;
    running.signal("TERM");
    let (status, log) = running.ended().await;
    assert_eq!(status, 0);
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listening = lines.iter().find(|line| line["fields"]["message"] == "listening").unwrap();
    assert_eq!(listening["fields"]["development"], true);
    let created = lines.iter().find(|line| line["fields"]["message"] == "room created").unwrap();
    assert_eq!(
        (text(&created["level"]), &created["fields"]["minutes"]),
        ("INFO".to_owned(), &json!(120))
    );
}

/// A file of settings.
struct File(tempfile::TempDir);

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("settings.toml"), text).unwrap();
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.path().join("settings.toml").to_str().unwrap().to_owned()
    }
}

/// Runs a command with a file of settings.
async fn with_file(text: &str, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let file = File::new(text);
    let mut command = program(args);
    command
        .env_remove("SIGNAL_EPHEMERAL")
        .env("SIGNAL_CONFIG", file.path())
        .envs(variables.iter().copied());
    run(&mut command).await
}

#[tokio::test]
async fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let file = r#"
        listen = "127.0.0.1:1"
        max-open-rooms = 1
        max-connections = 1
        max-body-bytes = 2000
        ephemeral = true
        log = "debug"
        cors-origin = ["https://a.example", "https://b.example"]
    "#;
    let args = ["print-config", "--max-open-rooms", "3", "--max-connections", "3"];
    let variables = [
        ("SIGNAL_MAX_OPEN_ROOMS", "2"),
        ("SIGNAL_LISTEN", "127.0.0.1:2"),
        ("SIGNAL_STUN_URL", "stun:a,stun:b"),
    ];
    let output = with_file(file, &args, &variables).await;
    assert!(output.status.success(), "{}", utf8(&output.stderr));
    let printed = utf8(&output.stdout);
    for line in [
        r#"listen = "127.0.0.1:2"  # variable"#,
        "max-open-rooms = 3  # flag",
        "max-connections = 3  # flag",
        "max-body-bytes = 2000  # file",
        "joins-per-minute = 300  # default",
        "ephemeral = true  # file",
        "production = false  # default",
        r#"log = "debug"  # file"#,
        r#"cors-origin = ["https://a.example", "https://b.example"]  # file"#,
        r#"stun-url = ["stun:a", "stun:b"]  # variable"#,
        "# jwks-url =  # not set",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line} is not in\n{printed}");
    }

    // The output is a file with the same settings.
    let again = with_file(printed, &["print-config"], &[]).await;
    let settings = |printed: &str| -> Vec<String> {
        let lines = printed.lines().filter(|line| !line.starts_with("# "));
        lines.map(|line| line.rsplit_once("  # ").unwrap().0.to_owned()).collect()
    };
    assert_eq!(settings(utf8(&again.stdout)), settings(printed));
}

#[tokio::test]
async fn a_name_that_could_be_a_number_is_printed_as_it_is_written() {
    let args = ["print-config", "--access-issuer", "007", "--access-audience", "7"];
    let output = with_file("", &args, &[("SIGNAL_MAX_CONNECTIONS", "+7")]).await;
    let printed = utf8(&output.stdout);
    for line in [
        r#"access-issuer = "007"  # flag"#,
        "access-audience = 7  # flag",
        r#"max-connections = "+7"  # variable"#,
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line} is not in\n{printed}");
    }
    let again = with_file(printed, &["print-config"], &[]).await;
    assert!(
        utf8(&again.stdout).contains(r#"access-issuer = "007"  # file"#),
        "{}",
        utf8(&again.stderr)
    );
}

#[tokio::test]
async fn a_flag_that_a_variable_sets_is_printed_as_it_holds() {
    for (word, is_on) in
        [("FALSE", false), ("Off", false), ("0", false), ("YES", true), ("true", true)]
    {
        let output = with_file("", &["print-config"], &[("SIGNAL_PRODUCTION", word)]).await;
        let line = format!("production = {is_on}  # variable");
        let printed = utf8(&output.stdout);
        assert!(printed.lines().any(|printed| printed == line), "{word}\n{printed}");
    }
}

#[tokio::test]
async fn a_secret_of_the_file_gives_way_to_one_that_is_given_otherwise_and_none_is_printed() {
    let file =
        format!("access-secret = \"{ACCESS_SECRET}\"\nserver-secret = \"{ACCESS_SECRET}-2\"");
    let output = with_file(&file, &["print-config"], &[]).await;
    let printed = utf8(&output.stdout);
    assert!(printed.contains("# access-secret = \"(secret)\"  # file"), "{printed}");
    assert!(!printed.contains(ACCESS_SECRET), "{printed}");

    let other = File::new("another-secret-0123456789-0123456789");
    let args = ["print-config", "--access-secret-file", &other.path()];
    let output = with_file(&file, &args, &[]).await;
    let printed = utf8(&output.stdout);
    assert!(
        printed.contains("# access-secret =  # not set"),
        "{printed}\n{}",
        utf8(&output.stderr)
    );
    assert!(!printed.contains("another-secret"), "{printed}");
}

#[tokio::test]
async fn a_command_takes_of_the_file_what_it_has_flags_for() {
    let file = format!("access-secret = \"{ACCESS_SECRET}\"\nmax-open-rooms = 1");
    let output = with_file(&file, &["token", "--sub", "alice"], &[]).await;
    assert!(utf8(&output.stdout).starts_with("eyJ"), "{}", utf8(&output.stderr));
}

#[tokio::test]
async fn the_file_serves_without_a_command() {
    let file = File::new("listen = \"127.0.0.1:0\"\nephemeral = true");
    let mut command = program(&["--config", &file.path()]);
    let mut running = Running::start(command.env_remove("SIGNAL_EPHEMERAL"));
    running.announcement().await;
    running.signal("TERM");
    assert_eq!(running.ended().await.0, 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_told_with_its_name() {
    for (file, told) in [
        ("lisen = \"127.0.0.1:0\"", "there is no setting lisen"),
        ("config = \"other.toml\"", "there is no setting config"),
        ("\nlisten = [1", "is not TOML: "),
        ("listen = \"127.0.0.1:1\"\nlisten = \"\"", "duplicate key in line 2"),
        ("listen = \"nowhere\"", "--listen"),
        ("production = 1", "production cannot be a number"),
        ("listen = true", "listen cannot be true or false"),
        ("stun-url = [1]", "stun-url cannot be a list of anything but texts"),
        ("max-open-rooms = -1", "--max-open-rooms"),
    ] {
        let output = with_file(file, &["serve"], &[]).await;
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(utf8(&output.stderr).contains(told), "{told} is not in\n{}", utf8(&output.stderr));
    }
    let output = run(&mut program(&["serve", "--config", "/nonexistent/settings.toml"])).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(utf8(&output.stderr).contains("cannot read /nonexistent/settings.toml"));
}

#[tokio::test]
async fn settings_are_checked_without_serving() {
    let output = with_file("listen = \"0.0.0.0:80\"", &["check-config"], &[]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(utf8(&output.stderr).contains("SIGNAL_ACCESS_SECRET"), "{}", utf8(&output.stderr));

    let good = format!("listen = \"0.0.0.0:80\"\naccess-secret = \"{ACCESS_SECRET}\"");
    let output = with_file(&good, &["check-config"], &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", utf8(&output.stderr));
    assert!(utf8(&output.stdout).contains("production, listening on 0.0.0.0:80"));

    let output = with_file("access-secret = \"short\"", &["check-config"], &[]).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(
        utf8(&output.stdout).contains("unsafe: --access-secret is shorter"),
        "{}",
        utf8(&output.stdout)
    );
}

#[tokio::test]
async fn a_limit_that_makes_no_sense_is_refused_by_its_name() {
    let senseless = [
        ("--max-connections", "0"),
        ("--max-connections-per-address", "0"),
        ("--creates-per-minute", "0"),
        ("--changes-per-minute", "0"),
        ("--max-open-rooms", "0"),
        ("--joins-per-minute", "0"),
        ("--max-failed-joins", "0"),
        ("--max-body-bytes", "10"),
        ("--max-body-bytes", "4294967295"),
        ("--header-seconds", "0"),
        ("--header-seconds", "86400"),
        ("--request-seconds", "0"),
        ("--burst-messages", "0"),
        ("--messages-per-second", "0"),
        ("--burst-bytes", "1000"),
        ("--bytes-per-second", "0"),
        ("--max-unsent-bytes", "66000"),
        ("--max-unsent-bytes", "4294967295"),
    ];
    for (flag, value) in senseless {
        let output = run(&mut program(&["check-config", flag, value])).await;
        assert_eq!(output.status.code(), Some(2), "{flag} {value}");
        let told = utf8(&output.stderr);
        assert!(told.contains(flag) && told.contains("is not in"), "{told}");
    }
}

#[tokio::test]
async fn an_address_to_listen_on_may_be_localhost_and_a_wrong_one_is_told_what_is_wanted() {
    let output = run(&mut program(&["check-config", "--listen", "localhost:8080"])).await;
    assert!(utf8(&output.stdout).contains("127.0.0.1:8080"), "{output:?}");
    for address in [":8080", "8080", "example.com:8080"] {
        let output = run(&mut program(&["check-config", "--listen", address])).await;
        assert_eq!(output.status.code(), Some(2), "{address}");
        assert!(utf8(&output.stderr).contains("0.0.0.0:8080"), "{output:?}");
    }
}

#[tokio::test]
async fn production_is_warned_when_no_page_may_use_the_server() {
    let secret = "0123456789abcdef0123456789abcdef";
    let settings = ["check-config", "--production", "--access-secret", secret];
    let secrets = ["--server-secret", secret];
    let output = run(program(&settings).args(secrets)).await;
    assert!(utf8(&output.stdout).contains("--cors-origin"), "{output:?}");
    let allowed = ["--public-url", "https://example.com/join"];
    let output = run(program(&settings).args(secrets).args(allowed)).await;
    assert!(!utf8(&output.stdout).contains("--cors-origin"), "{output:?}");
}
