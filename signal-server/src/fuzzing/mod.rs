//! What holds for whatever strangers and operators write. Only there where the crate is fuzzed or
//! tested, since it looks at what is nobody else's business.

mod headers;
mod keys;
#[cfg(test)]
mod replay;
mod settings;
mod tokens;

pub use self::headers::headers;
pub use self::keys::keys;
pub use self::settings::settings;
pub use self::tokens::tokens;
