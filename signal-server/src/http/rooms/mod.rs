//! The handlers of requests about rooms, one per file.

pub(crate) mod change;
pub(crate) mod close;
pub(crate) mod create;
pub(super) mod field;
pub(crate) mod ice_servers;
pub(crate) mod join;
pub(crate) mod kick;
pub(crate) mod list;
pub(super) mod new_credentials;
mod rotate_password;
pub(crate) mod show;
pub(super) mod summary;

pub(crate) use self::change::change;
pub(crate) use self::close::close;
pub(crate) use self::create::create;
pub(crate) use self::ice_servers::ice_servers;
pub(crate) use self::join::join;
pub(crate) use self::kick::kick;
pub(crate) use self::list::list;
pub(crate) use self::show::show;
