//! Headless Chromium in our rooms: against this crate, and page against page over our server.
//!
//! The pages in `pages/` are written from the API document alone. Needed are Debian's `chromium` and `coturn`.

mod channels;
mod chromium;
mod codecs;
mod departure;
mod flow;
mod glare;
mod media;
mod page;
mod picture;
mod rebuilding;
mod relay;
mod restart;
mod route;
mod sample;
mod screen;
mod site;
mod stage;
mod watching;
