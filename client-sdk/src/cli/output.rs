//! The output, for people or for programs.

use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// Prints the text or the JSON. A closed pipe is ignored.
    pub(super) fn print(self, text: impl Display, json: &Value) {
        let _ = match self.json {
            true => writeln!(io::stdout(), "{json}"),
            false => writeln!(io::stdout(), "{text}"),
        };
    }

    /// Prints a table, or its rows as objects.
    pub(super) fn table<const N: usize>(self, header: [&str; N], rows: Vec<([String; N], Value)>) {
        if self.json {
            return rows.iter().for_each(|(_, json)| self.print("", json));
        }
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(header);
        table.add_rows(rows.into_iter().map(|(row, _)| row));
        self.print(table, &Value::Null);
    }
}
