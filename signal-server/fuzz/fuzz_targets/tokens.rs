#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| signal_server::fuzzing::tokens(data));
