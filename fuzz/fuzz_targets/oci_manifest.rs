//! Feeds `parsers::oci_manifest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::oci_manifest(bytes);
});
