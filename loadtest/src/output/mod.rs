//! The output for people: tables, pages, plots, and their language.

pub(crate) mod html;
pub(crate) mod language;
pub(crate) mod plot;
pub(crate) mod tables;
