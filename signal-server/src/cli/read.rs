//! Reads the settings: flags, environment variables and the configuration file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use super::args::Cli;
use super::{effective, file};

impl Cli {
    /// Reads the settings of the process. The default command is `serve`.
    ///
    /// Prints help, the version or an error, and exits, if one of them is asked for or needed.
    #[must_use]
    pub(crate) fn read() -> Self {
        Self::of(std::env::args_os(), |path| fs::read_to_string(path))
            .unwrap_or_else(|error| error.exit())
    }

    /// Reads the settings of these arguments; `read` reads the configuration file if they name one.
    pub(crate) fn of(
        args: impl IntoIterator<Item = OsString>,
        read: impl FnOnce(&Path) -> io::Result<String>,
    ) -> Result<Self, clap::Error> {
        let mut args: Vec<OsString> = args.into_iter().collect();
        // Errors are reported by the second pass, since the file may supply what is missing here.
        let lenient = || Self::command().ignore_errors(true);
        let mut given = lenient().try_get_matches_from(&args)?;
        if given.subcommand().is_none() {
            args.push("serve".into());
            given = lenient().try_get_matches_from(&args)?;
        }
        let file = match given.get_one::<PathBuf>("config") {
            Some(path) => file::arguments(path, read(path), &given)
                .map_err(|error| Self::command().error(ErrorKind::ValueValidation, error))?,
            None => file::Arguments::default(),
        };
        args.extend(file.arguments.iter().cloned());
        let matches = Self::command().try_get_matches_from(args)?;
        let settings = effective::settings(&matches, &file);
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.effective = effective::toml(&settings);
        cli.given = effective::given(&settings);
        Ok(cli)
    }
}
