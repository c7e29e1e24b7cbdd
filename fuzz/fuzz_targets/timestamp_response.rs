//! Feeds `parsers::timestamp_response`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::timestamp_response(bytes);
});
