//! Feeds `parsers::simple_signing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::simple_signing(bytes);
});
