//! The languages that texts for people come in. Codes, not texts, are what programs read.

/// A language the server can speak.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Language {
    /// English.
    En,
    /// Chinese, when nothing is asked for.
    #[default]
    Zh,
}
