//! The flags of webhooks.

use std::path::PathBuf;

use clap::Args;

use crate::WebhookEvent;

/// Where the events of rooms are sent.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WebhookArgs {
    /// URL to send the events of rooms to, signed as Standard Webhooks describes: https://, or
    /// http:// on this machine
    #[arg(long, env = "SIGNAL_WEBHOOK_URL", value_name = "URL")]
    pub(crate) webhook_url: Option<String>,

    /// File that contains the secret that events are signed with: whsec_ and 24 to 64 random bytes
    /// in base64; repeatable while one secret replaces another
    #[arg(
        long = "webhook-secret-file",
        env = "SIGNAL_WEBHOOK_SECRET_FILE",
        value_delimiter = ',',
        value_name = "FILE"
    )]
    pub(crate) webhook_secret_files: Vec<PathBuf>,

    /// Event to send; repeatable; by default all of them
    #[arg(
        long = "webhook-event",
        env = "SIGNAL_WEBHOOK_EVENT",
        value_delimiter = ',',
        value_enum,
        value_name = "EVENT"
    )]
    pub(crate) webhook_events: Vec<WebhookEvent>,

    /// PEM file with the certificate authorities to trust for --webhook-url instead of Mozilla's
    #[arg(long, env = "SIGNAL_WEBHOOK_CA", value_name = "FILE")]
    pub(crate) webhook_ca: Option<PathBuf>,
}
