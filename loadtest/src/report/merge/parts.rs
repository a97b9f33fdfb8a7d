//! Whether reports are the parts of one run.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::objectives::verdict::Verdict;
use crate::report::Report;
use crate::target::OWN_SERVER;

/// Reports cannot be merged.
#[derive(Debug, Error)]
pub(crate) enum MergeError {
    #[error("there is nothing to merge")]
    Nothing,
    #[error("the runs differ in {0}, so they are not parts of one run")]
    Unlike(String),
    #[error("each of the runs had its own server, so they are not parts of one run")]
    OwnServers,
    #[error("a run is in the results more than once")]
    Twice,
    #[error("one of the runs ended before another one began, so they are not parts of one run")]
    Apart,
}

/// Refuses reports that are not of one server, one time and one set of objectives.
pub(super) fn check(parts: &[Report]) -> Result<(), MergeError> {
    let [first, others @ ..] = parts else { return Err(MergeError::Nothing) };
    if others.is_empty() {
        return Ok(());
    }
    for other in others {
        if other.settings.server != first.settings.server {
            return Err(MergeError::Unlike("server".into()));
        }
        if other.asked() != first.asked() {
            return Err(MergeError::Unlike("objectives".into()));
        }
    }
    if first.settings.server == OWN_SERVER {
        return Err(MergeError::OwnServers);
    }
    let mut known = BTreeSet::new();
    if !parts.iter().flat_map(|part| &part.run_ids).all(|run| known.insert(run)) {
        return Err(MergeError::Twice);
    }
    let begin = parts.iter().map(|part| part.started_unix_ms).max();
    let end = parts.iter().map(Report::ended_unix_ms).min();
    if begin > end { Err(MergeError::Apart) } else { Ok(()) }
}

impl Report {
    /// Whether the run counts although the tester was too slow, as far as the report shows it.
    pub(super) fn allowed_invalid(&self) -> bool {
        // That the server was gone hides whether it did.
        let is_hidden = self.server_gone_at_seconds.is_some();
        self.tester.reasons.is_empty() || (self.verdict != Verdict::Invalid && !is_hidden)
    }

    /// The objectives that it was judged by, in whatever order they were given.
    fn asked(&self) -> BTreeSet<&str> {
        self.objectives.iter().map(|held| held.objective.as_str()).collect()
    }

    fn ended_unix_ms(&self) -> u64 {
        self.started_unix_ms.saturating_add((self.phases_seconds.end * 1000.0) as u64)
    }
}
