//! The muted tracks of a participant, in its state.
//!
//! They are the member `muted` of a state that is a JSON object: a list of tracks, or `true` for
//! the audio.

use serde_json::{Map, Value};
use signal_core::message::Payload;

/// The application's state with the muted tracks.
///
/// `None` if there is nothing to add, or if the state is not an object, already has a `muted`
/// member, or would be too long.
pub(super) fn show(state: &Payload, muted: &[String]) -> Option<Payload> {
    let mut shown: Map<String, Value> = serde_json::from_slice(state.as_bytes()).ok()?;
    if muted.is_empty() || shown.contains_key(MEMBER) {
        return None;
    }
    shown.insert(MEMBER.to_owned(), muted.into());
    Payload::new(&shown).ok().filter(|shown| shown.as_bytes().len() <= MAX_STATE)
}

/// The tracks that are muted according to a state, by name.
pub(crate) fn read(state: &[u8]) -> Vec<String> {
    let Ok(Value::Object(mut state)) = serde_json::from_slice(state) else { return Vec::new() };
    match state.remove(MEMBER) {
        Some(Value::Bool(true)) => vec![AUDIO.to_owned()],
        Some(Value::Array(muted)) => muted
            .into_iter()
            .filter_map(|name| match name {
                Value::String(name) => Some(name),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

const MEMBER: &str = "muted";
const AUDIO: &str = "audio";
/// The limit of the protocol.
const MAX_STATE: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_muted_is_told_beside_the_applications_own_state() {
        let muted = ["audio".to_owned(), "video".to_owned()];
        let own = Payload::new(&json!({"hand": "up"})).unwrap();
        let shown = show(&own, &muted).unwrap();
        assert_eq!(read(shown.as_bytes()), muted);
        let shown: Value = serde_json::from_slice(shown.as_bytes()).unwrap();
        assert_eq!(shown["hand"], "up");
    }

    #[test]
    fn a_state_that_is_the_applications_alone_is_left_as_it_is() {
        let muted = ["audio".to_owned()];
        let long = "x".repeat(MAX_STATE - 20);
        for state in [json!("away"), json!([1]), json!({"muted": false}), json!({"x": long})] {
            let state = Payload::new(&state).unwrap();
            assert!(show(&state, &muted).is_none());
        }
        let own = Payload::new(&json!({"hand": "up"})).unwrap();
        assert!(show(&own, &[]).is_none());
    }

    #[test]
    fn states_of_others_are_read_as_far_as_they_are_understood() {
        let cases: [(&[u8], &[&str]); 6] = [
            (br#"{"muted":true}"#, &["audio"]),
            (br#"{"muted":["video",7,"desk"]}"#, &["video", "desk"]),
            (br#"{"muted":false}"#, &[]),
            (b"{}", &[]),
            (b"[]", &[]),
            (b"{", &[]),
        ];
        for (state, muted) in cases {
            assert_eq!(read(state), muted);
        }
    }
}
