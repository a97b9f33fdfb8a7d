//! Writing bytes.

use super::LaterFields;
use crate::ids::{Attachment, ParticipantId, Ticket};
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;
use crate::token::{PasswordTag, TokenHash};

/// Writes bytes, field by field.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins bytes of that format, or of the newer one that the later fields are from.
    /// `readable_by` is the oldest format whose readers understand it.
    pub(crate) fn begin(format: u8, readable_by: u8, later: &LaterFields) -> Self {
        Self { bytes: vec![format.max(later.format), readable_by.max(later.readable_by)] }
    }

    /// Ends the bytes with the fields that this version does not know.
    pub(crate) fn end(mut self, later: &LaterFields) -> Vec<u8> {
        self.bytes.extend_from_slice(&later.fields);
        self.bytes
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.length(value.len());
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn time(&mut self, value: Timestamp) {
        self.u64(value.as_millis());
    }

    pub(crate) fn participant(&mut self, value: ParticipantId) {
        self.text(value.as_str());
    }

    pub(crate) fn payload(&mut self, value: &Payload) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn protocol(&mut self, value: ProtocolVersion) {
        self.u8(match value {
            ProtocolVersion::V1 => 1,
            ProtocolVersion::V2 => 2,
        });
    }

    pub(crate) fn password(&mut self, value: PasswordTag) {
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub(crate) fn hash(&mut self, value: TokenHash) {
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub(crate) fn attachment(&mut self, value: Attachment) {
        self.u64(value.node.0);
        self.u64(value.conn.0);
    }

    pub(crate) fn ticket(&mut self, value: Ticket) {
        match value {
            Ticket::Creator => self.u8(0),
            Ticket::Guest(id) => {
                self.u8(1);
                self.participant(id);
            }
            Ticket::Host(tag) => {
                self.u8(2);
                self.bytes.extend_from_slice(tag.as_bytes());
            }
        }
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        values: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.length(values.len());
        for value in values {
            write(self, value);
        }
    }

    fn length(&mut self, length: usize) {
        self.u32(
            u32::try_from(length).expect("names, states and lists of a room are far below 4 GiB"),
        );
    }
}
