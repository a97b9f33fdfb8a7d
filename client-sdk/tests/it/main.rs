//! The crate as its users see it. One program, so that webrtc-rs is linked once; what counts the
//! sockets and tasks of its process is in `tests/leaks`.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "modules of one program")]

mod aiortc;
mod browser;
mod call;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod data;
mod degradation;
mod files;
mod flood;
mod glare;
mod impairment;
mod interop;
mod leaving;
mod levels;
mod managing;
mod mesh;
mod messages;
mod muting;
mod networks;
mod pcm;
mod permissions;
mod playback;
mod program;
mod reaching;
mod receiving;
mod reconnect;
mod recording;
mod relay;
mod restart;
mod roster;
mod rpc;
mod session;
mod sessions;
mod share;
mod sources;
mod stats;
mod tracks;
mod unreachable;
mod wanting;
mod writing;
