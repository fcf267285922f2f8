#![no_main]

use countermand::targets::Service;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countermand_fuzz::replies::check(Service::Swf, bytes));
