//! Validates the fields of requests.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Number;
use signal_core::DisplayName;
use signal_core::room::Capacity;
use signal_core::wire::TypedText;

use crate::http::error::{ApiError, wrong_input};
use crate::rooms::credentials::{InvalidPassword, RoomPassword};
use crate::rooms::lifetime::Lifetime;

/// Parses a whole number in any notation: `60.0` is one too (JSON Schema core, section 4.2.3).
pub(in crate::http) fn whole_number<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(from)? else { return Ok(None) };
    let integral = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT);
    let whole = number.as_i64().or_else(|| integral().map(|float| float as i64));
    whole.map(Some).ok_or_else(|| D::Error::custom("expected a whole number"))
}

pub(in crate::http) fn display_name(
    field: &str,
    typed: Option<&TypedText>,
) -> Result<Option<DisplayName>, ApiError> {
    let Some(typed) = typed else { return Ok(None) };
    DisplayName::parse(&typed.without_halves())
        .map_err(|error| wrong_input(field, "名称过长", &error.to_string()))
}

/// The capacity of a room, up to `most`.
pub(in crate::http) fn capacity(
    max_participants: i64,
    most: Capacity,
) -> Result<Capacity, ApiError> {
    let number = u16::try_from(max_participants).ok();
    let capacity = number.and_then(|number| Capacity::new(number).ok());
    capacity.filter(|capacity| *capacity <= most).ok_or_else(|| {
        let most = most.participants();
        let (chinese, english) = (format!("须为 1 到 {most}"), format!("expected 1 to {most}"));
        wrong_input("max_participants", &chinese, &english)
    })
}

pub(in crate::http) fn lifetime(expires_minutes: i64) -> Result<Lifetime, ApiError> {
    let minutes = u32::try_from(expires_minutes).ok();
    minutes
        .and_then(|minutes| Lifetime::new(60 * Duration::from_secs(minutes.into())).ok())
        .ok_or_else(|| wrong_input("expires_minutes", "须为 1 到 1440", "expected 1 to 1440"))
}

pub(super) fn password(field: &str, typed: &str) -> Result<RoomPassword, ApiError> {
    let wrong = |error: InvalidPassword| {
        wrong_input(field, "须为 6 个从 ! 到 ~ 的字符", &error.to_string())
    };
    typed.parse().map_err(wrong)
}

/// Floating-point numbers below this represent whole numbers exactly.
const EXACT: f64 = (1_u64 << 53) as f64;
