//! The load that this process makes, and the report on it.

use std::sync::Arc;

use crate::interrupt::Interrupt;
use crate::report::{Report, RunSettings};
use crate::run::{Criteria, RunError, run};
use crate::scenario::Scenario;
use crate::target::Target;

/// Carries out a scenario from this process.
pub(crate) async fn measure(
    scenario: &Scenario,
    target: Target,
    criteria: &Criteria,
    interrupt: &Interrupt,
) -> Result<Report, RunError> {
    let target = Arc::new(target);
    let outcome = run(scenario, &target, interrupt).await?;
    let settings = RunSettings::new(scenario, &target.described);
    Ok(Report::new(&outcome, criteria, settings))
}
