//! Feeds `parsers::certificate_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::certificate_request(bytes);
});
