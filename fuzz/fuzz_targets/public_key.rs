//! Feeds `parsers::public_key`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::public_key(bytes);
});
