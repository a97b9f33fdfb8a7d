//! Plays the corpus of the fuzz targets.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[test]
fn headers_of_clients() {
    play("headers", super::headers);
}

#[test]
fn keys_of_logins() {
    play("keys", super::keys);
}

#[test]
fn files_of_settings() {
    play("settings", super::settings);
}

#[test]
fn tokens_of_anybody() {
    play("tokens", super::tokens);
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
    assert!(played >= 10, "{played} files in {}", folder.display());
}
