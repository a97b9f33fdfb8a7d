//! The command `rooms`: manages the rooms of a running server over HTTP.

pub(super) mod args;
mod client;
mod report;
mod request;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::Value;
use thiserror::Error;

use self::args::{RoomsArgs, RoomsCommand};
use self::client::{Client, RequestError};
use self::report::Report;
use self::request::Request;
use super::settings::{InvalidSettings, admin_key};

/// Why a command failed.
#[derive(Debug, Error)]
enum Failure {
    #[error("cannot read the response; does the server have another version? {0}")]
    Answer(#[from] serde_json::Error),
    #[error("no key: set --admin-key-file or SIGNAL_ADMIN_KEY_FILE to the key file of the server")]
    NoKey,
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
}

/// Runs a command, prints its result, and returns the exit code.
pub(super) async fn run(args: RoomsArgs) -> ExitCode {
    match try_run(args).await {
        Ok(Report { text, problems }) => {
            // This fails if the reader of the output has exited, which is no error.
            let _ = io::stdout().write_all(text.as_bytes());
            for problem in &problems {
                eprintln!("error: {problem}");
            }
            if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}

async fn try_run(args: RoomsArgs) -> Result<Report, Failure> {
    let RoomsArgs { admin_url, admin_key_file, json, command } = args;
    let key = admin_key(&admin_key_file.ok_or(Failure::NoKey)?)?;
    let client = Client::new(admin_url, key);
    let answer = match command {
        RoomsCommand::List => list(&client).await?,
        _ => client.send(Request::of(&command)).await?,
    };
    let report = if json { Report::json } else { Report::of };
    Ok(report(&command, &answer)?)
}

/// Requests all pages of the list.
async fn list(client: &Client) -> Result<Value, RequestError> {
    let mut listed = client.send(Request::list(None)).await?;
    while let Some(next) = listed["next"].as_str() {
        let mut page = client.send(Request::list(Some(next))).await?;
        if let (Some(rooms), Some(more)) =
            (listed["rooms"].as_array_mut(), page["rooms"].as_array_mut())
        {
            rooms.append(more);
        }
        listed["next"] = page["next"].take();
    }
    if let Some(listed) = listed.as_object_mut() {
        listed.remove("next");
    }
    Ok(listed)
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Answer(_) | Self::Request(_) => ExitCode::FAILURE,
            Self::NoKey | Self::Settings(_) => ExitCode::from(2),
        }
    }
}
