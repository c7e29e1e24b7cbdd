//! Feeds `parsers::tlog_proof`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::tlog_proof(bytes);
});
