//! Fields that several messages share, and their checks.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::value::RawValue;

use super::error::Problem;
use super::typed_text::TypedText;
use crate::ids::ParticipantId;
use crate::message::{Signal, SignalKind};
use crate::payload::Payload;

/// A string in place of a participant id.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// It cannot be a participant id.
    Nobody,
    /// The host application, for messages that may be for it.
    Host,
    One(ParticipantId),
    /// Everybody in the room, for messages that may be for everybody.
    Room,
}

impl Target {
    pub(super) fn id(self) -> Option<ParticipantId> {
        match self {
            Self::Nobody => None,
            Self::One(id) => Some(id),
            // In a message to one participant, both words are participant ids.
            Self::Host => HOST.parse().ok(),
            Self::Room => EVERYBODY.parse().ok(),
        }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        // A visitor takes escaped strings without an allocation; a borrowed `&str` would refuse
        // them.
        impl Visitor<'_> for IdVisitor {
            type Value = Target;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a participant id")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Target, E> {
                Ok(match text {
                    EVERYBODY => Target::Room,
                    HOST => Target::Host,
                    _ => text.parse().map_or(Target::Nobody, Target::One),
                })
            }
        }

        deserializer.deserialize_str(IdVisitor)
    }
}

pub(super) fn id(target: Target) -> Result<ParticipantId, Problem> {
    target.id().ok_or_else(|| Problem::Invalid("malformed participant id".into()))
}

/// Parses the field of a type of message that has it; types without it ignore whatever it holds.
pub(super) fn target(value: Raw<'_>, name: &str) -> Result<Target, Problem> {
    let value = required(value.not_null(), name)?;
    serde_json::from_str(value.get()).map_err(|_| Problem::field(name, "expected a participant id"))
}

/// A field whose value is not parsed with the message around it.
///
/// It tells `null` from absent, which a plain `Option` does not.
#[derive(Clone, Copy, Default)]
pub(super) struct Raw<'a>(Option<&'a RawValue>);

impl<'a> Raw<'a> {
    pub(super) fn present(self) -> Option<&'a RawValue> {
        self.0
    }

    /// The value, for fields in which `null` means the same as absent.
    pub(super) fn not_null(self) -> Option<&'a RawValue> {
        self.0.filter(|value| value.get() != "null")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|value| Self(Some(value)))
    }
}

/// The fields of a session description or ICE candidate.
#[derive(Clone, Copy, Default)]
pub(super) struct SignalFields<'a> {
    pub(super) sdp: Raw<'a>,
    pub(super) candidate: Raw<'a>,
    pub(super) neg: Raw<'a>,
    pub(super) tracks: Raw<'a>,
}

impl SignalFields<'_> {
    pub(super) fn parse(self, frame: &Bytes, kind: SignalKind) -> Result<Signal, Problem> {
        let (value, name) = match kind {
            SignalKind::Answer | SignalKind::Offer => (self.sdp, "sdp"),
            SignalKind::Candidate => (self.candidate, "candidate"),
        };
        let value = required(value.present(), name)?;
        if let Some(expected) = wrong_type(kind, value) {
            return Err(Problem::field(name, expected));
        }
        let payload = payload_of(frame, name, value)?;
        let negotiation = self.neg.present().map(negotiation).transpose()?;
        let tracks = self.tracks.present().map(|tracks| list(frame, "tracks", tracks));
        Ok(Signal { kind, payload, negotiation, tracks: tracks.transpose()? })
    }
}

/// The expected type of a description or candidate; `None` if it has that type.
fn wrong_type(kind: SignalKind, value: &RawValue) -> Option<&'static str> {
    match (kind, value.get().as_bytes().first()) {
        (SignalKind::Answer | SignalKind::Offer, Some(b'"'))
        // Of all JSON values only `null` begins with an `n`.
        | (SignalKind::Candidate, Some(b'{' | b'"' | b'n')) => None,
        (SignalKind::Answer | SignalKind::Offer, _) => Some("expected a string"),
        (SignalKind::Candidate, _) => Some("expected an object, a string or null"),
    }
}

pub(super) fn required<T>(field: Option<T>, name: &str) -> Result<T, Problem> {
    field.ok_or_else(|| Problem::missing(name))
}

pub(super) fn string(value: &RawValue, name: &str) -> Result<String, Problem> {
    serde_json::from_str(value.get()).map_err(|_| Problem::field(name, "expected a string"))
}

pub(super) fn typed_text(value: &RawValue, name: &str) -> Result<TypedText, Problem> {
    serde_json::from_str(value.get()).map_err(|_| Problem::field(name, "expected a string"))
}

/// The number of a negotiation.
fn negotiation(value: &RawValue) -> Result<u32, Problem> {
    serde_json::from_str(value.get())
        .map_err(|_| Problem::field("neg", "expected a number from 0 to 4294967295"))
}

/// An array, passed on unread.
pub(super) fn list(frame: &Bytes, name: &str, value: &RawValue) -> Result<Payload, Problem> {
    if !value.get().starts_with('[') {
        return Err(Problem::field(name, "expected an array"));
    }
    payload_of(frame, name, value)
}

/// A value to pass on, as a slice of the frame. Its depth is limited because a receiver may parse
/// it recursively.
pub(super) fn payload_of(frame: &Bytes, name: &str, value: &RawValue) -> Result<Payload, Problem> {
    let json = value.get().as_bytes();
    if depth(json) > MAX_DEPTH {
        return Err(Problem::field(name, format_args!("nested deeper than {MAX_DEPTH} levels")));
    }
    Ok(Payload::from_validated(frame.slice_ref(json)))
}

/// How deep objects and arrays nest in a value that is known to be JSON.
fn depth(json: &[u8]) -> usize {
    // An SDP is a string, and by far the longest value there is.
    if json.first() == Some(&b'"') {
        return 0;
    }
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The addressee of a message to the whole room.
pub(super) const EVERYBODY: &str = "room";

/// The host application, as a sender or addressee. No room issues this id.
pub(super) const HOST: &str = "host";

/// The frame itself is the first of 16 levels.
const MAX_DEPTH: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_what_is_not_within_strings() {
        let cases: [(&[u8], usize); 6] = [
            (b"1", 0),
            (b"\"[[\"", 0),
            (b"[]", 1),
            (b"{\"a\":[{}]}", 3),
            (b"[\"[\\\"[\",[]]", 2),
            (b"[[],[]]", 2),
        ];
        for (json, expected) in cases {
            assert_eq!(depth(json), expected, "{}", String::from_utf8_lossy(json));
        }
    }
}
