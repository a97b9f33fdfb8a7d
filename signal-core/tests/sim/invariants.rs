//! The rules that hold in every run. A rule that is broken panics, and the run catches that.

mod events;
mod ids;
mod record;
mod referee;
mod session;
mod witness;

pub use self::events::EventRules;
pub use self::ids::IdRules;
pub use self::record::RecordRules;
pub use self::witness::Witness;
