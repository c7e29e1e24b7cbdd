//! Feeds `parsers::trusted_root`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::trusted_root(bytes);
});
