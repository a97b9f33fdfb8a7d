//! Why a command has failed.

use std::fmt;
use std::process::ExitCode;

use crate::error::{EnterError, RequestError};

/// The text to print, and the exit code.
#[derive(Debug)]
pub(super) struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    /// Wrong arguments.
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 2 }
    }

    /// The command failed.
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 1 }
    }

    /// The participant was removed from its room.
    pub(super) fn removed(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 3 }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        let hint = advice(error.code());
        match error {
            RequestError::Address { .. }
            | RequestError::Certificate(_)
            | RequestError::Proxy { .. }
            | RequestError::Token
            | RequestError::TooLong(_) => Self::usage(error.to_string()),
            RequestError::Network(_)
            | RequestError::Protocol { .. }
            | RequestError::Refused { .. }
            | RequestError::WrongPath { .. } => Self::failed(format!("{error}{hint}")),
        }
    }
}

impl From<EnterError> for Failure {
    fn from(error: EnterError) -> Self {
        match error {
            EnterError::Request(error) => error.into(),
            EnterError::BindAddress { .. } => Self::usage(error.to_string()),
            EnterError::Closed { .. }
            | EnterError::Media(_)
            | EnterError::NoRelay
            | EnterError::Refused { .. } => {
                let hint = advice(error.code());
                Self::failed(format!("{error}{hint}"))
            }
        }
    }
}

/// The advice for a refusal, if the server's text has none.
fn advice(code: Option<&str>) -> &'static str {
    match code {
        Some("unauthorized") => {
            "\nhint: the access token is missing, expired or of another server; \
             ROOM_BOT_TOKEN or --token-file gives one"
        }
        Some("forbidden") => "\nhint: only the user who created the room may do that",
        Some("wrong_password") => "\nhint: ROOM_BOT_PASSWORD or --password-file gives another one",
        Some("invite_void") => "\nhint: the password was changed since; ask for a new link",
        _ => "",
    }
}
