//! The requests to the server that the handle offers, checked before they are sent.

use serde::Serialize;
use signal_core::DisplayName;
use signal_core::message::{Audience, ClientMessage, Payload, Topic};

use crate::session::CommandError;

/// A message to one participant, to everybody, or to the host application.
pub(crate) fn message<T: Serialize + ?Sized>(
    to: Audience,
    topic: &str,
    data: &T,
) -> Result<ClientMessage, CommandError> {
    let topic = Topic::new(topic).map_err(|_| CommandError::Topic)?;
    Ok(ClientMessage::Message { to, topic, data: json(data, MAX_DATA)? })
}

pub(crate) fn state<T: Serialize + ?Sized>(state: &T) -> Result<ClientMessage, CommandError> {
    Ok(ClientMessage::Update { name: None, state: Some(json(state, MAX_STATE)?) })
}

pub(crate) fn name(name: &str) -> Result<ClientMessage, CommandError> {
    let parsed = DisplayName::parse(name).map_err(|error| CommandError::Name(error.to_string()))?;
    let name = parsed.ok_or_else(|| CommandError::Name("there is nothing to show of it".into()))?;
    Ok(ClientMessage::Update { name: Some(name), state: None })
}

fn json<T: Serialize + ?Sized>(value: &T, most: usize) -> Result<Payload, CommandError> {
    let json = Payload::new(value).map_err(|error| CommandError::Json(error.to_string()))?;
    let bytes = json.as_bytes().len();
    if bytes > most { Err(CommandError::TooLarge { bytes, most }) } else { Ok(json) }
}

/// The limits of the protocol, in bytes of JSON. A server may have lower ones.
const MAX_DATA: usize = 16 * 1024;
const MAX_STATE: usize = 4 * 1024;
