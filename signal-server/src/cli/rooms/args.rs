//! The arguments of `rooms`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Url;
use signal_core::typed::parse_room_id;
use signal_core::{ParticipantId, RoomId};

/// The arguments of `rooms`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RoomsArgs {
    /// URL of the server's address for operators (its --admin-listen)
    #[arg(
        long,
        env = "SIGNAL_ADMIN_URL",
        default_value = "http://127.0.0.1:8081",
        value_name = "URL",
        value_parser = admin_url,
        global = true,
        help_heading = "Global options"
    )]
    pub(super) admin_url: Url,

    /// File that contains the server's admin key
    #[arg(
        long,
        env = "SIGNAL_ADMIN_KEY_FILE",
        value_name = "FILE",
        global = true,
        help_heading = "Global options"
    )]
    pub(super) admin_key_file: Option<PathBuf>,

    /// Print the data of the response as JSON
    #[arg(long, global = true, help_heading = "Global options")]
    pub(super) json: bool,

    /// What to do.
    #[command(subcommand)]
    pub(super) command: RoomsCommand,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum RoomsCommand {
    /// List all open rooms, newest first
    List,
    /// Create a room, and print its password and its invite
    Create(CreateArgs),
    /// Show a room and its participants
    Show(RoomArgs),
    /// Change the name, lock, capacity or expiry of a room
    Change(ChangeArgs),
    /// Give a room a new random password and a new invite
    RotatePassword(RoomArgs),
    /// Restore the password attempts of a room; possible ten times for each room
    RestoreAttempts(RoomArgs),
    /// Remove a participant or a user; both can return with another token
    Kick(RemoveArgs),
    /// Remove a participant and change the password, or remove a user and void its tokens
    Ban(RemoveArgs),
    /// Send a message to a room or to one participant
    Send(SendArgs),
    /// Create a token that opens a room without its password, and print it
    Token(RoomTokenArgs),
    /// Replace the attributes of a participant, which others see beside its name
    SetAttributes(AttributesArgs),
    /// Replace the name of a participant
    SetName(NameArgs),
    /// Replace the permissions of a participant; they apply from its next message on
    SetPermissions(PermissionsArgs),
    /// Replace the data that you keep with a room; participants never see it
    SetData(DataArgs),
    /// Close a room and disconnect everybody
    Close(RoomArgs),
}

/// A room.
#[derive(Args, Clone, Debug)]
pub(super) struct RoomArgs {
    /// Id of the room
    #[arg(value_name = "ROOM", value_parser = room_id)]
    pub(super) room: RoomId,
}

/// The settings of a new room.
#[derive(Args, Clone, Debug)]
pub(super) struct CreateArgs {
    /// Id of the room, instead of a random one; it can be used again once the room is over
    #[arg(long, value_name = "ROOM", value_parser = RoomId::chosen)]
    pub(super) id: Option<RoomId>,

    /// Creator of the room: the subject (sub) of a user's access tokens. Without a creator, no seat
    /// is kept for one
    #[arg(long, value_name = "SUBJECT")]
    pub(super) creator: Option<String>,

    /// Name of the room
    #[arg(long)]
    pub(super) name: String,

    /// How many participants the room can hold, 1 to the server's --max-room-size; by default 10
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_participants: Option<u32>,

    /// How many minutes the room lasts, 1 to 1440; by default 120
    #[arg(long, value_name = "MINUTES")]
    pub(super) expires_minutes: Option<u32>,

    /// Keep the room open when its creator leaves
    #[arg(long)]
    pub(super) keep: bool,

    /// Give the room no password, so that only its invite and tokens open it
    #[arg(long)]
    pub(super) no_password: bool,

    /// Text of your own that you keep with the room, which participants never see; repeatable
    #[arg(long, value_name = "NAME=TEXT", value_parser = attribute)]
    pub(super) data: Vec<(String, String)>,
}

/// Changes of a room.
#[derive(Args, Clone, Debug)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    pub(super) room: RoomArgs,

    #[command(flatten)]
    pub(super) settings: ChangedSettings,
}

/// The settings to change, at least one.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = true)]
pub(super) struct ChangedSettings {
    /// New name
    #[arg(long)]
    pub(super) name: Option<String>,

    /// Refuse newcomers
    #[arg(long, conflicts_with = "unlock")]
    pub(super) lock: bool,

    /// Admit newcomers again
    #[arg(long)]
    pub(super) unlock: bool,

    /// How many participants the room can hold, 1 to the server's --max-room-size; a smaller number
    /// removes nobody
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_participants: Option<u32>,

    /// How many minutes the room lasts, counted from its creation, 1 to 1440
    #[arg(long, value_name = "MINUTES")]
    pub(super) expires_minutes: Option<u32>,
}

/// The participant or user to remove.
#[derive(Args, Clone, Debug)]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    pub(super) room: RoomArgs,

    #[command(flatten)]
    pub(super) who: Removed,
}

/// A participant or a user.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Removed {
    /// Id of the participant
    #[arg(value_name = "PARTICIPANT")]
    pub(super) participant: Option<ParticipantId>,

    /// Id of a user: the one that the user's tokens were created with
    #[arg(long)]
    pub(super) user: Option<String>,
}

/// A message.
#[derive(Args, Clone, Debug)]
pub(super) struct SendArgs {
    #[command(flatten)]
    pub(super) room: RoomArgs,

    /// Id of the participant to send to; by default everybody in the room
    #[arg(long, value_name = "PARTICIPANT")]
    pub(super) to: Option<ParticipantId>,

    /// Topic of the message, for the page to recognize it
    pub(super) topic: String,

    /// The message, as JSON
    #[arg(value_name = "JSON", value_parser = json)]
    pub(super) data: serde_json::Value,
}

/// Whom a token is for, and what it permits.
#[derive(Args, Clone, Debug)]
pub(super) struct RoomTokenArgs {
    #[command(flatten)]
    pub(super) room: RoomArgs,

    /// Name that others see
    #[arg(long)]
    pub(super) name: Option<String>,

    /// Your id of the user, which other participants do not see
    #[arg(long)]
    pub(super) user: Option<String>,

    /// Attribute: a text that others see beside the name; repeatable
    #[arg(long = "attribute", value_name = "NAME=TEXT", value_parser = attribute)]
    pub(super) attributes: Vec<(String, String)>,

    /// What the holder may do, separated by commas; by default message,update,publish
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',', num_args = 0..)]
    pub(super) permissions: Option<Vec<Permission>>,

    /// Seat name, which you choose. A newer socket with a token of the same seat name replaces an
    /// older one. By default the token has a seat of its own
    #[arg(long)]
    pub(super) seat: Option<String>,

    /// How many minutes the token can open a socket, 1 to 10; by default 10
    #[arg(long, value_name = "MINUTES")]
    pub(super) expires_minutes: Option<u32>,

    /// Admit to a locked room too
    #[arg(long)]
    pub(super) passes_lock: bool,

    /// Stay valid if the password changes before the token is used
    #[arg(long)]
    pub(super) passes_rotation: bool,
}

/// The new attributes of a participant.
#[derive(Args, Clone, Debug)]
pub(super) struct AttributesArgs {
    #[command(flatten)]
    pub(super) room: RoomArgs,

    /// Id of the participant
    #[arg(value_name = "PARTICIPANT")]
    pub(super) participant: ParticipantId,

    /// New attributes; give none to remove all
    #[arg(value_name = "NAME=TEXT", value_parser = attribute)]
    pub(super) attributes: Vec<(String, String)>,
}

/// The new name of a participant.
#[derive(Args, Clone, Debug)]
pub(super) struct NameArgs {
    #[command(flatten)]
    pub(super) room: RoomArgs,

    /// Id of the participant
    #[arg(value_name = "PARTICIPANT")]
    pub(super) participant: ParticipantId,

    /// Name that others see
    pub(super) name: String,
}

/// The new permissions of a participant.
#[derive(Args, Clone, Debug)]
pub(super) struct PermissionsArgs {
    #[command(flatten)]
    pub(super) room: RoomArgs,

    /// Id of the participant
    #[arg(value_name = "PARTICIPANT")]
    pub(super) participant: ParticipantId,

    /// What the participant may do; everything that is not listed is forbidden
    #[arg(value_name = "PERMISSION")]
    pub(super) permissions: Vec<Permission>,
}

/// Something that a participant may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Permission {
    /// Send messages
    Message,
    /// Change its name and state
    Update,
    /// Send media and data to others; their clients enforce this
    Publish,
    /// Kick and ban others except the creator, lock and close the room
    Moderate,
}

/// The new data of a room.
#[derive(Args, Clone, Debug)]
pub(super) struct DataArgs {
    #[command(flatten)]
    pub(super) room: RoomArgs,

    /// New data; give none to remove all
    #[arg(value_name = "NAME=TEXT", value_parser = attribute)]
    pub(super) data: Vec<(String, String)>,
}

fn admin_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or("expected a URL like http://127.0.0.1:8081")
}

fn room_id(text: &str) -> Result<RoomId, &'static str> {
    parse_room_id(text)
        .ok_or("expected a room id: the 6 characters of a random one, or a chosen one")
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("expected JSON, like '\"a text\"' or '{{\"n\":1}}': {error}"))
}

fn attribute(text: &str) -> Result<(String, String), &'static str> {
    let (name, text) = text.split_once('=').ok_or("expected a name, =, and a text")?;
    Ok((name.to_owned(), text.to_owned()))
}

const EXAMPLES: &str = "Examples:
  export SIGNAL_ADMIN_KEY_FILE=/run/secrets/admin
  signal-server rooms list
  signal-server rooms create --creator alice --name 'Stand-up' --keep
  signal-server rooms show ABC234 --json
  signal-server rooms change ABC234 --lock --expires-minutes 240
  signal-server rooms kick ABC234 p_zzzy0001
  signal-server rooms ban ABC234 --user user-17
  signal-server rooms send ABC234 notice '{\"text\":\"five minutes left\"}'
  signal-server rooms token ABC234 --name 小红 --user user-17 --attribute role=host
  signal-server rooms set-attributes ABC234 p_zzzy0001 role=speaker
  signal-server rooms set-name ABC234 p_zzzy0001 小红
  signal-server rooms set-permissions ABC234 p_zzzy0001 message update
  signal-server rooms set-data ABC234 meeting=17
  signal-server rooms close ABC234 --admin-url https://signal.internal.example.com

Exit status: 0 if it is done; 1 if the server cannot be reached, refuses, or cannot deliver a
message to somebody; 2 if an argument or a setting is invalid.";
