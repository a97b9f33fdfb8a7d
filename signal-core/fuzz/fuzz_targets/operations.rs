#![no_main]

#[path = "../../tests/it/corpus/stored.rs"]
mod stored;

libfuzzer_sys::fuzz_target!(|data: &[u8]| stored::operations(data));
