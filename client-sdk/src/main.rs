//! The program `room-bot`. [`client_sdk`] is the library.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    client_sdk::cli::run().await
}
