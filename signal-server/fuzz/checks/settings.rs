//! Files of settings.

use std::ffi::OsString;
use std::path::Path;

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderValue};

use crate::cli::{Cli, Command};
use crate::origin::Origins;
use crate::settings::Settings;

/// A file in TOML. What is printed of it says the same.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((cli, lines)) = read(text) else { return };
    let (_, again) = read(&lines.join("\n")).expect("what was printed can be read");
    assert_eq!(again, lines, "the second reading differs from the first");
    let Command::CheckConfig(args) = cli.command else { unreachable!("it was the command") };
    // Files that somebody else has named are not opened here.
    if lines.iter().any(|line| line.contains("-file =") || line.starts_with("jwks-ca =")) {
        return;
    }
    let (production, pages) = (args.production, args.cors_origins.clone());
    match Settings::of(*args) {
        Ok(settings) => {
            assert!(!(production && settings.development), "{text}");
            assert!(settings.development || settings.warnings.is_empty(), "{text}");
            for page in pages {
                let header = HeaderValue::from_str(&page).expect("it was taken");
                let headers = HeaderMap::from_iter([(ORIGIN, header.clone())]);
                assert!(Origins::listed([header]).permit(&headers), "no page of {page} may use it");
                assert!(page.starts_with("http") && !page.ends_with('/'), "no browser says {page}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty(), "{text}"),
    }
}

/// The settings, and those of them that are printed; neither secrets nor what is not set.
fn read(text: &str) -> Option<(Cli, Vec<String>)> {
    let args = ["signal-server", "check-config", "--config", "settings.toml"].map(OsString::from);
    let cli = Cli::of(args, |_: &Path| Ok(text.to_owned())).ok()?;
    let lines = cli.effective.lines().filter(|line| !line.starts_with("# "));
    let lines =
        lines.map(|line| line.rsplit_once("  # ").map_or(line, |(line, _)| line).to_owned()).collect();
    Some((cli, lines))
}
