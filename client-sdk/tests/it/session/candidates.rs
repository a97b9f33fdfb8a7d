//! Candidates that come early, late, for another start of ICE, or to say that there are no more.

use client_sdk::IceCandidate;
use signal_core::message::SignalKind;

use super::host::{Host, candidate, id};

#[test]
fn marks_of_the_end_of_candidates_are_passed_over() {
    let mut host = Host::connected("p_z");
    for end in ["null", r#""""#, r#"{"candidate":""}"#, "{}"] {
        host.server(&format!(r#"{{"type":"candidate","from":"p_z","candidate":{end}}}"#));
    }
    host.signal("p_z", SignalKind::Candidate, &7);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn candidates_from_before_the_other_side_started_ice_anew_are_too_late() {
    let mut host = Host::answering("p_a", "A/1");
    host.made_answer("p_a", 1, 1, "M/1");
    host.offered("p_a", "A/2");
    host.made_answer("p_a", 1, 2, "M/2");
    host.take();
    for of_old in [says("late", "1"), spells("late", "1")] {
        host.signal("p_a", SignalKind::Candidate, &of_old);
    }
    host.signal("p_a", SignalKind::Candidate, &says("new", "2"));
    assert_eq!(host.take(), ["p_a candidate new"]);
    host.offered("p_a", "A/3");
    host.made_answer("p_a", 1, 3, "M/3");
    assert_eq!(host.take(), ["p_a answer 3 A/3", "send p_a answer M/3"], "they are forgotten");
}

#[test]
fn candidates_that_overtake_the_description_they_belong_to_wait_for_it() {
    let mut host = Host::answering("p_a", "A/1");
    host.made_answer("p_a", 1, 1, "M/1");
    host.take();
    host.signal("p_a", SignalKind::Candidate, &spells("early", "2"));
    assert_eq!(host.take(), [""; 0]);
    host.offered("p_a", "A/2");
    host.made_answer("p_a", 1, 2, "M/2");
    let settled = host.take();
    assert_eq!(settled[1], "send p_a answer M/2");
    assert!(settled[2].starts_with("p_a candidate early"), "{settled:?}");
}

#[test]
fn candidates_of_the_answer_to_a_restart_may_come_before_it() {
    let mut host = Host::connected("p_z");
    host.session.restart_ice(id("p_z"));
    host.made_offer("p_z", 1, 2, "M/2");
    host.take();
    host.signal("p_z", SignalKind::Candidate, &says("early", "2"));
    assert_eq!(host.take(), [""; 0]);
    host.answered("p_z", "Z/2");
    assert_eq!(host.take(), ["p_z accept Z/2", "p_z candidate early"]);
}

#[test]
fn however_many_candidates_come_early_the_last_ones_are_kept() {
    let mut host = Host::offering("p_z");
    host.made_offer("p_z", 1, 1, "M/1");
    host.take();
    for n in 0..1000 {
        host.candidate("p_z", &format!("c{n}"));
    }
    host.answered("p_z", "Z/1");
    let taken = host.take();
    assert_eq!((taken.len(), taken[1].as_str()), (65, "p_z candidate c936"));
}

/// Names the credentials beside the candidate, as browsers do.
fn says(text: &str, ufrag: &str) -> IceCandidate {
    IceCandidate { username_fragment: Some(ufrag.into()), ..candidate(text) }
}

/// Names the credentials within the candidate.
fn spells(text: &str, ufrag: &str) -> IceCandidate {
    candidate(&format!("{text} generation 0 ufrag {ufrag} network-cost 999"))
}
