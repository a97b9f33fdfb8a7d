//! The room and its participants, shared by the task and the handles.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signal_core::message::{ParticipantInfo, Payload, RoomInfo};
use signal_core::{ParticipantId, Permissions};

use crate::session::{SessionEvent, mute_state};

/// The room and its participants, as the participant's task knows them; clones share it.
#[derive(Clone)]
pub(crate) struct Roster(Arc<Mutex<Known>>);

struct Known {
    /// `None` from servers that speak the first version of the protocol.
    room: Option<RoomInfo>,
    permissions: Permissions,
    others: BTreeMap<ParticipantId, ParticipantInfo>,
}

impl Roster {
    pub(crate) fn new(room: Option<RoomInfo>, permissions: Permissions) -> Self {
        Self(Arc::new(Mutex::new(Known { room, permissions, others: BTreeMap::new() })))
    }

    pub(crate) fn room(&self) -> Option<RoomInfo> {
        self.lock().room.clone()
    }

    /// What this participant may do.
    pub(crate) fn permissions(&self) -> Permissions {
        self.lock().permissions
    }

    /// The others, oldest first, which is by descending id.
    pub(crate) fn participants(&self) -> Vec<ParticipantInfo> {
        self.lock().others.values().rev().cloned().collect()
    }

    pub(crate) fn participant(&self, id: ParticipantId) -> Option<ParticipantInfo> {
        self.lock().others.get(&id).cloned()
    }

    /// The tracks that a participant has muted, by name.
    pub(crate) fn muted(&self, id: ParticipantId) -> Vec<String> {
        let state = self.lock().others.get(&id).and_then(|other| other.state.clone());
        state.map(|state| mute_state::read(state.as_bytes())).unwrap_or_default()
    }

    pub(crate) fn learn(&self, event: &SessionEvent) {
        let mut known = self.lock();
        match event {
            SessionEvent::ParticipantJoined(participant) => {
                known.others.insert(participant.id, participant.clone());
            }
            SessionEvent::ParticipantLeft(id) => drop(known.others.remove(id)),
            SessionEvent::ParticipantUpdated {
                participant,
                name,
                state,
                attributes,
                publish,
                connected,
            } => {
                let Some(known) = known.others.get_mut(participant) else { return };
                if let Some(name) = name {
                    known.name = name.as_str().into();
                }
                if let Some(state) = state {
                    known.state = Payload::from_json(state).ok();
                }
                if let Some(attributes) = attributes {
                    let attributes = Some(attributes).filter(|attributes| !attributes.is_empty());
                    known.attributes = attributes.cloned();
                }
                if let Some(publish) = publish {
                    known.publish = *publish;
                }
                if let Some(connected) = connected {
                    known.connected = *connected;
                }
            }
            SessionEvent::PermissionsChanged(permissions) => known.permissions = *permissions,
            SessionEvent::RoomUpdated(room) => known.room = Some(room.clone()),
            SessionEvent::Closed(_) => known.others.clear(),
            SessionEvent::ConnectionState { .. }
            | SessionEvent::HostMessage { .. }
            | SessionEvent::Message { .. }
            | SessionEvent::PasswordAttempts { .. }
            | SessionEvent::Reconnecting
            | SessionEvent::Rejoined { .. }
            | SessionEvent::RoomExpiring { .. }
            | SessionEvent::Resumed { .. }
            | SessionEvent::SignalingError { .. }
            | SessionEvent::SignalingLost { .. } => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
