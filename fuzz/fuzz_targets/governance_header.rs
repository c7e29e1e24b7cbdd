//! Feeds `parsers::governance_header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::governance_header(bytes);
});
