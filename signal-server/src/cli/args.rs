//! The flags and commands. Every flag is also an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use signal_core::Language;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use super::certificate::CertificateArgs;
use super::limits::LimitArgs;
use super::page::PageArgs;
use super::rooms::args::RoomsArgs;
use super::webhook_args::WebhookArgs;
use crate::auth::secret::Secret;
use crate::client_address::{ForwardedHeader, network};

/// Signaling for WebRTC rooms: people create a room, share its id and password, and talk to each
/// other directly.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = EXAMPLES,
    arg_required_else_help = false,
    subcommand_required = false
)]
pub(crate) struct Cli {
    /// TOML configuration file; keys are the long flag names, like listen = "0.0.0.0:8080".
    /// Precedence: flag, environment variable, file
    #[arg(
        long,
        env = "SIGNAL_CONFIG",
        global = true,
        help_heading = "Global options",
        value_name = "FILE"
    )]
    config: Option<PathBuf>,

    /// Log filter: a level, or levels by module like info,signal_server=debug; the log goes to
    /// standard error
    #[arg(
        long,
        env = "SIGNAL_LOG",
        default_value = "info",
        global = true,
        help_heading = "Global options",
        value_name = "FILTER",
        value_parser = log_filter
    )]
    pub(crate) log: String,

    /// Log format: human-readable lines, or one JSON object per line
    #[arg(
        long,
        env = "SIGNAL_LOG_FORMAT",
        value_enum,
        default_value_t,
        global = true,
        help_heading = "Global options",
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,

    /// The command to run.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The output of `print-config`.
    #[arg(skip)]
    pub(crate) effective: String,

    /// The settings that were given, without secrets, on one line.
    #[arg(skip)]
    pub(crate) given: String,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Human-readable lines.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// The command to run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve rooms (the default)
    Serve(Box<ServeArgs>),
    /// Check the settings, and report errors and unsafe values
    CheckConfig(Box<ServeArgs>),
    /// Print the effective settings as a configuration file, without secrets, each with its source
    PrintConfig(Box<ServeArgs>),
    /// Create an access token that is signed with the access secret
    Token(TokenArgs),
    /// Manage the rooms of a server that runs with --admin-key-file
    Rooms(Box<RoomsArgs>),
}

/// The arguments of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServeArgs {
    /// Address to listen on
    #[arg(
        long,
        env = "SIGNAL_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS",
        value_parser = listen_address
    )]
    pub(crate) listen: Option<SocketAddr>,

    /// Address for operators only: /metrics, the probes and, with --admin-key-file, the management
    /// of rooms; by default 127.0.0.1:8081 if it is free
    #[arg(long, env = "SIGNAL_ADMIN_LISTEN", value_name = "ADDRESS", value_parser = listen_address)]
    pub(crate) admin_listen: Option<SocketAddr>,

    /// File that contains the key with which operators manage rooms at --admin-listen: at least 32
    /// characters. Without a key nobody can manage rooms there
    #[arg(long, env = "SIGNAL_ADMIN_KEY_FILE", value_name = "FILE")]
    pub(crate) admin_key_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) certificate: CertificateArgs,

    /// Refuse to start if a secret is missing or weak; implied by any --listen address that is not
    /// loopback
    #[arg(long, env = "SIGNAL_PRODUCTION", value_parser = BoolishValueParser::new())]
    pub(crate) production: bool,

    #[command(flatten)]
    pub(crate) page: PageArgs,

    /// Directory to store rooms in, so that they survive a restart; created if missing; only one
    /// server at a time can use it
    #[arg(long, env = "SIGNAL_DATA_DIR", default_value = DATA_DIR, value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Keep rooms in memory only: they end with the process, and --data-dir is ignored
    #[arg(long, env = "SIGNAL_EPHEMERAL", value_parser = BoolishValueParser::new())]
    pub(crate) ephemeral: bool,

    #[command(flatten)]
    pub(crate) login: LoginArgs,

    /// Secret from which the server derives its keys for ws tokens and stored passwords; by default
    /// a random one, kept in the data directory
    #[arg(long, env = "SIGNAL_SERVER_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub(crate) server_secret: Option<Secret>,

    /// File that contains the server secret
    #[arg(
        long,
        env = "SIGNAL_SERVER_SECRET_FILE",
        value_name = "FILE",
        conflicts_with = "server_secret"
    )]
    pub(crate) server_secret_file: Option<PathBuf>,

    /// Secret shared with the TURN servers (static-auth-secret of coturn)
    #[arg(long, env = "SIGNAL_TURN_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub(crate) turn_secret: Option<Secret>,

    /// File that contains the TURN secret
    #[arg(
        long,
        env = "SIGNAL_TURN_SECRET_FILE",
        value_name = "FILE",
        conflicts_with = "turn_secret"
    )]
    pub(crate) turn_secret_file: Option<PathBuf>,

    /// TURN server that participants use, like turn:turn.example.com:3478?transport=udp; repeatable
    #[arg(long = "turn-url", env = "SIGNAL_TURN_URL", value_delimiter = ',', value_name = "URL")]
    pub(crate) turn_urls: Vec<String>,

    /// STUN server that participants use, like stun:stun.example.com:3478; repeatable
    #[arg(long = "stun-url", env = "SIGNAL_STUN_URL", value_delimiter = ',', value_name = "URL")]
    pub(crate) stun_urls: Vec<String>,

    /// Origin whose web pages may use the server, in the form that browsers send (scheme, host and
    /// port); repeatable
    #[arg(
        long = "cors-origin",
        env = "SIGNAL_CORS_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    pub(crate) cors_origins: Vec<String>,

    /// Address or network (like 10.0.0.0/8) of a reverse proxy, whose header with the client
    /// address is trusted; repeatable
    #[arg(
        long = "trusted-proxy",
        env = "SIGNAL_TRUSTED_PROXY",
        value_delimiter = ',',
        value_name = "NETWORK",
        value_parser = trusted_network
    )]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Header in which trusted proxies report the client address; they must overwrite or extend
    /// what clients send
    #[arg(
        long,
        env = "SIGNAL_FORWARDED_HEADER",
        value_enum,
        default_value_t,
        value_name = "HEADER"
    )]
    pub(crate) forwarded_header: ForwardedHeader,

    /// Language of texts for clients that ask for neither Chinese nor English
    #[arg(long, env = "SIGNAL_LANGUAGE", value_enum, default_value_t, value_name = "LANGUAGE")]
    pub(crate) language: TextLanguage,

    #[command(flatten)]
    pub(crate) webhooks: WebhookArgs,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// A language of texts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum TextLanguage {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl From<TextLanguage> for Language {
    fn from(language: TextLanguage) -> Self {
        match language {
            TextLanguage::En => Self::En,
            TextLanguage::Zh => Self::Zh,
        }
    }
}

/// How access tokens are verified: by a secret, by public keys, or by the keys of an identity
/// provider.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    pub(crate) access: AccessSecretArgs,

    /// Previous access secret; tokens signed with it stay valid while the secret is being replaced
    #[arg(
        long,
        env = "SIGNAL_PREVIOUS_ACCESS_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub(crate) previous_access_secret: Option<Secret>,

    /// File that contains the previous access secret
    #[arg(
        long,
        env = "SIGNAL_PREVIOUS_ACCESS_SECRET_FILE",
        value_name = "FILE",
        conflicts_with = "previous_access_secret"
    )]
    pub(crate) previous_access_secret_file: Option<PathBuf>,

    /// PEM file with the public key that verifies access tokens: RSA (RS256), P-256 (ES256) or
    /// Ed25519 (EdDSA); repeatable while one key replaces another
    #[arg(
        long = "access-key-file",
        env = "SIGNAL_ACCESS_KEY_FILE",
        value_delimiter = ',',
        value_name = "FILE"
    )]
    pub(crate) access_key_files: Vec<PathBuf>,

    /// URL of the JSON Web Key Set of an identity provider (its jwks_uri)
    #[arg(long, env = "SIGNAL_JWKS_URL", value_name = "URL")]
    pub(crate) jwks_url: Option<String>,

    /// PEM file with the certificate authorities to trust for --jwks-url, instead of Mozilla's
    #[arg(long, env = "SIGNAL_JWKS_CA", value_name = "FILE")]
    pub(crate) jwks_ca: Option<PathBuf>,

    /// Required issuer (iss) of access tokens
    #[arg(long, env = "SIGNAL_ACCESS_ISSUER", value_name = "ISSUER")]
    pub(crate) access_issuer: Option<String>,

    /// Required audience (aud) of access tokens; by default any audience is accepted
    #[arg(long, env = "SIGNAL_ACCESS_AUDIENCE", value_name = "AUDIENCE")]
    pub(crate) access_audience: Option<String>,
}

/// The access secret, or the file that contains it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AccessSecretArgs {
    /// Secret that access tokens are signed with (HS256)
    #[arg(long, env = "SIGNAL_ACCESS_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub(crate) access_secret: Option<Secret>,

    /// File that contains the access secret
    #[arg(
        long,
        env = "SIGNAL_ACCESS_SECRET_FILE",
        value_name = "FILE",
        conflicts_with = "access_secret"
    )]
    pub(crate) access_secret_file: Option<PathBuf>,
}

/// The contents of a token.
#[derive(Args, Clone, Debug)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) access: AccessSecretArgs,

    /// User that the token is for (sub)
    #[arg(long, value_name = "SUBJECT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) sub: String,

    /// Display name in rooms
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Hours until the token expires
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    pub(crate) hours: u32,
}

fn log_filter(text: &str) -> Result<String, ParseError> {
    EnvFilter::try_new(text).map(|_| text.to_owned())
}

/// Parses an address to listen on. `localhost` is the IPv4 loopback address.
fn listen_address(text: &str) -> Result<SocketAddr, &'static str> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port))),
        None => text.parse().ok(),
    };
    address.ok_or(
        "expected an IP address and a port, like 127.0.0.1:8080 for this machine only, or \
         0.0.0.0:8080 or [::]:8080 for everybody",
    )
}

fn trusted_network(text: &str) -> Result<IpNet, &'static str> {
    network(text).ok_or("expected an address or a network like 10.0.0.0/8 or 2001:db8::/32")
}

/// The default data directory.
pub(crate) const DATA_DIR: &str = "./signal-data";

const EXAMPLES: &str = "Examples:
  signal-server                                      development mode; open 127.0.0.1:8080
  signal-server serve --listen 0.0.0.0:8080 --access-secret-file /run/secrets/access \\
      --data-dir /var/lib/signal --cors-origin https://example.com \\
      --turn-url turn:turn.example.com:3478 --turn-secret-file /run/secrets/turn
  signal-server serve --listen 0.0.0.0:8080 \\
      --jwks-url https://login.example.com/.well-known/jwks.json \\
      --access-issuer https://login.example.com/ --access-audience rooms
  signal-server serve --public-url https://example.com/join --cors-origin https://example.com
  signal-server serve --listen 0.0.0.0:443 --page --public-url https://rooms.example.com/join \\
      --tls-cert /etc/rooms/fullchain.pem --tls-key /etc/rooms/privkey.pem \\
      --access-secret-file /run/secrets/access
  signal-server serve --ephemeral                    rooms in memory only
  signal-server check-config --config /etc/signal-server.toml
  SIGNAL_ACCESS_SECRET=… signal-server token --sub alice --name 小明
  signal-server rooms list --admin-key-file /run/secrets/admin

On Ctrl-C or SIGTERM the server stops accepting participants, asks those connected to reconnect to
the next process, and exits within 21 s. A second signal makes it exit at once. With --tls-cert,
SIGHUP makes it read the certificate again, and no connection is lost.

Exit status: 0 after a signal; 1 after a second signal, if serving fails, or if the data directory
cannot be used; 2 if a setting is invalid.";
