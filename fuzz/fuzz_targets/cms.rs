//! Feeds `parsers::signed_data`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::signed_data(bytes);
});
