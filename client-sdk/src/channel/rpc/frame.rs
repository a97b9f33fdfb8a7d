//! The messages of requests and replies: JSON texts.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

pub(super) struct Frame {
    /// The id that the requester has chosen.
    pub(super) id: u64,
    pub(super) body: Body,
}

pub(super) enum Body {
    Request { name: String, data: Box<RawValue> },
    Reply { data: Box<RawValue> },
    Error { reason: String },
}

/// `{"id":1,"request":"name","data":…}`, `{"id":1,"reply":…}` or `{"id":1,"error":"reason"}`.
#[derive(Default, Deserialize, Serialize)]
struct Fields {
    id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    reply: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Frame {
    pub(super) fn encode(&self) -> String {
        let id = self.id;
        let fields = match &self.body {
            Body::Request { name, data } => Fields {
                id,
                request: Some(name.clone()),
                data: Some(data.clone()),
                ..Fields::default()
            },
            Body::Reply { data } => Fields { id, reply: Some(data.clone()), ..Fields::default() },
            Body::Error { reason } => {
                Fields { id, error: Some(reason.clone()), ..Fields::default() }
            }
        };
        serde_json::to_string(&fields).expect("numbers, text and JSON have a JSON form")
    }

    /// Decodes a frame; `None` for anything else.
    pub(super) fn decode(message: &[u8]) -> Option<Self> {
        let fields: Fields = serde_json::from_slice(message).ok()?;
        let Fields { id, request, data, reply, error } = fields;
        let body = match (request, reply, error) {
            // A page omits undefined fields.
            (Some(name), _, _) => Body::Request { name, data: data.unwrap_or_else(null) },
            (None, Some(data), _) => Body::Reply { data },
            (None, None, Some(reason)) => Body::Error { reason },
            (None, None, None) => return None,
        };
        Some(Self { id, body })
    }
}

/// A field that is present, even if it is `null`.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_are_written_and_null_is_a_value() {
        for text in [
            r#"{"id":1,"request":"add","data":[1,2]}"#,
            r#"{"id":1,"request":"stop","data":null}"#,
            r#"{"id":9007199254740991,"reply":{"sum":3}}"#,
            r#"{"id":2,"reply":null}"#,
            r#"{"id":3,"error":"no such thing"}"#,
        ] {
            assert_eq!(Frame::decode(text.as_bytes()).unwrap().encode(), text);
        }
        let bare = Frame::decode(br#"{"request":"stop","id":1}"#).unwrap();
        assert_eq!(bare.encode(), r#"{"id":1,"request":"stop","data":null}"#);
    }

    #[test]
    fn what_is_something_else_is_no_frame() {
        for text in
            ["", "1", "{}", r#"{"id":1}"#, r#"{"id":-1,"reply":1}"#, r#"{"id":"a","reply":1}"#]
        {
            assert!(Frame::decode(text.as_bytes()).is_none(), "{text}");
        }
    }
}
