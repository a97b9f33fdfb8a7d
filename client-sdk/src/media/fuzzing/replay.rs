//! Plays the corpus of the fuzz targets.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[test]
fn files_of_matroska() {
    play("matroska", super::matroska);
}

#[cfg(feature = "opus")]
#[test]
fn files_of_wav() {
    play("wav", super::wav);
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
    assert!(played >= 4, "{played} files in {}", folder.display());
}
