//! The command line. Every flag is also an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use super::limits::LimitArgs;
use crate::auth::secret::Secret;
use crate::client_address::{ForwardedHeader, network};

/// Signaling for WebRTC rooms: people create a room, share its number and password, and talk to each other directly.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, arg_required_else_help = false, subcommand_required = false)]
pub(crate) struct Cli {
    /// File with settings (TOML): the long names of flags, like listen = "0.0.0.0:8080"; a variable goes before it, and a
    /// flag before both
    #[arg(long, env = "SIGNAL_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// What to log to standard error: a level, or levels by module like info,signal_server=debug
    #[arg(
        long,
        env = "SIGNAL_LOG",
        default_value = "info",
        global = true,
        value_name = "FILTER",
        value_parser = log_filter
    )]
    pub(crate) log: String,

    /// How to log: lines for people, or a JSON object on each
    #[arg(
        long,
        env = "SIGNAL_LOG_FORMAT",
        value_enum,
        default_value_t,
        global = true,
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// What `print-config` prints.
    #[arg(skip)]
    pub(crate) effective: String,

    /// The settings that were given, without secrets, in one line.
    #[arg(skip)]
    pub(crate) given: String,
}

/// How to log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Human,
    /// A JSON object on each line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve rooms (the default)
    Serve(Box<ServeArgs>),
    /// Say whether the settings can be used, and what is unsafe about them
    CheckConfig(Box<ServeArgs>),
    /// Print all settings as a file of settings, without secrets, each with where it comes from
    PrintConfig(Box<ServeArgs>),
    /// Make an access token, as the login of a deployment would
    Token(TokenArgs),
}

/// The settings of `serve`, as they were given.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServeArgs {
    /// Address to listen at
    #[arg(long, env = "SIGNAL_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,

    /// Address for operators alone, with /metrics and the probes; by default 127.0.0.1:8081, unless that is in use
    #[arg(long, env = "SIGNAL_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub(crate) admin_listen: Option<SocketAddr>,

    /// Refuse to start with missing or weak secrets, as at any address that is not loopback
    #[arg(long, env = "SIGNAL_PRODUCTION", value_parser = BoolishValueParser::new())]
    pub(crate) production: bool,

    /// Directory to keep rooms in, so that they outlive the program; made if it is not there, for one server at a time
    #[arg(long, env = "SIGNAL_DATA_DIR", default_value = DATA_DIR, value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Keep rooms in memory only: they end with the program, and no data directory is used
    #[arg(long, env = "SIGNAL_EPHEMERAL", value_parser = BoolishValueParser::new())]
    pub(crate) ephemeral: bool,

    #[command(flatten)]
    pub(crate) identity: IdentityArgs,

    /// Secret that this server's own keys are derived from, for ws tokens and passwords; by default one is made and kept
    /// in the data directory
    #[arg(long, env = "SIGNAL_SERVER_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub(crate) server_secret: Option<Secret>,

    /// File with that secret
    #[arg(
        long,
        env = "SIGNAL_SERVER_SECRET_FILE",
        value_name = "FILE",
        conflicts_with = "server_secret"
    )]
    pub(crate) server_secret_file: Option<PathBuf>,

    /// Secret shared with the TURN servers (coturn's static-auth-secret)
    #[arg(long, env = "SIGNAL_TURN_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub(crate) turn_secret: Option<Secret>,

    /// File with that secret
    #[arg(
        long,
        env = "SIGNAL_TURN_SECRET_FILE",
        value_name = "FILE",
        conflicts_with = "turn_secret"
    )]
    pub(crate) turn_secret_file: Option<PathBuf>,

    /// TURN server to hand out, like turn:turn.example.com:3478?transport=udp; may be repeated
    #[arg(long = "turn-url", env = "SIGNAL_TURN_URL", value_delimiter = ',', value_name = "URL")]
    pub(crate) turn_urls: Vec<String>,

    /// STUN server to hand out, like stun:stun.example.com:3478; may be repeated
    #[arg(long = "stun-url", env = "SIGNAL_STUN_URL", value_delimiter = ',', value_name = "URL")]
    pub(crate) stun_urls: Vec<String>,

    /// URL of the page that people join with: links that open rooms begin with it, and without it there are none
    #[arg(long, env = "SIGNAL_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,

    /// Origin whose pages may use the server: scheme, host and port as a browser shows them; may be repeated
    #[arg(
        long = "cors-origin",
        env = "SIGNAL_CORS_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    pub(crate) cors_origins: Vec<String>,

    /// Proxy that clients come through, as an address or a network like 10.0.0.0/8: what it says of where they come from
    /// is believed; may be repeated
    #[arg(
        long = "trusted-proxy",
        env = "SIGNAL_TRUSTED_PROXY",
        value_delimiter = ',',
        value_name = "NETWORK",
        value_parser = trusted_network
    )]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Where the trusted proxies say it; they have to overwrite or extend what a client sends there
    #[arg(
        long,
        env = "SIGNAL_FORWARDED_HEADER",
        value_enum,
        default_value_t,
        value_name = "HEADER"
    )]
    pub(crate) forwarded_header: ForwardedHeader,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Whose access tokens are believed, as it was given: one of a secret, public keys and an identity provider.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct IdentityArgs {
    #[command(flatten)]
    pub(crate) access: AccessSecretArgs,

    /// Secret that access tokens may still be signed with, while another replaces it
    #[arg(
        long,
        env = "SIGNAL_PREVIOUS_ACCESS_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub(crate) previous_access_secret: Option<Secret>,

    /// File with that secret
    #[arg(
        long,
        env = "SIGNAL_PREVIOUS_ACCESS_SECRET_FILE",
        value_name = "FILE",
        conflicts_with = "previous_access_secret"
    )]
    pub(crate) previous_access_secret_file: Option<PathBuf>,

    /// File with the public key of access tokens, in PEM: RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA); may be repeated
    /// while one key replaces another
    #[arg(
        long = "access-key-file",
        env = "SIGNAL_ACCESS_KEY_FILE",
        value_delimiter = ',',
        value_name = "FILE"
    )]
    pub(crate) access_key_files: Vec<PathBuf>,

    /// Where an identity provider publishes the keys of access tokens: its jwks_uri
    #[arg(long, env = "SIGNAL_JWKS_URL", value_name = "URL")]
    pub(crate) jwks_url: Option<String>,

    /// File with the certificate authorities to trust there, in PEM, in place of those that Mozilla does
    #[arg(long, env = "SIGNAL_JWKS_CA", value_name = "FILE")]
    pub(crate) jwks_ca: Option<PathBuf>,

    /// What access tokens have to name as their issuer (iss)
    #[arg(long, env = "SIGNAL_ACCESS_ISSUER", value_name = "ISSUER")]
    pub(crate) access_issuer: Option<String>,

    /// What access tokens have to name as their audience (aud); by default it is not looked at
    #[arg(long, env = "SIGNAL_ACCESS_AUDIENCE", value_name = "AUDIENCE")]
    pub(crate) access_audience: Option<String>,
}

/// The secret of access tokens, as it was given.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AccessSecretArgs {
    /// Secret that access tokens are signed with (HS256)
    #[arg(long, env = "SIGNAL_ACCESS_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub(crate) access_secret: Option<Secret>,

    /// File with that secret
    #[arg(
        long,
        env = "SIGNAL_ACCESS_SECRET_FILE",
        value_name = "FILE",
        conflicts_with = "access_secret"
    )]
    pub(crate) access_secret_file: Option<PathBuf>,
}

/// What to put into a token.
#[derive(Args, Clone, Debug)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) access: AccessSecretArgs,

    /// Who the token is for, in the deployment's own terms
    #[arg(long, value_name = "SUBJECT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) sub: String,

    /// Name to show in rooms
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// For how many hours it is valid
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    pub(crate) hours: u32,
}

fn log_filter(text: &str) -> Result<String, ParseError> {
    EnvFilter::try_new(text).map(|_| text.to_owned())
}

fn trusted_network(text: &str) -> Result<IpNet, &'static str> {
    network(text).ok_or("expected an address or a network like 10.0.0.0/8 or 2001:db8::/32")
}

/// Where rooms are kept unless something else is said.
pub(crate) const DATA_DIR: &str = "./signal-data";

const EXAMPLES: &str = "Examples:
  signal-server                                      try it on 127.0.0.1:8080, no configuration
  signal-server serve --listen 0.0.0.0:8080 --access-secret-file /run/secrets/access \\
      --data-dir /var/lib/signal --cors-origin https://example.com \\
      --turn-url turn:turn.example.com:3478 --turn-secret-file /run/secrets/turn
  signal-server serve --listen 0.0.0.0:8080 --jwks-url https://login.example.com/.well-known/jwks.json \\
      --access-issuer https://login.example.com/ --access-audience rooms
  signal-server serve --public-url https://example.com/join --cors-origin https://example.com
  signal-server serve --ephemeral                    rooms in memory only, nothing is written
  signal-server check-config --config /etc/signal-server.toml
  SIGNAL_ACCESS_SECRET=… signal-server token --sub alice --name 小明

At a first Ctrl-C or SIGTERM it takes nobody in any more, sends participants away to come back to the next process, and
ends after 21 s at most; at a second one at once.

Exit status: 0 after a signal, 1 after a second one, when serving failed, or when the data directory cannot be used,
2 when a setting is wrong.";
