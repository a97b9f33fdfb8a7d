//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, value_parser};

/// Fill rooms with real participants that send audio and video to each other, and measure.
///
/// Without flags the server runs in the same process, so that nothing has to be set up.
#[derive(Clone, Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Address (http or https) of the server to test; the default is a server in this process
    #[arg(long, env = "LOADTEST_URL", requires = "token")]
    pub(crate) url: Option<String>,

    /// Access token of a user who may create rooms on that server
    #[arg(long, env = "LOADTEST_TOKEN", hide_env_values = true, requires = "url")]
    pub(crate) token: Option<String>,

    /// Number of rooms
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u32).range(1..=1000))]
    pub(crate) rooms: u32,

    /// Participants in each room, each connected to every other one
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u32).range(2..=50))]
    pub(crate) peers: u32,

    /// Seconds that everybody stays after the last one has joined
    #[arg(long, default_value_t = 15, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..=86400))]
    pub(crate) duration: u64,

    /// Joins a second, in all rooms together
    #[arg(long, default_value_t = 10, value_name = "JOINS", value_parser = value_parser!(u32).range(1..=1000))]
    pub(crate) rate: u32,

    /// Send audio only; video costs the most
    #[arg(long)]
    pub(crate) no_video: bool,

    /// IP address for media; the default is 127.0.0.1 for a server on this machine, else 0.0.0.0
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Option<IpAddr>,

    /// Also write the results as JSON to this file; - prints JSON instead of the table
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  loadtest                                     four rooms of four, a server in this process
  loadtest --rooms 1 --peers 12 --duration 30  one large room
  loadtest --json - | jq .latency_ms.fan_out   one figure
  loadtest --url https://rooms.example.com --token \"$(signal-server token --sub load)\"

Exit status: 0 if everybody was connected to everybody and received its media until the end, and no
relayed message was lost; 1 if not; 2 for wrong arguments.

LOADTEST_LOG=info shows the log; LOADTEST_LOG=client_sdk=debug that of one part.";
