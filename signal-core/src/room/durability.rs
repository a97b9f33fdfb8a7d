//! Which changes a host has to write before it announces them.

/// What a host that stores records has to do with a change before it announces the change.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Durability {
    /// Nothing: the stored record stays the same. A state, or an id of a block that is reserved
    /// already, lasts as long as the process.
    #[default]
    Volatile,
    /// Nothing yet: the record is written later. If it is not, a restart has the same effect, as
    /// with a lost socket.
    Grouped,
    /// Write the record first, since the answer has to hold after a crash.
    BeforeAnswer,
}

/// What an operation has changed so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    any: bool,
    durability: Durability,
}

impl Changes {
    pub(super) fn note(&mut self, durability: Durability) {
        self.any = true;
        self.durability = self.durability.max(durability);
    }

    pub(super) fn note_if(&mut self, is_changed: bool, durability: Durability) {
        if is_changed {
            self.note(durability);
        }
    }

    /// Whether anything changed.
    pub(super) fn any(self) -> bool {
        self.any
    }

    pub(super) fn durability(self) -> Durability {
        self.durability
    }
}
