//! The permissions of a participant as JSON: in requests, responses, tokens and events.

use serde::{Deserialize, Serialize};
use signal_core::Permissions;

/// What a participant may do in a room.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = Permissions))]
pub(crate) struct PermissionsJson {
    /// Whether it may send `message`.
    message: bool,
    /// Whether it may send `update`, which changes its name and state.
    update: bool,
    /// Whether it may send media and data to others. The clients of the others honour this; the
    /// server does not see media.
    publish: bool,
    /// Whether it may send `moderate`: kick and ban others except the creator, lock and close the
    /// room.
    moderate: bool,
}

impl From<Permissions> for PermissionsJson {
    fn from(permissions: Permissions) -> Self {
        let Permissions { message, update, publish, moderate, .. } = permissions;
        Self { message, update, publish, moderate }
    }
}

impl From<PermissionsJson> for Permissions {
    fn from(json: PermissionsJson) -> Self {
        let mut permissions = Self::NONE;
        permissions.message = json.message;
        permissions.update = json.update;
        permissions.publish = json.publish;
        permissions.moderate = json.moderate;
        permissions
    }
}
