//! The program `loadtest`. It consists of its library, with which the compiler begins before all
//! dependencies are finished.

use std::process::ExitCode;

fn main() -> ExitCode {
    loadtest::execute()
}
