//! Feeds `parsers::trust`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::trust(bytes);
});
