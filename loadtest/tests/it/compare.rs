//! Two runs side by side.

use std::process::Command;

use crate::common::{PROGRAM, loadtest};

#[test]
fn runs_are_compared_unless_they_measure_different_things() {
    let files = [(); 3].map(|()| tempfile::NamedTempFile::new().unwrap());
    let paths = files.each_ref().map(|file| file.path().to_str().unwrap());
    for (path, rooms) in paths.into_iter().zip(["5", "5", "6"]) {
        let flags = ["--depth", "signaling", "--rate", "50", "--duration", "1", "--rooms", rooms];
        loadtest(&[&flags[..], &["--json", path]].concat());
    }
    let compare = |one: &str, other: &str| {
        Command::new(PROGRAM).args(["compare", one, other]).output().unwrap()
    };
    let repetitions = compare(&format!("{},{}", paths[0], paths[1]), paths[1]);
    let printed = String::from_utf8(repetitions.stdout).unwrap();
    assert!(printed.starts_with("2 and 1 runs"), "{printed}");
    let same = compare(paths[0], paths[1]);
    let printed = String::from_utf8(same.stdout).unwrap();
    assert!(same.status.success() && printed.ends_with("no difference\n"), "{printed}");
    let unlike = compare(paths[0], paths[2]);
    let told = String::from_utf8(unlike.stderr).unwrap();
    assert_eq!(unlike.status.code(), Some(2), "{told}");
    assert!(told.contains("the runs differ in rooms"), "{told}");

    let report = std::fs::read_to_string(paths[0]).unwrap();
    for (was, is, reason) in [
        ("\"interrupted\": false", "\"interrupted\": true", "was interrupted"),
        ("\"verdict\": \"held\"", "\"verdict\": \"invalid\"", "is INVALID"),
    ] {
        std::fs::write(paths[2], report.replace(was, is)).unwrap();
        let unfit = compare(paths[0], paths[2]);
        let told = String::from_utf8(unfit.stderr).unwrap();
        assert_eq!(unfit.status.code(), Some(2), "{told}");
        assert!(told.contains(reason), "{told}");
    }
}
