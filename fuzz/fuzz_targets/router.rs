#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ferrolb_fuzz::router::messages(bytes));
