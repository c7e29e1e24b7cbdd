//! Feeds `parsers::release`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::release(bytes);
});
