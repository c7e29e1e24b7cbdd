//! Feeds `parsers::ssh_public_key`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::ssh_public_key(bytes);
});
