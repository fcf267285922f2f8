#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countermand_fuzz::events::check(bytes));
