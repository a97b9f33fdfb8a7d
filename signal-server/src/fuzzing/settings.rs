//! Files of settings.

use std::ffi::OsString;
use std::path::Path;

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderValue};

use crate::auth::origin::Origins;
use crate::auth::shown::shown_url;
use crate::cli::args::{Cli, Command, ServeArgs};
use crate::cli::settings::Settings;

/// A file in TOML. What is printed of it says the same.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((cli, lines)) = read(text) else { return };
    let (cli_again, lines_again) = read(&lines.join("\n")).expect("what was printed can be read");
    assert_eq!(lines_again, lines, "the second reading differs from the first");
    let (args, args_again) = (args(cli), args(cli_again));
    assert_eq!(told(&args_again), told(&args), "what was printed says something else");
    // Files that somebody else has named are not opened here.
    if lines.iter().any(|line| line.contains("-file =") || line.starts_with("jwks-ca =")) {
        return;
    }
    let (production, pages) = (args.production, args.cors_origins.clone());
    match Settings::of(*args) {
        Ok(settings) => {
            assert!(!(production && settings.development), "{text}");
            assert!(
                settings.development || !settings.warnings.join("").contains("unsafe"),
                "{text}"
            );
            for page in pages {
                let header = HeaderValue::from_str(&page).expect("it was taken");
                let headers = HeaderMap::from_iter([(ORIGIN, header.clone())]);
                assert!(
                    Origins::listed([header]).permit(&headers, None),
                    "no page of {page} may use it"
                );
                assert!(page.contains("://") && !page.ends_with('/'), "no browser says {page}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty(), "{text}"),
    }
}

fn args(cli: Cli) -> Box<ServeArgs> {
    let Command::CheckConfig(args) = cli.command else { unreachable!("it was the command") };
    args
}

/// What the program makes of the settings that are printed.
fn told(args: &ServeArgs) -> String {
    let ServeArgs { listen, production, data_dir, login, limits, .. } = args;
    let lists = [&args.turn_urls, &args.stun_urls, &args.cors_origins];
    // One that may have a password in it is not printed.
    let is_shown = |url: &&String| shown_url(url) == url.as_str();
    let lists =
        lists.map(|urls| if urls.iter().all(|url| is_shown(&url)) { urls.as_slice() } else { &[] });
    let urls = [&login.jwks_url, &args.page.public_url, &args.page.login_url]
        .map(|url| url.as_ref().filter(is_shown));
    let names = [&login.access_issuer, &login.access_audience];
    format!("{:?}", (listen, production, data_dir, names, urls, lists, limits))
}

/// The settings, and those of them that are printed; neither secrets nor what is not set.
fn read(text: &str) -> Option<(Cli, Vec<String>)> {
    let args = ["signal-server", "check-config", "--config", "settings.toml"].map(OsString::from);
    let cli = Cli::of(args, |_: &Path| Ok(text.to_owned())).ok()?;
    let lines = cli.effective.lines().filter(|line| !line.starts_with("# "));
    let lines = lines
        .map(|line| line.rsplit_once("  # ").map_or(line, |(line, _)| line).to_owned())
        .collect();
    Some((cli, lines))
}
