//! Who a participant is, in the host's own terms.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::codec::{InvalidBytes, LaterFields, Reader, Writer};
use crate::payload::Payload;

/// Who a participant is, in the host's own terms. The default is empty.
///
/// A token carries it, and a seat keeps it. It is not part of the
/// [record](crate::room::Room::to_record) of a room: it is written once for each seat, see
/// [`Save::seats`](crate::Save::seats).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Identity {
    /// The user. Other participants never see it.
    pub user: Option<UserId>,
    /// What v2 participants see of this one, besides its name.
    pub attributes: Option<Attributes>,
    /// What a newer version has written.
    pub(crate) later_fields: LaterFields,
}

/// The id of a user, which the host chooses: 1 to 128 bytes.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserId(Arc<str>);

/// Named texts that the host sets: a flat JSON object of at most 1 KiB.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attributes(Payload);

/// A value is too long, or of the wrong form.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidIdentity {
    /// Not an object of texts, or longer than 1 KiB of JSON.
    #[error("expected attributes as an object of texts, with at most 1024 bytes of JSON")]
    Attributes,
    /// Not 1 to 128 bytes.
    #[error("expected a user id of 1 to 128 bytes")]
    UserId,
}

impl Identity {
    /// Creates the identity of a user, without attributes.
    pub fn of(user: UserId) -> Self {
        Self { user: Some(user), ..Self::default() }
    }

    /// Sets the attributes.
    #[must_use]
    pub fn with(self, attributes: Attributes) -> Self {
        Self { attributes: Some(attributes), ..self }
    }

    /// Whether it has neither a user nor attributes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Writes the identity as bytes, for a store that outlives the process. The first bytes are the
    /// format and the oldest format whose readers understand it, as with a
    /// [record](crate::room::Room::to_record); fields of a later version are kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::begin(FORMAT, READABLE_BY, &self.later_fields);
        out.option(self.user.as_ref(), |out, user| out.text(user.as_str()));
        out.option(self.attributes.as_ref(), |out, attributes| attributes.write(out));
        out.end(&self.later_fields)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written.
    ///
    /// # Errors
    ///
    /// The bytes are not an identity, or one of a newer version. No input makes this panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidBytes> {
        let mut from = Reader::begin(bytes, FORMAT, READABLE_BY)?;
        let user = from.option(Reader::parsed)?;
        let attributes = from.option(Attributes::read)?;
        let later_fields = from.later_fields()?;
        Ok(Self { user, attributes, later_fields })
    }
}

impl UserId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        if text.is_empty() || text.len() > 128 {
            return Err(InvalidIdentity::UserId);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Attributes {
    /// Creates attributes from named texts.
    ///
    /// # Errors
    ///
    /// They are longer than 1 KiB of JSON.
    pub fn new<'a>(
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidIdentity> {
        let texts: BTreeMap<&str, &str> = texts.into_iter().collect();
        let payload = Payload::new(&texts).map_err(|_| InvalidIdentity::Attributes)?;
        Self::of(payload)
    }

    /// Creates attributes from a JSON object, for example one of a token.
    ///
    /// # Errors
    ///
    /// It is not an object of texts, or longer than 1 KiB.
    pub fn from_json(json: &Bytes) -> Result<Self, InvalidIdentity> {
        let payload = Payload::from_json(json).map_err(|_| InvalidIdentity::Attributes)?;
        payload.texts().map_err(|_| InvalidIdentity::Attributes)?;
        Self::of(payload.detach())
    }

    /// The JSON object.
    pub fn as_json(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.texts().is_empty()
    }

    /// The named texts.
    pub fn texts(&self) -> BTreeMap<String, String> {
        self.0.texts().unwrap_or_default()
    }

    pub(crate) fn payload(&self) -> &Payload {
        &self.0
    }

    fn of(payload: Payload) -> Result<Self, InvalidIdentity> {
        if payload.as_bytes().len() > 1024 {
            return Err(InvalidIdentity::Attributes);
        }
        Ok(Self(payload))
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.bytes(self.as_json());
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidBytes> {
        let json = Bytes::copy_from_slice(from.bytes()?);
        Self::from_json(&json).map_err(|_| InvalidBytes::Damaged)
    }
}

/// No texts.
impl Default for Attributes {
    fn default() -> Self {
        Self::new([]).expect("an empty object is short")
    }
}

const FORMAT: u8 = 2;
/// The oldest format whose readers understand the bytes. Formats since only append fields.
const READABLE_BY: u8 = 2;
