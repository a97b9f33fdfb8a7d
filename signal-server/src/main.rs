//! The program `signal-server`. [`signal_server`] is the library.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    signal_server::cli::run().await
}
