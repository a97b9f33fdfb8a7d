//! Files over data channels, between two participants.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use client_sdk::{DataChannel, FileError, FileProgress};
use serde_json::{Value, json};
use signal_server::testing::TestServer;
use tokio::sync::Notify;

use crate::common::{InTime, Witness, channel, listener, meet, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_as_it_was_and_both_sides_see_how_far_it_is() {
    let server = server().await;
    let (here, mut there) = pair(&server).await;
    let folder = tempfile::tempdir().unwrap();
    for size in [0, 1, 16 * 1024, 3_000_000] {
        let (film, copy) = (folder.path().join("film.bin"), folder.path().join(size.to_string()));
        fs::write(&film, content(size)).unwrap();
        let (to, from) = channel(&here, &mut there, "file").await;
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        let sending = to.send_file(&film, |at| sent.push(at));
        let receiving = async {
            let offer = from.receive_file().await.unwrap();
            assert_eq!((offer.name(), offer.size()), ("film.bin", size as u64));
            offer.accept(&copy, |at| received.push(at)).await.unwrap();
        };
        let both = async { tokio::join!(sending, receiving) };
        let (done, ()) = both.in_time("the file").await;
        done.unwrap();
        assert!(fs::read(&copy).unwrap() == content(size), "{size} bytes");
        for progress in [sent, received] {
            assert_eq!(progress[0].bytes, 0);
            assert_eq!(progress.last().unwrap().bytes, size as u64);
            assert!(progress.is_sorted_by_key(|at| at.bytes));
        }
        // Nothing is left beside it.
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.into_iter().all(|name| !name.to_string_lossy().ends_with(".part")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_interrupted_goes_on_where_it_was() {
    let server = server().await;
    let (here, mut there) = pair(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let (film, copy) = (folder.path().join("film.bin"), folder.path().join("copy"));
    fs::write(&film, content(4_000_000)).unwrap();
    let interrupt = async |here: &Witness, there: &mut Witness| {
        let (to, from) = channel(here, there, "file").await;
        let (path, halfway) = (film.clone(), Arc::new(Notify::new()));
        let sending = tokio::spawn(async move { to.send_file(path, |_| {}).await });
        let offer = from.receive_file().await.unwrap();
        let told = Arc::clone(&halfway);
        let receiving = offer.accept(&copy, move |at| {
            if at.bytes > at.size / 4 {
                told.notify_one();
            }
        });
        let stop = async {
            halfway.notified().await;
            sending.abort();
        };
        let both = async { tokio::join!(receiving, stop) };
        let (received, ()) = both.in_time("a part of the file").await;
        assert!(matches!(received, Err(FileError::Interrupted)), "{received:?}");
        assert!(!copy.exists());
    };
    interrupt(&here, &mut there).await;
    let part = part(folder.path());
    let there_is = fs::metadata(&part).unwrap().len();
    assert!(there_is > 1_000_000 && there_is < 4_000_000, "{there_is} bytes");

    // As a program that was started anew, with another connection.
    let (here, mut there) = pair(&server).await;
    let first = send(&here, &mut there, &film, &copy).await.unwrap();
    assert_eq!((first.bytes, first.size), (there_is, 4_000_000));
    assert!(fs::read(&copy).unwrap() == content(4_000_000));
    assert!(!part.exists());

    // A part that is damaged is found out, and does not stay in the way.
    fs::remove_file(&copy).unwrap();
    interrupt(&here, &mut there).await;
    let mut damaged = fs::read(&part).unwrap();
    damaged[0] ^= 1;
    fs::write(&part, damaged).unwrap();
    let refused = send(&here, &mut there, &film, &copy).await;
    assert!(matches!(refused, Err(FileError::Checksum)), "{refused:?}");
    assert!(!copy.exists() && !part.exists());
    let first = send(&here, &mut there, &film, &copy).await.unwrap();
    assert_eq!(first.bytes, 0);
    // What is there is not overwritten.
    let refused = send(&here, &mut there, &film, &copy).await;
    assert!(matches!(refused, Err(FileError::Failed { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_may_refuse_and_believes_neither_names_nor_sizes() {
    let server = server().await;
    let (here, mut there) = pair(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.bin");
    fs::write(&film, content(1000)).unwrap();
    let (to, from) = channel(&here, &mut there, "file").await;
    let refusing = async { from.receive_file().await.unwrap().refuse("no films").await };
    let both = async { tokio::join!(to.send_file(&film, |_| {}), refusing) };
    let (refused, ()) = both.in_time("the refusal").await;
    let Err(FileError::Refused { reason }) = refused else { panic!("{refused:?}") };
    assert_eq!(reason, "no films");

    let (mut to, from) = channel(&here, &mut there, "file").await;
    let description = json!({"file": {
        "name": "../../.ssh/authorized_keys",
        "size": 10,
        "sha256": "0".repeat(64),
    }});
    to.send_text(&description.to_string()).await.unwrap();
    let offer = from.receive_file().await.unwrap();
    assert_eq!(offer.name(), "authorized_keys");
    let copy = folder.path().join(offer.name());
    let sending = async {
        assert_eq!(answer(&mut to).await, json!({"from": 0}));
        to.send(content(11)).await.unwrap();
        let failed = answer(&mut to).await;
        drop(to);
        failed
    };
    let both = async { tokio::join!(offer.accept(&copy, |_| {}), sending) };
    let (received, failed) = both.in_time("the failure").await;
    assert!(matches!(received, Err(FileError::Protocol(_))), "{received:?}");
    assert!(failed["failed"].as_str().unwrap().contains("more than was offered"), "{failed}");
    assert!(!copy.exists());

    for other in ["hello", "{}", r#"{"file":{"name":"a","size":-1,"sha256":"00"}}"#] {
        let (to, from) = channel(&here, &mut there, "file").await;
        to.send_text(other).await.unwrap();
        let refused = from.receive_file().await;
        assert!(matches!(refused, Err(FileError::Protocol(_))), "{refused:?}");
    }
}

/// Sends a file; returns how far it was for the receiver at first, or why the sender failed.
async fn send(
    here: &Witness,
    there: &mut Witness,
    film: &Path,
    copy: &Path,
) -> Result<FileProgress, FileError> {
    let (to, from) = channel(here, there, "file").await;
    let mut first = None;
    let receiving = async {
        let offer = from.receive_file().await.unwrap();
        // The sender is told as well.
        let _ = offer.accept(copy, |at| _ = first.get_or_insert(at)).await;
    };
    let both = async { tokio::join!(to.send_file(film, |_| {}), receiving) };
    let (sent, ()) = both.in_time("the file").await;
    sent.map(|()| first.unwrap())
}

async fn answer(channel: &mut DataChannel) -> Value {
    let message = channel.recv().in_time("an answer").await.unwrap();
    serde_json::from_slice(&message.data).unwrap()
}

/// The only unfinished file of a folder.
fn part(folder: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.extension().is_some_and(|end| end == "part")).unwrap()
}

fn content(size: usize) -> Vec<u8> {
    (0..size as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

async fn pair(server: &TestServer) -> (Witness, Witness) {
    let (mut here, there) = meet(server, listener(), listener(), true).await;
    let id = there.id();
    here.until("connection", |seen| seen.is_connected(id)).await;
    (here, there)
}
