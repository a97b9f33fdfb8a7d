//! Checks the origins of pages.

use axum::http::HeaderValue;
use axum::http::uri::Authority;
use reqwest::Url;

use super::Check;
use crate::auth::shown::shown_url;

impl Check {
    /// The origins of a setting.
    pub(super) fn origins(&mut self, setting: &str, origins: &[String]) -> Vec<HeaderValue> {
        origins.iter().filter_map(|origin| self.origin(setting, origin)).collect()
    }

    fn origin(&mut self, setting: &str, origin: &str) -> Option<HeaderValue> {
        if is_of_an_app(origin) {
            return origin.parse().ok();
        }
        let page = Url::parse(origin).ok().filter(|page| matches!(page.scheme(), "http" | "https"));
        let sent = page.map(|page| page.origin().ascii_serialization());
        let shown = shown_url(origin);
        match (sent, origin.parse()) {
            (Some(sent), Ok(value)) if sent == origin => return Some(value),
            // Origins are compared as text, so this one would never match.
            (Some(sent), _) => {
                self.problem(format!("--{setting} {shown}: browsers send this as {sent}"));
            }
            (None, _) => {
                self.problem(format!(
                    "--{setting} {shown}: expected an origin like https://example.com"
                ));
            }
        }
        None
    }
}

/// Whether this is the origin of pages in an application's own web view, like
/// `capacitor://localhost`.
fn is_of_an_app(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
        });
    let is_authority = authority.parse::<Authority>().is_ok_and(|it| !it.as_str().contains('@'));
    is_scheme && is_authority && !matches!(scheme, "file" | "ftp" | "http" | "https" | "ws" | "wss")
}
