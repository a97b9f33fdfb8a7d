//! The program `room-bot`. [`client_sdk`] is the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    client_sdk::cli::run()
}
