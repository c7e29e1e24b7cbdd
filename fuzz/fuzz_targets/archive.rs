//! Feeds `parsers::archive_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::archive_file(bytes);
});
