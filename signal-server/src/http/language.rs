//! The language that a client prefers for texts.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use signal_core::Language;

/// The language of the texts in a response.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "documents", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "documents", into_params(names("Accept-Language"), parameter_in = Header))]
pub(crate) struct PreferredLanguage(
    /// The preferred languages. Texts are Chinese or English, whichever is preferred; Chinese is
    /// the default.
    #[cfg_attr(
        feature = "documents",
        param(value_type = Option<String>, nullable = false, example = "en")
    )]
    pub(crate) Language,
);

impl PreferredLanguage {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self(preferred(headers))
    }
}

impl<S: Sync> FromRequestParts<S> for PreferredLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// Returns Chinese or English, whichever is preferred (RFC 9110 section 12.5.4). Chinese is the
/// default.
fn preferred(headers: &HeaderMap) -> Language {
    let Some(accepted) = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else {
        return Language::default();
    };
    let mut best = (0.0, Language::default());
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
    fn the_preferred_of_the_two_languages_wins_and_chinese_is_the_default() {
        let cases = [
            ("", Language::Zh),
            ("fr, de;q=0.5", Language::Zh),
            ("en-GB,en;q=0.9", Language::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh),
            ("fr, zh;q=0.3, en;q=0.7", Language::En),
            ("en;q=0", Language::Zh),
            ("en;q=rubbish", Language::Zh),
        ];
        for (accepted, language) in cases {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, accepted.parse().unwrap())]);
            assert_eq!(preferred(&headers), language, "{accepted}");
        }
        assert_eq!(preferred(&HeaderMap::new()), Language::Zh);
    }
}
