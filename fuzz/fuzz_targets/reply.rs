#![no_main]

use countermand_fuzz::replies;
use countermand_fuzz::services::SERVICES;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((service, bytes)) = bytes.split_first() {
        replies::check(SERVICES[usize::from(*service) % SERVICES.len()], bytes);
    }
});
