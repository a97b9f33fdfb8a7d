//! No secret is in logs, metrics or answers to mistakes. The tests use the program in every way
//! with marked secrets and search all of its output for the marks.

mod marks;
mod settings;
mod visitor;

use std::fs;

use self::marks::Marks;
use self::visitor::Visitor;

use crate::common::program::{Running, durable, program};

/// The output of the program, and the secrets that it was given.
#[derive(Default)]
struct Seen {
    marks: Marks,
    /// Each with where it was.
    texts: Vec<(String, String)>,
}

impl Seen {
    fn note(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.texts.push((place.into(), text.into()));
    }

    /// The marks that were seen, and where.
    fn leaks(&self) -> Vec<String> {
        let leaks = self.texts.iter().flat_map(|(place, text)| {
            let found = self.marks.in_text(text).into_iter();
            found.map(move |mark| {
                format!("{mark} is in {place}: {}", text.chars().take(300).collect::<String>())
            })
        });
        leaks.collect()
    }

    #[track_caller]
    fn expect_no_leak(&self) {
        let leaks = self.leaks();
        assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    }
}

#[tokio::test]
async fn no_secret_is_in_logs_metrics_or_answers_to_mistakes() {
    for format in ["human", "json"] {
        let data = tempfile::tempdir().unwrap();
        let mut seen = Seen::default();
        let folder = tempfile::tempdir().unwrap();
        let admin_key = folder.path().join("key");
        fs::write(&admin_key, visitor::ADMIN_KEY).unwrap();
        let start = async |listen: &str| {
            let mut command =
                program(&["serve", "--log", "trace", "--log-format", format, "--listen", listen]);
            durable(&mut command, data.path()).envs(visitor::SECRETS).args(visitor::SETTINGS);
            command.arg("--admin-key-file").arg(&admin_key);
            let mut running = Running::start(&mut command);
            let printed = running.announcement().await;
            (running, printed)
        };
        let (running, printed) = start("127.0.0.1:0").await;
        let mut visitor = Visitor::new(&printed, &mut seen);
        visitor.make_mistakes_over_http().await;
        visitor.administer().await;
        let left = visitor.talk().await;
        let address = visitor.address();
        let killed = running.killed().await;

        let (running, again) = start(&address.to_string()).await;
        let mut visitor = Visitor::new(&again, &mut seen);
        visitor.come_back(left).await;
        running.signal("TERM");
        let (status, ended) = running.ended().await;
        assert_eq!(status, 0, "{ended}");

        // A log that is off has no secrets either.
        let log = [killed, ended].concat();
        for told in [
            "DEBUG",
            "listening",
            "room created",
            "password changed",
            "admitted",
            "websocket refused",
            "closing",
            "stopping",
        ] {
            assert!(log.contains(told), "{told:?} is not in the log:\n{log}");
        }
        for (place, text) in [("the log", log), ("what it prints", printed + &again)] {
            text.lines().for_each(|line| seen.note(place, line));
        }
        seen.expect_no_leak();
    }
}

#[tokio::test]
async fn no_secret_is_in_what_is_said_about_settings() {
    let mut seen = Seen::default();
    settings::try_all(&mut seen).await;
    seen.expect_no_leak();
}

/// The control: the log contains origins on purpose.
#[tokio::test]
async fn a_mark_that_is_in_the_log_is_found() {
    const MARK: &str = "a-mark-in-the-log";
    let mut seen = Seen::default();
    seen.marks.add("the mark", MARK);
    let origin = format!("https://{MARK}.example.com");
    let mut running = Running::start(&mut program(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--cors-origin",
        &origin,
    ]));
    running.announcement().await;
    running.signal("TERM");
    seen.note("the log", running.ended().await.1);
    assert_eq!(seen.leaks().len(), 1, "{:?}", seen.texts);
}
