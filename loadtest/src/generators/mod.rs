//! The generators of load: this process, or agents on other machines.

pub(crate) mod agents;
mod this_process;

use clap::Args;
use thiserror::Error;

use self::agents::{Agents, AgentsError};
use crate::interrupt::Interrupt;
use crate::report::Report;
use crate::run::{Criteria, RunError};
use crate::scenario::Scenario;
use crate::target::{Target, TargetArgs, TargetError};

/// The generators to use.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Generators")]
pub(crate) struct GeneratorArgs {
    /// Addresses of agents (`loadtest agent`) that share the rooms, separated by commas
    #[arg(
        long,
        value_name = "HOST:PORT,…",
        value_delimiter = ',',
        requires = "url",
        conflicts_with = "server_pid"
    )]
    pub(crate) agents: Vec<String>,
}

/// Why nothing was measured.
#[derive(Debug, Error)]
pub(crate) enum MeasureError {
    #[error(transparent)]
    Agents(#[from] AgentsError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl GeneratorArgs {
    /// Carries out a scenario. This program's own server is a new one each time, so that its memory
    /// is not that of earlier runs.
    pub(crate) async fn measure(
        &self,
        scenario: &Scenario,
        target: &TargetArgs,
        criteria: &Criteria,
        interrupt: &Interrupt,
    ) -> Result<Report, MeasureError> {
        if let (Some(server), [_, ..]) = (target.remote()?, &self.agents[..]) {
            let agents = Agents::connect(&self.agents).await?;
            return Ok(agents.measure(scenario, &server, criteria, interrupt).await?);
        }
        let target = Target::of(target)?;
        Ok(this_process::measure(scenario, target, criteria, interrupt).await?)
    }
}

impl MeasureError {
    /// Whether so large or so long a run is not possible.
    pub(crate) fn is_too_large(&self) -> bool {
        match self {
            Self::Agents(error) => error.is_too_large(),
            Self::Run(error) => error.is_too_large(),
            Self::Target(_) => false,
        }
    }
}
