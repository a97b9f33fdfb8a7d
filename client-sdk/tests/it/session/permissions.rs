//! What this participant may do, as the session tells of it.

use super::host::Host;

const LISTENER: &str = r#"{"message":true,"update":true,"publish":false,"moderate":false}"#;
const MODERATOR: &str = r#"{"message":true,"update":true,"publish":true,"moderate":true}"#;

fn snapshot(permissions: &str) -> String {
    format!(
        r#"{{"type":"resumed","seq":9,"received":null,"replayed":null,"resume_token":"r2","v":2,
        "ice_servers":[],"ice_expires_at":"2025-12-06T14:00:00Z","participant_id":"p_m",
        "participants":[],"room":{{"id":"ABC234","name":"x","max_participants":10,
            "expires_at":"2025-12-05T12:00:00Z","locked":false}},"permissions":{permissions},
        "resume_grace_ms":30000,"server_time":"2025-12-06T12:00:00Z"}}"#
    )
}

#[test]
fn a_change_of_permissions_is_told_once_and_what_stays_the_same_is_not() {
    let mut host = Host::welcomed(&[]);
    host.take();
    let updated = format!(r#"{{"type":"permissions_updated","permissions":{MODERATOR}}}"#);
    for expected in [vec!["may moderate"], vec![]] {
        host.server(&updated);
        assert_eq!(host.take(), expected);
    }
    assert!(host.session.permissions().moderate);
    for (permissions, is_told) in [(MODERATOR, false), (LISTENER, true)] {
        host.cut();
        host.take();
        host.server(&snapshot(permissions));
        let told = host.take();
        assert_eq!(told.contains(&"may not publish".to_owned()), is_told, "{told:?}");
        assert!(!told.contains(&"may moderate".to_owned()), "{told:?}");
    }
}

#[test]
fn a_seat_of_an_older_server_may_do_what_a_guest_does() {
    let host = Host::welcomed(&[]);
    let permissions = host.session.permissions();
    assert!(permissions.message && permissions.publish && !permissions.moderate);
}
