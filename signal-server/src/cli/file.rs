//! The configuration file, converted to command-line arguments.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};
use thiserror::Error;
use toml::{Table, Value};

use super::args::Cli;

/// The settings of a file that neither a flag nor a variable overrides.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) arguments: Vec<OsString>,
    /// The names of these settings.
    pub(super) names: BTreeSet<String>,
}

/// Why a configuration file cannot be used. The operator has to change it.
#[derive(Debug, Error)]
pub(super) enum InvalidFile {
    #[error("cannot read {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    /// The line itself is left out, since it may contain a secret.
    #[error("{path} is not TOML: {problem} in line {line}")]
    Toml { path: PathBuf, problem: String, line: usize },
    #[error("{path}: there is no setting {name}; print-config lists all of them")]
    Unknown { path: PathBuf, name: String },
    #[error("{path}: {name} cannot be {found}")]
    Type { path: PathBuf, name: String, found: &'static str },
}

/// Converts the text of a file to arguments, except what `given` sets by flag or variable.
pub(super) fn arguments(
    path: &Path,
    text: io::Result<String>,
    given: &ArgMatches,
) -> Result<Arguments, InvalidFile> {
    let text = text.map_err(|error| InvalidFile::Io { path: path.to_owned(), error })?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let before = &text.as_bytes()[..error.span().map_or(0, |span| span.start.min(text.len()))];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        InvalidFile::Toml { path: path.to_owned(), problem: error.message().to_owned(), line }
    })?;
    let command = Cli::command();
    let serve = command.find_subcommand("serve").map(Command::get_arguments);
    let settings: Vec<&Arg> = command.get_arguments().chain(serve.into_iter().flatten()).collect();
    let mut file = Arguments::default();
    for (name, value) in table {
        let is_it = |arg: &&Arg| arg.get_long() == Some(&name) && name != "config";
        let Some(setting) = settings.iter().copied().find(is_it) else {
            return Err(InvalidFile::Unknown { path: path.to_owned(), name });
        };
        let wrong = |found| InvalidFile::Type { path: path.to_owned(), name: name.clone(), found };
        let texts = texts(setting, value).map_err(wrong)?;
        // A command ignores settings that it has no flag for.
        if let Some((in_use, matches)) = given.subcommand()
            && (!takes(&command, in_use, setting) || is_given(matches, &settings, &name))
        {
            continue;
        }
        for text in texts {
            let mut argument = format!("--{name}");
            if takes_value(setting) {
                argument = format!("{argument}={text}");
            }
            file.arguments.push(argument.into());
        }
        file.names.insert(name);
    }
    Ok(file)
}

/// Whether the command in use has this setting. The matches of clap know this in debug builds only.
pub(super) fn takes(command: &Command, in_use: &str, setting: &Arg) -> bool {
    let of_command = command.find_subcommand(in_use).map(Command::get_arguments);
    setting.is_global_set()
        || of_command.into_iter().flatten().any(|arg| arg.get_id() == setting.get_id())
}

/// The values of a setting, as on the command line; none for a flag that is off.
fn texts(setting: &Arg, value: Value) -> Result<Vec<String>, &'static str> {
    match (value, takes_value(setting)) {
        (Value::Boolean(is_on), false) => Ok(is_on.then(String::new).into_iter().collect()),
        (Value::String(text), true) => Ok(vec![text]),
        (Value::Integer(number), true) => Ok(vec![number.to_string()]),
        (Value::Array(values), true) if matches!(setting.get_action(), ArgAction::Append) => {
            let texts = values.into_iter().map(|value| match value {
                Value::String(text) => Ok(text),
                Value::Array(_)
                | Value::Boolean(_)
                | Value::Datetime(_)
                | Value::Float(_)
                | Value::Integer(_)
                | Value::Table(_) => Err("a list of anything but texts"),
            });
            texts.collect()
        }
        (Value::Array(_), _) => Err("a list"),
        (Value::Boolean(_), true) => Err("true or false"),
        (Value::Datetime(_), _) => Err("a time"),
        (Value::Float(_), _) => Err("a fraction"),
        (Value::Integer(_), false) => Err("a number"),
        (Value::String(_), false) => Err("a text"),
        (Value::Table(_), _) => Err("a table"),
    }
}

fn takes_value(setting: &Arg) -> bool {
    setting.get_action().takes_values()
}

/// Whether a flag or a variable sets it, directly or through its twin: a secret and its file are
/// twins.
fn is_given(matches: &ArgMatches, settings: &[&Arg], name: &str) -> bool {
    let twin = name.strip_suffix("-file").map_or_else(|| format!("{name}-file"), str::to_owned);
    let same = settings
        .iter()
        .filter(|arg| arg.get_long().is_some_and(|long| long == name || long == twin));
    same.map(|arg| arg.get_id().as_str()).any(|id| {
        matches!(
            matches.value_source(id),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        )
    })
}
