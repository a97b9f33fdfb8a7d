//! One process: its hub, and the order in which its messages to the store and to other nodes
//! arrive.

use std::collections::BTreeMap;

use signal_core::Timestamp;
use signal_core::config::HubConfig;
use signal_core::hub::{Hub, NodeId};

pub struct Process {
    pub node: NodeId,
    pub hub: Hub,
    /// For when it is to be woken.
    pub alarm: Option<Timestamp>,
    /// When the last operation arrives at the store, and the last frame at each other node: none
    /// overtakes another.
    to_store: Timestamp,
    to_node: BTreeMap<NodeId, Timestamp>,
}

impl Process {
    pub fn start(number: u64, config: &HubConfig) -> Self {
        let node = NodeId(number);
        Self {
            node,
            hub: Hub::new(node, config.clone()),
            alarm: None,
            to_store: Timestamp::default(),
            to_node: BTreeMap::new(),
        }
    }

    /// When something arrives at the store that would arrive at that time if nothing were before
    /// it.
    pub fn in_order_to_store(&mut self, at: Timestamp) -> Timestamp {
        self.to_store = self.to_store.max(at);
        self.to_store
    }

    /// The same for another node.
    pub fn in_order_to_node(&mut self, node: NodeId, at: Timestamp) -> Timestamp {
        let last = self.to_node.entry(node).or_default();
        *last = (*last).max(at);
        *last
    }
}
