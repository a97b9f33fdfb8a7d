//! What has to be true whatever happens. Each rule panics if it is broken; the run catches that.

mod record;
mod referee;
mod session;
mod witness;

pub use self::record::RecordRules;
pub use self::witness::Witness;
