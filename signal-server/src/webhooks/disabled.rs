//! Stands for webhooks in builds without the feature `webhooks`. No value of these types exists.

use std::sync::Arc;

use signal_core::room::Room;
use signal_core::room::event::RoomEvent;
use tokio::sync::mpsc::UnboundedSender;

use crate::store::queue::{QueueChange, QueueEntry};
use crate::store::{QueuedEvent, Writer};
use crate::supervision::Supervisor;

#[derive(Clone, Debug)]
pub(crate) enum EventQueue {}

pub(crate) enum Sender {}

pub(crate) enum SenderTask {}

impl EventQueue {
    pub(crate) fn entries(&self, _: Vec<RoomEvent>) -> Vec<Arc<QueueEntry>> {
        match *self {}
    }

    pub(crate) fn add(&self, _: Vec<RoomEvent>) {
        match *self {}
    }

    pub(crate) fn keep(&self, _: &Room) {
        match *self {}
    }

    pub(crate) fn changes(&self) -> UnboundedSender<QueueChange> {
        match *self {}
    }
}

impl Sender {
    pub(crate) fn queue(&self) -> &EventQueue {
        match *self {}
    }

    pub(crate) fn restore(&mut self, _: Vec<QueuedEvent>) {
        match *self {}
    }

    pub(crate) fn start(self, _: Option<Writer>, _: &Supervisor) -> SenderTask {
        match self {}
    }
}
