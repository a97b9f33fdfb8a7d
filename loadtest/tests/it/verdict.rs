//! The exit status.

use crate::common::{SIGNALING, VALID, loadtest};

#[test]
fn an_objective_that_is_missed_has_an_exit_status_of_its_own() {
    let flags = [&SIGNALING[..], &["--duration", "1", "--slo", "relay.p50<1us, lost=0"]].concat();
    let output = loadtest(&flags);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{printed}");
    assert!(printed.contains("MISSED: relay.p50<0.001ms was not held"), "{printed}");
    for unknown in [["--slo", "rely.p50<1us"], ["--slo", "offer.missing=0"]] {
        assert_eq!(loadtest(&unknown).status.code(), Some(2), "{unknown:?}");
        let search = [&["find-capacity"], &unknown[..]].concat();
        assert_eq!(loadtest(&search).status.code(), Some(2), "{unknown:?}");
    }
}

#[test]
fn a_tester_that_was_late_says_that_the_run_is_invalid() {
    let flags = [&SIGNALING[..], &["--duration", "1", VALID, "1us"]].concat();
    let output = loadtest(&flags);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{printed}");
    assert!(printed.contains("INVALID: the tester was the limit: tasks ran late"), "{printed}");
}
