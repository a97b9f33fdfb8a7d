#![no_main]

#[path = "../../tests/it/corpus/ice_url.rs"]
mod ice_url;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ice_url::ice_url(data));
