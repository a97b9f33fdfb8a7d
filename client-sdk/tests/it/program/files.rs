//! `room-bot` sends and receives files.

use std::fs;
use std::path::Path;

use super::text;
use crate::common::program::{Running, create};
use crate::common::server;

#[tokio::test(flavor = "multi_thread")]
async fn files_are_sent_and_received_up_to_a_limit() {
    let server = server().await;
    let link = text(&create(&server).await["link"]);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (small, large, inbox) = (at("small.bin"), at("large.bin"), at("inbox"));
    fs::write(&small, vec![7; 300_000]).unwrap();
    fs::write(&large, vec![8; 1 << 20]).unwrap();
    let receive = [&*link, "--receive", &inbox, "--receive-limit", "1"];
    let mut receiver = Running::join(&receive, &[], None);
    receiver.event("entered").await;
    for name in ["small.bin", "small-2.bin"] {
        let mut sender = Running::join(&[&link, "--send", &small], &[], None);
        let received = receiver.event("received").await;
        let path = Path::new(&inbox).join(name);
        assert_eq!(received["path"], path.display().to_string());
        assert!(fs::read(path).unwrap() == vec![7; 300_000]);
        sender.event("sent").await;
        sender.signal("TERM").await;
    }
    let mut sender = Running::join(&[&link, "--send", &large], &[], None);
    let warning = sender.warning("large.bin").await;
    assert!(warning.contains("there is no room for it"), "{warning}");
    sender.signal("TERM").await;
    // What was refused takes no room.
    let mut sender = Running::join(&[&link, "--send", &small], &[], None);
    sender.event("sent").await;
    let entries = fs::read_dir(&inbox).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["small-2.bin", "small-3.bin", "small.bin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_one_name_that_arrive_at_once_are_all_kept() {
    let server = server().await;
    let link = text(&create(&server).await["link"]);
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox").display().to_string();
    let mut receiver = Running::join(&[&link, "--receive", &inbox], &[], None);
    receiver.event("entered").await;
    // The last two have the same content.
    let contents = [1, 2, 3, 3].map(|byte: u8| vec![byte; 3_000_000]);
    let mut senders = Vec::new();
    for (number, content) in contents.iter().enumerate() {
        let directory = folder.path().join(number.to_string());
        fs::create_dir(&directory).unwrap();
        let path = directory.join("report.bin");
        fs::write(&path, content).unwrap();
        senders.push(Running::join(&[&link, "--send", &path.display().to_string()], &[], None));
    }
    for mut sender in senders {
        sender.event("sent").await;
    }
    let paths = ["report.bin", "report-2.bin", "report-3.bin", "report-4.bin"];
    let mut received = paths.map(|name| fs::read(Path::new(&inbox).join(name)).unwrap());
    received.sort();
    assert!(received == contents);
}
