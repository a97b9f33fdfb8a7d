//! The ids in a path: of a room, a participant or a user.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use signal_core::identity::UserId;
use signal_core::typed::parse_room_id;
use signal_core::{ParticipantId, RoomId};

/// The `{room_id}` of a path, or `None` if no room can have it.
#[cfg_attr(feature = "documents", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "documents", into_params(names("room_id"), parameter_in = Path))]
pub(crate) struct RoomPath(
    /// The room id. In random ids, upper and lower case are equal.
    #[cfg_attr(feature = "documents", param(
        value_type = String,
        pattern = "^[0-9A-Za-z._~-]{1,64}$",
        example = "ABC234"
    ))]
    pub(crate) Option<RoomId>,
);

/// The `{participant_id}` of a path, or `None` if it is not a valid participant id.
#[cfg_attr(feature = "documents", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "documents", into_params(names("participant_id"), parameter_in = Path))]
pub(crate) struct ParticipantPath(
    /// The id of a participant in the room.
    #[cfg_attr(feature = "documents", param(
        value_type = String,
        pattern = "^p_[0-9a-z]{8}$",
        example = "p_zzzy0001"
    ))]
    pub(crate) Option<ParticipantId>,
);

/// The `{user}` of a path, or `None` if it is not a valid user id.
#[cfg_attr(feature = "documents", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "documents", into_params(names("user"), parameter_in = Path))]
pub(crate) struct UserPath(
    /// Your id of a user.
    #[cfg_attr(feature = "documents", param(
        value_type = String,
        min_length = 1,
        max_length = 128,
        example = "user-17"
    ))]
    pub(crate) Option<UserId>,
);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(segment("room_id", parts, state, parse_room_id).await))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ParticipantPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(segment("participant_id", parts, state, |text| text.parse().ok()).await))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for UserPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(segment("user", parts, state, |text| text.parse().ok()).await))
    }
}

/// Finds a path parameter by name. A prefix that the routes are nested under may have parameters
/// too.
async fn segment<T, S: Send + Sync>(
    name: &str,
    parts: &mut Parts,
    state: &S,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let segments = RawPathParams::from_request_parts(parts, state).await.ok()?;
    parse(segments.iter().find_map(|(found, text)| (found == name).then_some(text))?)
}

#[cfg(test)]
#[cfg(feature = "documents")]
mod tests {
    use utoipa::IntoParams;

    use super::*;

    #[test]
    fn the_document_takes_the_characters_that_room_ids_are_made_of() {
        let parameters = serde_json::to_value(RoomPath::into_params(|| None)).unwrap();
        let pattern = parameters[0]["schema"]["pattern"].as_str().unwrap();
        let end = format!("-]{{1,{}}}$", RoomId::MAX_LEN);
        let class = pattern.strip_prefix("^[").unwrap().strip_suffix(&end).unwrap();
        let mut taken = vec![b'-'];
        let mut rest = class.bytes().peekable();
        while let Some(first) = rest.next() {
            let last = rest.next_if_eq(&b'-').map_or(first, |_| rest.next().unwrap());
            taken.extend(first..=last);
        }
        taken.sort_unstable();
        let is_permitted = |byte: &u8| RoomId::chosen(&format!("_{}", char::from(*byte))).is_ok();
        assert_eq!(taken, (0..=u8::MAX).filter(is_permitted).collect::<Vec<_>>());
    }
}
