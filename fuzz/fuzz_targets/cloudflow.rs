#![no_main]

use countermand::targets::cloudflow::SERVICE;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countermand_fuzz::replies::check(&SERVICE, bytes));
