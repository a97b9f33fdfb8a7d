//! The settings that hold, as a file of settings.

use std::fmt::Write;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory};
use toml::Value;

use super::{Cli, file};

/// All settings of `serve`. Secrets are not told, and what is not set is a comment.
pub(super) fn toml(matches: &ArgMatches, file: &file::Arguments) -> String {
    let mut lines = String::new();
    let Some((_, serve)) = matches.subcommand() else { return lines };
    let command = Cli::command();
    let settings = command.find_subcommand("serve").map(clap::Command::get_arguments);
    for setting in command.get_arguments().chain(settings.into_iter().flatten()) {
        let Some(name) = setting.get_long().filter(|name| *name != "config") else { continue };
        let id = setting.get_id().as_str();
        // Another command may not have it.
        if serve.try_contains_id(id).is_err() {
            continue;
        }
        let source = match serve.value_source(id) {
            _ if file.names.contains(name) => "file",
            Some(ValueSource::CommandLine) => "flag",
            Some(ValueSource::EnvVariable) => "variable",
            Some(_) => "default",
            None => "not set",
        };
        let raw = serve.get_raw(id).into_iter().flatten();
        let values: Vec<String> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
        let line = match shown(setting, &values) {
            _ if is_secret(setting) && !values.is_empty() => format!("# {name} = \"(secret)\""),
            Some(value) => format!("{name} = {value}"),
            None => format!("# {name} ="),
        };
        let _ = writeln!(lines, "{line}  # {source}");
    }
    lines
}

/// As TOML has it; `None` if there is nothing to show.
fn shown(setting: &Arg, values: &[String]) -> Option<Value> {
    let [first, ..] = values else { return None };
    Some(match setting.get_action() {
        ArgAction::Append => Value::Array(values.iter().cloned().map(Value::String).collect()),
        ArgAction::SetTrue => {
            Value::Boolean(!matches!(first.as_str(), "false" | "0" | "no" | "off" | "n" | "f"))
        }
        _ => first.parse().map_or_else(|_| Value::String(first.clone()), Value::Integer),
    })
}

/// Whose value is not shown in the help either.
fn is_secret(setting: &Arg) -> bool {
    setting.is_hide_env_values_set()
}
