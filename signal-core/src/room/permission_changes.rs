//! The permissions that the host has changed.

use std::collections::VecDeque;

use super::Capacity;
use super::operation::Grant;
use crate::codec::{InvalidBytes, Reader, Writer};
use crate::ids::Ticket;
use crate::permissions::Permissions;

/// The last 1,000 changes, one for each ticket. They outlive seats: the token of a participant
/// still names the permissions from before the change, and does not bring them back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct PermissionChanges(VecDeque<(Ticket, Permissions)>);

impl PermissionChanges {
    /// Notes a change; `false` if it is noted already.
    pub(super) fn note(&mut self, ticket: Ticket, permissions: Permissions) -> bool {
        let known = self.0.iter().position(|(changed, _)| *changed == ticket);
        if let Some(known) = known {
            if self.0[known].1 == permissions {
                return false;
            }
            self.0.remove(known);
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((ticket, permissions));
        true
    }

    /// The permissions that the holder of a grant has.
    pub(super) fn apply_to(&self, grant: &Grant) -> Permissions {
        let changed = self.0.iter().find(|(ticket, _)| *ticket == grant.ticket);
        changed.map_or(grant.permissions, |(_, permissions)| *permissions)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.list(self.0.iter(), |out, (ticket, permissions)| {
            out.ticket(*ticket);
            out.u8(permissions.bits());
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidBytes> {
        let change =
            |from: &mut Reader<'_>| Ok((from.ticket()?, Permissions::from_bits(from.u8()?)));
        Ok(Self(from.list(MOST, change)?))
    }
}

/// Enough for everybody in the largest room, and as many who have left.
const MOST: usize = 2 * Capacity::MAX as usize;
