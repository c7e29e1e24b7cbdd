//! Feeds `parsers::jwk_set`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::jwk_set(bytes);
});
