//! The languages of texts for people. Programs read codes, not texts.

/// A language of texts for people.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Language {
    /// English.
    En,
    /// Chinese, the default.
    #[default]
    Zh,
}
