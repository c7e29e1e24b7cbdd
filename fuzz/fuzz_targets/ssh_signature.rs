//! Feeds `parsers::ssh_signature`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::ssh_signature(bytes);
});
