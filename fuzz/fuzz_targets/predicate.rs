//! Feeds `parsers::predicate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::predicate(bytes);
});
