#![no_main]

#[path = "../../tests/it/corpus/decoder.rs"]
mod decoder;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder::server(data));
