//! The ids of the streams that tracks belong to.

use uuid::Uuid;

use crate::slot::Slot;

/// The ids of a participant's streams, the same on all of its connections.
///
/// Pages play a stream in one element and keep its sound and pictures together, so camera and
/// microphone share one. A screen and its sound have another, and so have the tracks of each name.
#[derive(Clone, Debug)]
pub(super) struct StreamIds {
    camera: String,
    screen: String,
}

impl StreamIds {
    pub(super) fn random() -> Self {
        Self { camera: Uuid::new_v4().to_string(), screen: Uuid::new_v4().to_string() }
    }

    pub(super) fn of(&self, slot: &Slot) -> String {
        match slot {
            Slot::Audio | Slot::Video => self.camera.clone(),
            Slot::Screen | Slot::ScreenAudio => self.screen.clone(),
            Slot::Named(_) => format!("{}.{}", slot.name(), self.camera),
        }
    }
}
