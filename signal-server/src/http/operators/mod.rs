//! The requests with which operators manage all rooms. They need the admin key.

pub(crate) mod admin_key;
pub(crate) mod change;
pub(crate) mod close;
pub(crate) mod create;
pub(crate) mod kick;
pub(crate) mod kick_user;
pub(crate) mod list;
mod open_room;
mod refusals;
mod room;
pub(crate) mod send;
pub(crate) mod set_attributes;
pub(crate) mod set_data;
pub(crate) mod set_name;
pub(crate) mod set_permissions;
pub(crate) mod show;
mod texts;
pub(crate) mod token;

pub(crate) use self::admin_key::require;
pub(crate) use self::change::change;
pub(crate) use self::close::close;
pub(crate) use self::create::create;
pub(crate) use self::kick::kick;
pub(crate) use self::kick_user::kick_user;
pub(crate) use self::list::list;
pub(crate) use self::send::send;
pub(crate) use self::set_attributes::set_attributes;
pub(crate) use self::set_data::set_data;
pub(crate) use self::set_name::set_name;
pub(crate) use self::set_permissions::set_permissions;
pub(crate) use self::show::show;
pub(crate) use self::token::token;
