//! The program; see [`signal_server`] for the library.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    signal_server::cli::run().await
}
