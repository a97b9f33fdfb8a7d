//! The effective settings, printed as a configuration file.

use std::fmt::Write;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory};
use toml::Value;

use super::args::Cli;
use super::file;
use crate::auth::shown::{HIDDEN, shown_url};

/// One setting of `serve` with its effective value.
pub(super) struct Effective {
    name: String,
    /// The value to show; `None` if it is not set.
    value: Option<Value>,
    is_secret: bool,
    source: &'static str,
}

/// All settings of `serve`, each with its source.
pub(super) fn settings(matches: &ArgMatches, file: &file::Arguments) -> Vec<Effective> {
    let mut settings = Vec::new();
    let Some((in_use, matches)) = matches.subcommand() else { return settings };
    let command = Cli::command();
    let of_serve = command.find_subcommand("serve").map(clap::Command::get_arguments);
    for setting in command.get_arguments().chain(of_serve.into_iter().flatten()) {
        let Some(name) = setting.get_long().filter(|name| *name != "config") else { continue };
        if !file::takes(&command, in_use, setting) {
            continue;
        }
        let id = setting.get_id().as_str();
        let source = match matches.value_source(id) {
            _ if file.names.contains(name) => "file",
            Some(ValueSource::CommandLine) => "flag",
            Some(ValueSource::EnvVariable) => "variable",
            Some(_) => DEFAULT,
            None => "not set",
        };
        let raw = matches.get_raw(id).into_iter().flatten();
        let values: Vec<String> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
        let is_secret = !values.is_empty() && is_secret(setting, &values);
        let value = match setting.get_action() {
            _ if is_secret => Some(HIDDEN.into()),
            // An environment variable may spell a flag in several ways; print its value.
            ArgAction::SetTrue => Some(matches.get_flag(id).into()),
            _ => shown(setting, &values),
        };
        settings.push(Effective { name: name.to_owned(), value, is_secret, source });
    }
    settings
}

/// The settings as a configuration file. Secrets are hidden, and settings without a value are
/// comments.
pub(super) fn toml(settings: &[Effective]) -> String {
    let mut lines = String::new();
    for Effective { name, value, is_secret, source } in settings {
        let line = match value {
            Some(value) if *is_secret => format!("# {name} = {value}"),
            Some(value) => format!("{name} = {value}"),
            None => format!("# {name} ="),
        };
        let _ = writeln!(lines, "{line}  # {source}");
    }
    lines
}

/// The settings that were given, on one line for the log. A flag that is off counts as not given.
pub(super) fn given(settings: &[Effective]) -> String {
    let given = settings.iter().filter_map(|setting| {
        let value = setting.value.as_ref().filter(|value| **value != Value::Boolean(false))?;
        (setting.source != DEFAULT).then(|| format!("{} = {value}", setting.name))
    });
    given.collect::<Vec<_>>().join(", ")
}

/// The value as TOML; `None` if there is nothing to show.
fn shown(setting: &Arg, values: &[String]) -> Option<Value> {
    let [first, ..] = values else { return None };
    Some(match setting.get_action() {
        ArgAction::Append => Value::Array(values.iter().cloned().map(Value::String).collect()),
        // Only canonical numbers: 007 may be a name.
        _ => match first.parse::<i64>() {
            Ok(number) if number.to_string() == *first => Value::Integer(number),
            Ok(_) | Err(_) => Value::String(first.clone()),
        },
    })
}

/// Whether the value must be hidden: secrets, and URLs that may contain a password.
fn is_secret(setting: &Arg, values: &[String]) -> bool {
    let kinds = setting.get_value_names().unwrap_or_default();
    let is_url = kinds.iter().any(|kind| matches!(kind.as_str(), "ORIGIN" | "URL"));
    setting.is_hide_env_values_set() || is_url && values.iter().any(|url| shown_url(url) != url)
}

const DEFAULT: &str = "default";
