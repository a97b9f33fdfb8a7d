//! The memory that a server takes for the steps of a search.

use crate::report::ServerUse;

/// The memory of a server before the first step. A server keeps what earlier steps made it take, so
/// that only from here on its growth shows what rooms cost.
#[derive(Debug, Default)]
pub(super) struct MemoryBefore(Option<u64>);

impl MemoryBefore {
    /// Counts the growth in a step from before the first one.
    pub(super) fn count_from_here(&mut self, server: &mut ServerUse) {
        let before_step = server.memory_bytes.saturating_sub(server.memory_grown_bytes);
        let before = *self.0.get_or_insert(before_step);
        server.memory_grown_bytes = server.memory_bytes.saturating_sub(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_keeps_of_earlier_steps_is_a_cost_of_the_rooms() {
        let megabyte = 1_000_000;
        let step = |memory, grown| ServerUse {
            processors: 1.0,
            busiest_processors: 1.0,
            processor_seconds: 1.0,
            waited_for: 0.0,
            memory_bytes: memory * megabyte,
            memory_grown_bytes: grown * megabyte,
            open_files: 100,
            max_files: None,
            machine: None,
        };
        let mut before = MemoryBefore::default();
        let grown = [step(100, 80), step(180, 80), step(180, 0)].map(|mut step| {
            before.count_from_here(&mut step);
            step.memory_grown_bytes / megabyte
        });
        assert_eq!(grown, [80, 160, 160]);
    }
}
