//! The language that a client prefers for texts.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use signal_core::Language;

use crate::app::App;

/// The language of the texts in a response.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "documents", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "documents", into_params(names("Accept-Language"), parameter_in = Header))]
pub(crate) struct PreferredLanguage(
    /// The preferred languages. Texts are Chinese or English, whichever is preferred; Chinese is
    /// the default, unless the server is configured otherwise.
    #[cfg_attr(
        feature = "documents",
        param(value_type = Option<String>, nullable = false, example = "en")
    )]
    pub(crate) Language,
);

impl PreferredLanguage {
    pub(crate) fn of(headers: &HeaderMap, default: Language) -> Self {
        Self(preferred(headers, default))
    }
}

impl FromRequestParts<Arc<App>> for PreferredLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, app.language))
    }
}

/// Returns Chinese or English, whichever is preferred (RFC 9110 section 12.5.4), or else the
/// default.
fn preferred(headers: &HeaderMap, default: Language) -> Language {
    let Some(accepted) = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else {
        return default;
    };
    let mut best = (0.0, default);
    for range in accepted.split(',') {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let quality =
            parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse().ok());
        let language = match tag.trim().split('-').next() {
            Some(primary) if primary.eq_ignore_ascii_case("zh") => Language::Zh,
            Some(primary) if primary.eq_ignore_ascii_case("en") => Language::En,
            Some(_) | None => continue,
        };
        if let Some(quality) = quality
            && quality > best.0
        {
            best = (quality, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_of_the_two_languages_wins_and_the_default_where_neither_is_named() {
        let cases = [
            ("", None),
            ("fr, de;q=0.5", None),
            ("en-GB,en;q=0.9", Some(Language::En)),
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Language::Zh)),
            ("fr, zh;q=0.3, en;q=0.7", Some(Language::En)),
            ("en;q=0", None),
            ("en;q=rubbish", None),
        ];
        for default in [Language::En, Language::Zh] {
            for (accepted, language) in cases {
                let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, accepted.parse().unwrap())]);
                assert_eq!(preferred(&headers, default), language.unwrap_or(default), "{accepted}");
            }
            assert_eq!(preferred(&HeaderMap::new(), default), default);
        }
    }
}
