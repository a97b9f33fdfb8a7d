//! The program `signal-server`. [`signal_server`] is the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    signal_server::cli::run()
}
