//! The requests of the commands.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::args::{
    AttributesArgs, ChangeArgs, ChangedSettings, CreateArgs, DataArgs, NameArgs, Permission,
    PermissionsArgs, RemoveArgs, RoomArgs, RoomTokenArgs, RoomsCommand, SendArgs,
};

/// A request to the server.
pub(super) struct Request {
    pub(super) method: Method,
    /// The path below `/admin/rooms`.
    pub(super) path: Vec<String>,
    pub(super) query: Option<String>,
    pub(super) body: Option<Value>,
}

impl Request {
    pub(super) fn of(command: &RoomsCommand) -> Self {
        match command {
            RoomsCommand::List => Self::list(None),
            RoomsCommand::Create(create) => Self::create(create),
            RoomsCommand::Show(room) => Self::about(Method::GET, room, []),
            RoomsCommand::Change(change) => Self::change(change),
            RoomsCommand::RotatePassword(room) => {
                Self::about(Method::PATCH, room, []).with(json!({"rotate_password": true}))
            }
            RoomsCommand::RestoreAttempts(room) => {
                Self::about(Method::PATCH, room, []).with(json!({"restore_attempts": true}))
            }
            RoomsCommand::Kick(kick) => Self::remove(kick),
            RoomsCommand::Ban(ban) => {
                Self { query: Some("ban=true".to_owned()), ..Self::remove(ban) }
            }
            RoomsCommand::Send(send) => Self::send(send),
            RoomsCommand::Token(token) => Self::token(token),
            RoomsCommand::SetAttributes(set) => Self::set_attributes(set),
            RoomsCommand::SetName(set) => Self::set_name(set),
            RoomsCommand::SetPermissions(set) => Self::set_permissions(set),
            RoomsCommand::SetData(DataArgs { room, data }) => {
                Self::about(Method::PUT, room, ["data".to_owned()]).with(texts(data).into())
            }
            RoomsCommand::Close(room) => Self::about(Method::DELETE, room, []),
        }
    }

    /// The request for a page of the list; `after` is the `next` of the page before.
    pub(super) fn list(after: Option<&str>) -> Self {
        let query = after.map(|after| format!("after={after}"));
        Self { query, ..Self::new(Method::GET, Vec::new()) }
    }

    fn create(create: &CreateArgs) -> Self {
        let CreateArgs {
            id,
            creator,
            name,
            max_participants,
            expires_minutes,
            keep,
            no_password,
            data,
        } = create;
        let data = texts(data);
        Self::new(Method::POST, Vec::new()).with(given(json!({
            "room_id": id.map(|id| id.to_string()),
            "creator": creator,
            "name": name,
            "max_participants": max_participants,
            "expires_minutes": expires_minutes,
            "on_creator_leave": if *keep { "keep" } else { "close" },
            "has_password": no_password.then_some(false),
            "data": (!data.is_empty()).then_some(data),
        })))
    }

    fn change(ChangeArgs { room, settings }: &ChangeArgs) -> Self {
        let ChangedSettings { name, lock, unlock, max_participants, expires_minutes } = settings;
        let locked = (*lock || *unlock).then_some(*lock);
        Self::about(Method::PATCH, room, []).with(given(json!({
            "name": name,
            "locked": locked,
            "max_participants": max_participants,
            "expires_minutes": expires_minutes,
        })))
    }

    fn remove(RemoveArgs { room, who }: &RemoveArgs) -> Self {
        let participant = who.participant.map(|id| ["participants".to_owned(), id.to_string()]);
        let user = || ["users".to_owned(), who.user.clone().unwrap_or_default()];
        Self::about(Method::DELETE, room, participant.unwrap_or_else(user))
    }

    fn send(SendArgs { room, to, topic, data }: &SendArgs) -> Self {
        let to = to.map_or_else(|| "room".to_owned(), |id| id.to_string());
        let body = json!({"to": to, "topic": topic, "data": data});
        Self::about(Method::POST, room, ["messages".to_owned()]).with(body)
    }

    fn token(token: &RoomTokenArgs) -> Self {
        let RoomTokenArgs {
            room,
            name,
            user,
            attributes,
            permissions,
            seat,
            expires_minutes,
            passes_lock,
            passes_rotation,
        } = token;
        let attributes = texts(attributes);
        Self::about(Method::POST, room, ["tokens".to_owned()]).with(given(json!({
            "display_name": name,
            "user": user,
            "attributes": (!attributes.is_empty()).then_some(attributes),
            "permissions": permissions.as_deref().map(among),
            "seat": seat,
            "expires_minutes": expires_minutes,
            "passes_lock": passes_lock,
            "passes_rotation": passes_rotation,
        })))
    }

    fn set_attributes(AttributesArgs { room, participant, attributes }: &AttributesArgs) -> Self {
        let path = ["participants".to_owned(), participant.to_string(), "attributes".to_owned()];
        Self::about(Method::PUT, room, path).with(texts(attributes).into())
    }

    fn set_name(NameArgs { room, participant, name }: &NameArgs) -> Self {
        let path = ["participants".to_owned(), participant.to_string(), "name".to_owned()];
        Self::about(Method::PUT, room, path).with(json!({"name": name}))
    }

    fn set_permissions(set: &PermissionsArgs) -> Self {
        let PermissionsArgs { room, participant, permissions } = set;
        let path = ["participants".to_owned(), participant.to_string(), "permissions".to_owned()];
        Self::about(Method::PUT, room, path).with(among(permissions))
    }

    fn about(
        method: Method,
        RoomArgs { room }: &RoomArgs,
        below: impl IntoIterator<Item = String>,
    ) -> Self {
        Self::new(method, std::iter::once(room.to_string()).chain(below).collect())
    }

    fn new(method: Method, path: Vec<String>) -> Self {
        Self { method, path, query: None, body: None }
    }

    fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

fn texts(pairs: &[(String, String)]) -> Map<String, Value> {
    pairs.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect()
}

/// All permissions, with whether they are among these.
fn among(permissions: &[Permission]) -> Value {
    let has = |permission| permissions.contains(&permission);
    json!({
        "message": has(Permission::Message),
        "update": has(Permission::Update),
        "publish": has(Permission::Publish),
        "moderate": has(Permission::Moderate),
    })
}

/// Removes the fields that are null.
fn given(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    object
}
