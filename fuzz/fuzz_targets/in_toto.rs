//! Feeds `parsers::in_toto`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::in_toto(bytes);
});
