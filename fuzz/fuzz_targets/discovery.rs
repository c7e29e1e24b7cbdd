//! Feeds `parsers::discovery_document`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::discovery_document(bytes);
});
