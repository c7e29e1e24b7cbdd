//! Feeds `parsers::foreign_bundle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::foreign_bundle(bytes);
});
