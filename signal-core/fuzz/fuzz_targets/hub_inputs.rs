#![no_main]

#[path = "../../tests/it/corpus/hub.rs"]
mod hub;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hub::inputs(data));
