//! Headless Chromium and Firefox in our rooms: against this crate, and page against page over our
//! server.
//!
//! The pages in `pages/` are written from the API document alone. Needed are Debian's `chromium`,
//! `coturn` and `haproxy`; without `firefox-esr` some tests are left out.

mod channels;
mod chromium;
mod codecs;
mod departure;
mod devtools;
mod firefox;
mod flow;
mod glare;
mod levels;
mod media;
mod muting;
mod page;
mod page_login;
mod pairs;
mod picture;
mod protocols;
mod rebuilding;
mod relay;
mod restart;
mod rooms_page;
mod route;
mod sample;
mod screen;
mod site;
mod sound;
mod stage;
mod tab;
mod tracks;
mod visitor;
mod wanting;
mod watching;

pub(crate) use self::pairs::tries_all;
pub(crate) use self::picture::receive_picture;
