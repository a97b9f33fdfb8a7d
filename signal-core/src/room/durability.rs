//! Which changes a host has to keep before it tells of them.

/// What a host that keeps records beyond the process has to do with a change before it tells
/// anybody of it.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Durability {
    /// Nothing: the record is the same as before. A state or an id of a block that is reserved
    /// already lasts as long as the process.
    #[default]
    Volatile,
    /// Nothing yet: the record is written when it can be. If it is not, a restart brings about the
    /// same, as it does with a socket that is lost.
    Grouped,
    /// Write the record first. What has been told must hold after a crash.
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
