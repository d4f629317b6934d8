#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backend::doors::alertmanager_config(bytes));
