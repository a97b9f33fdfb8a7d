//! The core and its dependencies do no I/O and read no clock, which lints enforce.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// All permitted crates in the dependency tree. Adding one is a decision.
const PERMITTED: &[&str] = &[
    "bytes",
    "deranged",
    "itoa",
    "memchr",
    "num-conv",
    "powerfmt",
    "proc-macro2",
    "quote",
    // A hash without a secret key, for maps by ids that the host mints: nobody can choose ids that
    // collide. A stranger may look up any id, and that inserts nothing.
    "rustc-hash",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "signal-core",
    "subtle",
    "syn",
    "thiserror",
    "thiserror-impl",
    "time",
    "time-core",
    "time-macros",
    "tinyvec",
    "tinyvec_macros",
    "unicode-ident",
    "unicode-normalization",
    "unicode-segmentation",
    "zmij",
];

#[test]
fn nothing_in_its_tree_opens_sockets_reads_clocks_or_draws_random_numbers() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "signal-core",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: BTreeSet<&str> = told.lines().filter_map(|line| line.split(' ').next()).collect();
    let unknown: Vec<_> =
        found.iter().filter(|name| !PERMITTED.contains(name) && !name.is_empty()).collect();
    assert!(found.contains("serde_json") && unknown.is_empty(), "not permitted: {unknown:?}");
}

#[test]
fn clocks_and_the_order_of_hash_maps_are_kept_out_by_lints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lints = fs::read_to_string(folder.join(".clippy.toml")).unwrap();
    for method in [
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "std::collections::HashMap::iter",
        "std::collections::HashMap::keys",
        "std::collections::HashMap::values",
        "std::collections::HashSet::iter",
    ] {
        assert!(lints.contains(&format!("\"{method}\"")), "{method} is not disallowed");
    }
    let root = fs::read_to_string(folder.join("src/lib.rs")).unwrap();
    assert!(root.contains("clippy::iter_over_hash_type"), "hash maps may be iterated over");
    assert!(root.contains("#![forbid(unsafe_code)]"), "unsafe code is permitted");
}
