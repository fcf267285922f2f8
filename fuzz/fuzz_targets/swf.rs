#![no_main]

use countermand::targets::swf::SERVICE;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countermand_fuzz::replies::check(&SERVICE, bytes));
