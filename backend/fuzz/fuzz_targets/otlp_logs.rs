#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backend::doors::otlp_logs(bytes));
