//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, value_parser};

use crate::generators::GeneratorArgs;
use crate::machine::health::Bounds;
use crate::objectives::slo::Objectives;
use crate::output::language::Language;
use crate::scenario::ScenarioSettings;
use crate::span::{InvalidSpan, Span};
use crate::target::{ServerArgs, TargetArgs};

/// Fill rooms with participants, and measure how the server handles them.
///
/// Without a subcommand this runs a scenario. Without flags, participants send audio and video to
/// each other, and the program starts its own server, so that no set-up is needed.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl Cli {
    /// Parses the command line, or ends the program. A log is recorded whatever server is named in
    /// the environment.
    pub(crate) fn read() -> Self {
        let unset = |arg: Arg| arg.env(Resettable::Reset);
        let without_environment = Self::command().mut_subcommand("record", |record| {
            record.mut_arg("url", unset).mut_arg("token", unset)
        });
        let matches = without_environment.try_get_matches();
        match matches.and_then(|matches| Self::from_arg_matches(&matches)) {
            Ok(Self { command: Some(Command::Record(args)), run }) if args.log.is_some() => {
                Self { command: Some(Command::Record(args)), run }
            }
            _ => Self::parse(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario, as without a subcommand
    Run(RunArgs),
    /// Compare the JSON results of runs of one scenario; exit status 4 if the second is slower
    Compare(CompareArgs),
    /// Merge the JSON results of generators that loaded one server at the same time
    Merge(MergeArgs),
    /// Search for the largest number of rooms that a server handles, and for what limits it
    FindCapacity(CapacityArgs),
    /// Generate load for a coordinator, which is a run with --agents
    Agent(AgentArgs),
    /// Record who is in which room and when, and print it as a file for --replay
    Record(RecordArgs),
    /// Work with scenarios
    #[command(subcommand)]
    Scenario(ScenarioCommand),
    /// Run a server for another process of this program
    #[command(hide = true, name = crate::target::COMMAND)]
    OwnServer,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScenarioCommand {
    /// Print the scenario of these flags as a file for --scenario
    Print(ScenarioArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) generators: GeneratorArgs,

    #[command(flatten)]
    pub(crate) scenario: ScenarioArgs,

    #[command(flatten)]
    pub(crate) judging: JudgingArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct AgentArgs {
    /// Address to listen on. Anybody who can reach it can generate load from this machine, so use a
    /// private network, or forward it through SSH
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    pub(crate) listen: SocketAddr,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CompareArgs {
    /// JSON results of the first server; several repetitions separated by commas
    #[arg(value_delimiter = ',', num_args = 1, required = true)]
    pub(crate) before: Vec<PathBuf>,

    /// JSON results of the second server; several repetitions separated by commas
    #[arg(value_delimiter = ',', num_args = 1, required = true)]
    pub(crate) after: Vec<PathBuf>,

    /// Language of the table [default: that of the environment, LC_ALL or LANG]
    #[arg(long)]
    pub(crate) language: Option<Language>,
}

#[derive(Args, Clone, Debug)]
#[command(
    mut_arg("url", |url| url.help("Address (http or https) of a server whose rooms to list")),
    mut_arg("token", |token| token.help("Access token of the user whose rooms are listed")),
)]
pub(crate) struct RecordArgs {
    /// Log of signal-server with --log signal_server=debug --log-format json, to read instead of a
    /// server. Each socket counts as a stay, so that a participant that resumes has several
    #[arg(long, value_name = "FILE", conflicts_with = "url", required_unless_present = "url")]
    pub(crate) log: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// How often to list the rooms of the token's user
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = some_time)]
    #[arg(conflicts_with = "log")]
    pub(crate) every: Span,

    /// How long to record, unless interrupted
    #[arg(long, value_name = "TIME", default_value = "1h", conflicts_with = "log")]
    pub(crate) duration: Span,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct MergeArgs {
    /// JSON results of the generators
    #[arg(required = true)]
    pub(crate) parts: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CapacityArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// Number of rooms to begin with
    #[arg(long, value_name = "ROOMS", default_value_t = 4, help_heading = "Search",
        value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) first: u32,

    /// Largest number of rooms to try
    #[arg(long, value_name = "ROOMS", default_value_t = 10_000, help_heading = "Search",
        value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) most: u32,

    /// How long the confirming run lasts
    #[arg(long, value_name = "TIME", default_value = "30s", help_heading = "Search")]
    pub(crate) hold: Span,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ScenarioArgs {
    /// TOML file with the settings below; keys are the flag names
    #[arg(long = "scenario", value_name = "FILE", help_heading = "Scenario")]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: ScenarioSettings,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct JudgingArgs {
    /// Objectives that determine the exit status, like 'join.p99<500ms, relay.p999<100ms,
    /// loss<0.1%'
    #[arg(long, value_name = "OBJECTIVES", help_heading = "Validity")]
    pub(crate) slo: Option<Objectives>,

    #[command(flatten)]
    pub(crate) bounds: Bounds,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Also write the results as JSON to this file; - prints JSON instead of the table
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Also write the results with plots as a self-contained HTML page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Language of the tables [default: that of the environment, LC_ALL or LANG]
    #[arg(long)]
    pub(crate) language: Option<Language>,
}

fn some_time(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: InvalidSpan| error.to_string())?;
    if span.0.is_zero() { Err("expected a time above 0".into()) } else { Ok(span) }
}

const EXAMPLES: &str = "Examples:
  loadtest                                     four rooms of four, a server of its own
  loadtest --rooms 1 --peers 12 --duration 30  one large room
  loadtest --depth signaling --rooms 1000 --rate 200 --slo 'join.p99<200ms, fanout.p99<50ms'
  loadtest --json - | jq .latency_ms.fan_out   one figure
  loadtest --url https://rooms.example.com --token \"$(signal-server token --sub load)\"
  loadtest find-capacity --depth signaling --rate 100 --slo 'join.p99<500ms, relay.p99<50ms'
  loadtest scenario print --rooms 20 > evening.toml && loadtest --scenario evening.toml

Exit status: 0 if everybody was connected to everybody and received its media until the end, no
message was lost, and every objective was held; 1 if something failed or was lost; 2 for wrong
arguments; 3 if the tester was the limit, so that the figures say nothing about the server; 4 if
nothing was lost and an objective was missed.

LOADTEST_LOG=info shows the log; LOADTEST_LOG=client_sdk=debug shows that of one crate.";
