//! Secrets from arguments, the environment or files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::args::{PasswordArgs, TokenArgs};
use super::failure::Failure;

impl TokenArgs {
    pub(super) fn read(self) -> Result<Option<String>, Failure> {
        read(self.token, self.token_file)
    }

    pub(super) fn required(self) -> Result<String, Failure> {
        self.read()?.ok_or_else(|| {
            Failure::usage(
                "an access token is needed: set ROOM_BOT_TOKEN, or give --token-file FILE. A \
                 server in development mode prints one when it starts; `signal-server token` makes \
                 others",
            )
        })
    }
}

impl PasswordArgs {
    pub(super) fn read(self) -> Result<Option<String>, Failure> {
        read(self.password, self.password_file)
    }
}

/// Reads a secret. A file takes precedence over the environment.
fn read(given: Option<String>, file: Option<PathBuf>) -> Result<Option<String>, Failure> {
    match file {
        Some(file) => first_line(&file).map(Some),
        None => Ok(given.filter(|secret| !secret.is_empty())),
    }
}

/// The first line of a file, or of the standard input for `-`.
pub(super) fn first_line(file: &Path) -> Result<String, Failure> {
    let text = match file.to_str() {
        Some("-") => io::read_to_string(io::stdin()),
        _ => fs::read_to_string(file),
    };
    let text =
        text.map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        Some(_) | None => Err(Failure::usage(format!("{} is empty", file.display()))),
    }
}
