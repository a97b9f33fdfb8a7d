//! Offers without media sections, as of a page that only watches.

use super::host::Host;

#[test]
fn an_offer_without_sections_is_answered_in_kind_and_this_side_offers() {
    let mut host = Host::joined(&["p_a"]);
    host.take();
    host.offered_nothing("p_a");
    assert_eq!(
        host.take(),
        ["send p_a answer without sections", "open p_a 1 offering", "p_a offer 1"]
    );
    host.made_offer("p_a", 1, 1, "M/1");
    host.answered("p_a", "A/1");
    assert_eq!(host.take(), ["send p_a offer M/1", "p_a accept A/1"]);
}

#[test]
fn an_offer_without_sections_wins_over_one_of_this_side_which_is_made_again() {
    let mut host = Host::offering("p_z");
    host.made_offer("p_z", 1, 1, "M/1");
    host.take();
    host.offered_nothing("p_z");
    let words = ["p_z rollback", "send p_z answer without sections", "p_z offer 2"];
    assert_eq!(host.take(), words);
}

#[test]
fn an_offer_without_sections_is_of_another_connection_than_the_one_that_there_is() {
    let mut host = Host::connected("p_z");
    host.offered_nothing("p_z");
    let words =
        ["close p_z", "send p_z answer without sections", "open p_z 2 offering", "p_z offer 2"];
    assert_eq!(host.take(), words);
}

#[test]
fn an_offer_without_sections_takes_the_place_of_one_that_is_being_answered() {
    let mut host = Host::answering("p_a", "A/1");
    host.offered_nothing("p_a");
    let words = [
        "close p_a",
        "send p_a answer without sections",
        "send p_a answer without sections",
        "open p_a 2 offering",
        "p_a offer 2",
    ];
    assert_eq!(host.take(), words);
    host.made_answer("p_a", 1, 1, "M/1");
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn an_offer_without_sections_takes_the_place_of_one_whose_answer_waits() {
    let mut host = Host::connected("p_z");
    host.offered("p_z", "B/1");
    host.offered("p_z", "C/1");
    host.take();
    host.offered_nothing("p_z");
    let words = ["send p_z answer without sections"; 3];
    assert_eq!(host.take(), words);
    host.pass(2);
    assert_eq!(host.take(), ["open p_z 3 offering", "p_z offer 3"]);
}

#[test]
fn offers_without_sections_do_not_have_connections_opened_one_after_the_other() {
    let mut host = Host::connected("p_z");
    host.offered_nothing("p_z");
    host.made_offer("p_z", 2, 2, "N/1");
    host.answered("p_z", "Y/1");
    host.take();
    host.offered_nothing("p_z");
    assert_eq!(host.take(), ["close p_z", "send p_z answer without sections"]);
    host.pass(2);
    assert_eq!(host.take(), ["open p_z 3 offering", "p_z offer 3"]);
}
