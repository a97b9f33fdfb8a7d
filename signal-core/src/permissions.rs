//! What a participant may do in a room.

use crate::ids::Ticket;

/// What a participant may do in a room, besides connecting with the others. The default is that of
/// a guest: everything but to moderate.
///
/// A [grant](crate::room::Grant) has permissions, and a seat keeps them. The host changes them in
/// mid-call with [`Op::SetPermissions`](crate::room::Op::SetPermissions).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Permissions {
    /// Whether it may send `message`, to participants or to the host.
    pub message: bool,
    /// Whether it may send `update`, which changes its name and state.
    pub update: bool,
    /// Whether it may send media and data to others. The room does not see them, so it only tells
    /// the others, whose clients ignore what they get from this participant. A client that was
    /// modified to ignore the permission still sends.
    pub publish: bool,
    /// Whether it may send `moderate`: kick and ban others except the creator, lock and close the
    /// room.
    pub moderate: bool,
    /// What a newer version of this crate has permitted besides, as bits, to be written back.
    pub(crate) later: u8,
}

impl Permissions {
    /// Everything, which is the default of a creator.
    pub const ALL: Self = Self { moderate: true, ..Self::GUEST };
    /// Nothing.
    pub const NONE: Self =
        Self { message: false, update: false, publish: false, moderate: false, later: 0 };
    const GUEST: Self = Self { message: true, update: true, publish: true, ..Self::NONE };

    /// The permissions of a grant that does not name any.
    pub(crate) fn default_of(ticket: Ticket) -> Self {
        match ticket {
            Ticket::Creator => Self::ALL,
            Ticket::Guest(_) | Ticket::Host(_) => Self::default(),
        }
    }

    /// One bit for each permission, for records.
    pub(crate) fn bits(self) -> u8 {
        let Self { message, update, publish, moderate, later } = self;
        [message, update, publish, moderate]
            .into_iter()
            .enumerate()
            .fold(later, |bits, (place, is_set)| bits | u8::from(is_set) << place)
    }

    /// Reads [`bits`](Self::bits).
    pub(crate) fn from_bits(bits: u8) -> Self {
        let is_set = |place: u8| bits & (1 << place) != 0;
        Self {
            message: is_set(0),
            update: is_set(1),
            publish: is_set(2),
            moderate: is_set(3),
            later: bits & !0b1111,
        }
    }
}

impl Default for Permissions {
    fn default() -> Self {
        Self::GUEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_permission_has_a_bit() {
        let only = |set: fn(&mut Permissions)| {
            let mut permissions = Permissions::NONE;
            set(&mut permissions);
            permissions
        };
        let each = [
            only(|only| only.message = true),
            only(|only| only.update = true),
            only(|only| only.publish = true),
            only(|only| only.moderate = true),
        ];
        assert_eq!(each.map(Permissions::bits), [1, 2, 4, 8]);
        for bits in 0..=u8::MAX {
            assert_eq!(Permissions::from_bits(bits).bits(), bits);
        }
        assert_eq!(Permissions::ALL.bits(), 0b1111, "those that this version knows");
    }
}
