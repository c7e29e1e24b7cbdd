//! Feeds `parsers::timestamp_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::timestamp_request(bytes);
});
