#![no_main]

#[path = "../checks/hub.rs"]
mod hub;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hub::inputs(data));
