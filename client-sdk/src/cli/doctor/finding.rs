//! The findings of the checks.

use std::fmt::Display;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::output::Output;

/// The findings, in the order of the checks.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

#[derive(Debug)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    /// What was checked, like an address.
    pub(super) of: String,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Passed(String),
    Failed { cause: String, advice: String },
    Skipped(String),
}

impl Outcome {
    pub(super) fn failed(cause: impl Display, advice: impl Into<String>) -> Self {
        Self::Failed { cause: format!("{cause}"), advice: advice.into() }
    }
}

impl Findings {
    pub(super) fn add(&mut self, check: &'static str, of: impl Into<String>, outcome: Outcome) {
        self.0.push(Finding { check, of: of.into(), outcome });
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// Prints a table, and a line for each failure; returns the exit code.
    pub(super) fn print(self, output: Output) -> ExitCode {
        let mut failures = Vec::new();
        let rows = self.0.into_iter().map(|Finding { check, of, outcome }| {
            let (result, detail, advice) = match outcome {
                Outcome::Passed(detail) => ("passed", detail, None),
                Outcome::Skipped(why) => ("skipped", why, None),
                Outcome::Failed { cause, advice } => ("failed", cause, Some(advice)),
            };
            let json = json!({
                "check": check,
                "of": of,
                "result": result,
                "detail": detail,
                "advice": advice,
            });
            let shown = match &advice {
                Some(advice) => {
                    failures.push(format!("{check} {of}: {detail}\n    {advice}"));
                    String::new()
                }
                None => detail,
            };
            let result = if result == "failed" { "FAILED" } else { result };
            ([check.to_owned(), of, result.to_owned(), shown], json)
        });
        let rows = rows.collect();
        output.table(["check", "of", "result", ""], rows);
        if !output.json {
            let found = match failures.len() {
                0 => "\nno check has failed".to_owned(),
                _ => format!("\n{}", failures.join("\n")),
            };
            output.print(found, &Value::Null);
        }
        if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
