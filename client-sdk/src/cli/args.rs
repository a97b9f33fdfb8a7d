//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};

/// Take part in WebRTC rooms from the shell: create a room, join it, play and record, remove
/// participants, and find out why a call does not work.
#[derive(Debug, Parser)]
#[command(name = "room-bot", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print JSON instead of text, one object per line
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a room and print its id, password and link
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArgs),
    /// Join a room, and play, record and answer until Ctrl-C or the end of the room
    #[command(after_help = JOIN_EXAMPLES)]
    Join(Box<JoinArgs>),
    /// List the participants of a room that you have created
    #[command(after_help = PARTICIPANTS_EXAMPLES)]
    Participants(ParticipantsArgs),
    /// Remove a participant from a room that you have created
    #[command(after_help = KICK_EXAMPLES)]
    Kick(KickArgs),
    /// Check each step of the connection to the server and its relays, and report what fails
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
}

/// The server to use.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    #[arg(long, value_name = "URL", help = SERVER_HELP)]
    pub(crate) server: Option<String>,

    #[arg(long, value_name = "URL", help = PROXY_HELP)]
    pub(crate) proxy: Option<String>,

    /// PEM file with certificate authorities to trust in addition to Mozilla's; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
}

/// The access token of a user.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Access token of a user who may create rooms; prefer the environment variable or a file
    #[arg(long, env = "ROOM_BOT_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,

    /// File with the access token; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// The password of a room.
#[derive(Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Password of the room, if the link has no invite; prefer the environment variable or a file
    #[arg(long, env = "ROOM_BOT_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub(crate) password: Option<String>,

    /// File with the password; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    #[command(flatten)]
    pub(crate) token: TokenArgs,

    /// Name of the room [default: made from the creator's name]
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Capacity of the room, 1 to 50 [default: 10]
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u8).range(1..=50))]
    pub(crate) max_participants: Option<u8>,

    /// Minutes until the room ends, 1 to 1440 [default: 120]
    #[arg(long, value_name = "MINUTES", value_parser = value_parser!(u16).range(1..=1440))]
    pub(crate) expires_minutes: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    /// Link to the room, or its id; - reads standard input
    #[arg(env = "ROOM_BOT_LINK", hide_env_values = true)]
    pub(crate) link: String,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    #[command(flatten)]
    pub(crate) password: PasswordArgs,

    /// Name that the others see
    #[arg(long, default_value = "room-bot")]
    pub(crate) name: String,

    /// File to play in a loop: WebM, Matroska, IVF, Ogg or .h264; repeatable, for one file with
    /// audio and one with video
    #[arg(long, value_name = "FILE")]
    pub(crate) play: Vec<PathBuf>,

    /// Play the built-in clip, a test picture and a tone
    #[arg(long, conflicts_with = "play")]
    pub(crate) clip: bool,

    /// Frame rate of .h264 files, which do not contain it, in frames per second
    #[arg(long, value_name = "FRAMES", default_value_t = 30.0)]
    pub(crate) frame_rate: f64,

    /// Play once, starting when the first participant is connected, and then leave
    #[arg(long, requires = "play")]
    pub(crate) exit_after_play: bool,

    /// File to share as a screen instead of the video, with its audio if it has any
    #[arg(long, value_name = "FILE")]
    pub(crate) share: Option<PathBuf>,

    /// Directory for recordings: a WebM or Matroska file for each participant
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) record: Option<PathBuf>,

    /// File to send to each participant over a data channel; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) send: Vec<PathBuf>,

    /// Directory to receive the files of others into
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) receive: Option<PathBuf>,

    /// Maximum to receive in MiB, for all files together
    #[arg(long, value_name = "MIB", default_value_t = 1024, requires = "receive")]
    pub(crate) receive_limit: u64,

    /// Send received data back, with the prefix "echo: "
    #[arg(long)]
    pub(crate) echo: bool,

    /// Leave once everybody else has left; after an outage of the server, everybody has 30 s to
    /// come back
    #[arg(long)]
    pub(crate) exit_when_alone: bool,

    /// Connect through TURN servers only
    #[arg(long)]
    pub(crate) relay_only: bool,

    /// Local IP address for media [default: 127.0.0.1 for a server on this machine, otherwise all]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Option<IpAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct ParticipantsArgs {
    /// Id of the room, or a link to it
    #[arg(env = "ROOM_BOT_LINK", hide_env_values = true)]
    pub(crate) room: String,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    #[command(flatten)]
    pub(crate) token: TokenArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KickArgs {
    /// Id of the room, or a link to it
    pub(crate) room: String,

    /// Id or name of the participant
    pub(crate) participant: String,

    /// Also replace the password and the invite, so that the participant cannot join again
    #[arg(long)]
    pub(crate) ban: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    #[command(flatten)]
    pub(crate) token: TokenArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Link to a room, or its id, to use for the check; without it, a room is created with the
    /// access token and closed again
    #[arg(env = "ROOM_BOT_LINK", hide_env_values = true)]
    pub(crate) link: Option<String>,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    #[command(flatten)]
    pub(crate) password: PasswordArgs,

    #[command(flatten)]
    pub(crate) token: TokenArgs,

    /// STUN or TURN server to check, like turn:turn.example.com:3478?transport=tcp; repeatable.
    /// Without a link and --server, nothing else is checked
    #[arg(long, value_name = "URL")]
    pub(crate) ice: Vec<String>,

    /// Username for the TURN servers of --ice
    #[arg(long, value_name = "NAME", requires = "ice")]
    pub(crate) ice_username: Option<String>,

    /// Credential for the TURN servers of --ice; prefer the environment variable
    #[arg(
        long,
        env = "ROOM_BOT_ICE_CREDENTIAL",
        hide_env_values = true,
        value_name = "CREDENTIAL"
    )]
    pub(crate) ice_credential: Option<String>,

    /// Local IP address for media [default: 127.0.0.1 for a server on this machine, otherwise all]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Option<IpAddr>,
}

// Help as constants, since rustdoc rejects such addresses in comments.
const SERVER_HELP: &str =
    "Address of the server [default: that of the link, or http://127.0.0.1:8080]";
const PROXY_HELP: &str =
    "HTTP proxy for the server and its relays, like http://proxy.example.com:3128";

const EXAMPLES: &str = "Examples:
  room-bot create                               a room on http://127.0.0.1:8080
  room-bot join LINK --clip                     send a test picture and a tone
  room-bot join LINK --record calls             record everybody until Ctrl-C
  room-bot doctor --server https://rooms.example.com

Secrets come from the environment (ROOM_BOT_TOKEN, ROOM_BOT_PASSWORD, ROOM_BOT_LINK) or from files,
and are never logged. ROOM_BOT_LOG=info logs more. The log goes to standard error.

Exit status: 0 on success; 1 on failure; 2 for wrong arguments; 3 if this participant was removed
from the room; 130 if a second Ctrl-C ended the program at once.";

const CREATE_EXAMPLES: &str = "Examples:
  ROOM_BOT_TOKEN=eyJ… room-bot create
  signal-server token --sub alice | room-bot create --token-file - --name Standup --expires-minutes 30
  room-bot create --json | jq -r .link

A server in development mode prints an access token when it starts.";

const JOIN_EXAMPLES: &str = "Examples:
  room-bot join 'https://rooms.example.com/ABC234#invite-token' --play film.webm
  ROOM_BOT_PASSWORD=123456 room-bot join ABC234 --clip --echo
  room-bot join LINK --play film.ivf --play film.ogg --exit-after-play
  room-bot join LINK --record calls --exit-when-alone
  room-bot join LINK --share slides.ivf --json | jq -c .
  room-bot join LINK --send report.pdf --receive inbox

A link is an invite (…/ABC234#token), the address of a room (…/ABC234), or one of the API:
…/api/webrtc/rooms/ABC234 or ws://…/ws/webrtc/rooms/ABC234?token=….

Ctrl-C leaves the room and completes the recordings; a second one ends the program at once.

Exit status: 0 if it left or the room has ended; 1 if it could not enter or lost the server; 2 for
wrong arguments; 3 if it was removed from the room.";

const PARTICIPANTS_EXAMPLES: &str = "Examples:
  ROOM_BOT_TOKEN=eyJ… room-bot participants ABC234
  room-bot participants ABC234 --token-file token --json | jq -r .id";

const KICK_EXAMPLES: &str = "Examples:
  ROOM_BOT_TOKEN=eyJ… room-bot kick ABC234 p_0abc1234
  room-bot kick ABC234 'the name' --ban --token-file token";

const DOCTOR_EXAMPLES: &str = "Examples:
  room-bot doctor --server https://rooms.example.com
  ROOM_BOT_TOKEN=eyJ… room-bot doctor --server https://rooms.example.com
  room-bot doctor LINK --json | jq -c 'select(.result == \"failed\")'
  ROOM_BOT_ICE_CREDENTIAL=… room-bot doctor --ice turn:turn.example.com --ice-username NAME

The program resolves the name of the server, connects, does the TLS handshake, sends an HTTP
request, enters a room over a WebSocket, and checks each STUN and TURN server of the room over each
transport. Without a token and a link it checks only the STUN and TURN servers of --ice.

Exit status: 0 if every check passed; 1 if one failed; 2 for wrong arguments.";
