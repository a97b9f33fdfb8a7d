//! The rules that hold in every run. A rule that is broken panics, and the run catches that.

mod ids;
mod record;
mod referee;
mod session;
mod witness;

pub use self::ids::IdRules;
pub use self::record::RecordRules;
pub use self::witness::Witness;
