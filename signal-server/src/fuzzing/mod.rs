//! The properties that hold for every input of strangers and operators. Compiled for tests and
//! fuzzing only, since the checks use private types.

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
