#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backend::doors::remote_write(bytes));
