//! The fields of requests, made into what holds.

use std::time::Duration;

use signal_core::{Capacity, DisplayName};

use super::invalid;
use crate::error::ApiError;

pub(super) fn display_name(field: &str, typed: Option<&str>) -> Result<Option<DisplayName>, ApiError> {
    let Some(typed) = typed else { return Ok(None) };
    DisplayName::parse(typed).map_err(|error| invalid(&format!("{field}: {error}")))
}

pub(super) fn capacity(max_participants: i64) -> Result<Capacity, ApiError> {
    let number = u8::try_from(max_participants).ok();
    number
        .and_then(|number| Capacity::new(number).ok())
        .ok_or_else(|| invalid("max_participants: expected 1 to 50"))
}

/// How long a room lasts, from its creation on.
pub(super) fn life(expires_minutes: i64) -> Result<Duration, ApiError> {
    match expires_minutes {
        minutes @ 1..=MAX_MINUTES => Ok(Duration::from_secs(60 * minutes.unsigned_abs())),
        _ => Err(invalid("expires_minutes: expected 1 to 1440")),
    }
}

pub(super) fn password(field: &str, typed: String) -> Result<String, ApiError> {
    if typed.len() == 6 && typed.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        Ok(typed)
    } else {
        Err(invalid(&format!("{field}: expected 6 characters from ! to ~")))
    }
}

const MAX_MINUTES: i64 = 1440;
