//! The search for the largest number of rooms.

use serde_json::Value;

use crate::common::{loadtest, results};

#[test]
fn the_capacity_is_searched_up_to_the_most_rooms_and_confirmed() {
    let page = tempfile::NamedTempFile::new().unwrap();
    let search = ["find-capacity", "--depth", "signaling", "--rate", "burst", "--duration", "1"];
    let range = ["--first", "2", "--most", "4", "--hold", "1s", "--json", "-", "--html"];
    let page_path = page.path().to_str().unwrap();
    let output = loadtest(&[&search[..], &range, &[page_path]].concat());
    let capacity = results(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{capacity:#}");
    assert_eq!((&capacity["rooms"], &capacity["limit"]), (&4.into(), &Value::Null));
    let steps = capacity["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[2]["is_confirmation"], true);
    let page = std::fs::read_to_string(page.path()).unwrap();
    assert!(page.contains("this server carries 4 rooms of 4") && page.contains("<polyline"));
    // It is to be read without a network.
    assert!(!page.contains("src=") && !page.contains("href=") && !page.contains("url("));
}

#[test]
fn a_confirmation_that_outlasts_every_room_is_refused_at_the_start() {
    let search = ["find-capacity", "--depth", "signaling", "--rate", "burst", "--duration", "0"];
    let output = loadtest(&[&search[..], &["--most", "1", "--hold", "24h"]].concat());
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("--hold is longer than a room can last"), "{told}");
}

#[test]
fn a_server_that_misses_the_objective_carries_nothing() {
    let search = ["find-capacity", "--depth", "signaling", "--rate", "burst", "--duration", "0"];
    let flags = ["--first", "1", "--peers", "2", "--slo", "relay.max<1us", "--json", "-"];
    let output = loadtest(&[&search[..], &flags].concat());
    let capacity = results(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{capacity:#}");
    assert_eq!(capacity["rooms"], 0);
    // Where other programs take the processors, they are what the server waits for.
    let limit = capacity["limit"]["of"].as_str().unwrap();
    assert!(["latency", "server_processor"].contains(&limit), "{limit}");
}
