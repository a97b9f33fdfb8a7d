//! Named texts in a body: the attributes of a participant, or the data of a room.

use std::collections::BTreeMap;

use signal_core::identity::Attributes;

use crate::http::error::{ApiError, invalid};

/// Checks the texts. An error names them as `field`.
pub(super) fn parse(field: &str, texts: &BTreeMap<String, String>) -> Result<Attributes, ApiError> {
    let pairs = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Attributes::new(pairs).map_err(|error| invalid(&format!("{field}: {error}")))
}
