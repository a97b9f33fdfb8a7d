//! The settings of the page in the browser.

use clap::Args;
use clap::builder::BoolishValueParser;

/// The page, the way into it, and who may show it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PageArgs {
    /// Serve the page for calls in a browser; always on in development mode
    #[arg(long, env = "SIGNAL_PAGE", value_parser = BoolishValueParser::new())]
    pub(crate) page: bool,

    /// URL of your login. The page opens it when a user wants to create a room, and it sends the
    /// browser back to --public-url. Without it the page asks for an access token
    #[arg(long, env = "SIGNAL_LOGIN_URL", value_name = "URL")]
    pub(crate) login_url: Option<String>,

    /// Origin whose web pages may embed the page in a frame; repeatable
    #[arg(
        long = "frame-ancestor",
        env = "SIGNAL_FRAME_ANCESTOR",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    pub(crate) frame_ancestors: Vec<String>,

    /// URL of the page that people join rooms with; invite links start with it. Without it there
    /// are no invite links
    #[arg(long, env = "SIGNAL_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
}
