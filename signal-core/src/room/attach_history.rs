//! The attachments that have lost their seat, so that their late operations do nothing.

use std::collections::VecDeque;

use super::Seat;
use super::memory::{LONGEST, push};
use crate::codec::{InvalidBytes, Reader, Writer};
use crate::ids::{Attachment, ParticipantId};

/// The last attachments that carried a seat of this room and no longer do.
///
/// A store may deliver an attach or resume a second time. Without this history it would give the
/// seat to a socket that is gone, and take it from the socket that carries it now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct AttachHistory(VecDeque<AttachReceipt>);

/// The answer that an attachment got with its seat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct AttachReceipt {
    attachment: Attachment,
    pub(super) id: ParticipantId,
    pub(super) continued: bool,
}

impl AttachReceipt {
    /// The answer to the attachment that carries a seat now.
    pub(super) fn by(seat: &Seat) -> Self {
        Self { attachment: seat.attachment, id: seat.id, continued: seat.continued }
    }
}

impl AttachHistory {
    /// Adds the attachment of a seat, and keeps the last `most`.
    pub(super) fn push(&mut self, seat: &Seat, most: usize) {
        push(&mut self.0, AttachReceipt::by(seat), most);
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.list(self.0.iter(), |out, receipt| {
            out.attachment(receipt.attachment);
            out.participant(receipt.id);
            out.bool(receipt.continued);
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidBytes> {
        let receipt = |from: &mut Reader<'_>| {
            Ok(AttachReceipt {
                attachment: from.attachment()?,
                id: from.participant()?,
                continued: from.bool()?,
            })
        };
        Ok(Self(from.list(LONGEST, receipt)?))
    }

    pub(super) fn receipt_of(&self, attachment: Attachment) -> Option<AttachReceipt> {
        self.0.iter().find(|receipt| receipt.attachment == attachment).copied()
    }
}
