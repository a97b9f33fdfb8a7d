//! Plays the corpus of the fuzz targets.

mod decoder;
mod hub;
mod ice_url;
mod stored;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[test]
fn frames_of_clients() {
    play("decode_client", decoder::client);
}

#[test]
fn frames_of_servers() {
    play("decode_server", decoder::server);
}

#[test]
fn scripts_for_hubs() {
    play("hub_inputs", hub::inputs);
}

#[test]
fn frames_between_nodes() {
    play("node_frames", stored::node_frames);
}

#[test]
fn operations() {
    play("operations", stored::operations);
}

#[test]
fn rooms() {
    play("rooms", stored::rooms);
}

#[test]
fn urls_of_ice_servers() {
    play("ice_url", ice_url::ice_url);
}

fn play(target: &str, check: fn(&[u8])) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    if package.join("Cargo.toml.orig").exists() {
        // A published package has no corpus.
        return;
    }
    let folder = package.join("fuzz/corpus").join(target);
    let mut played = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| check(&data)));
        assert!(result.is_ok(), "{} fails", path.display());
        played += 1;
    }
    assert!(played >= 20, "{played} files in {}", folder.display());
}
