//! Feeds `parsers::oci_reference`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::oci_reference(bytes);
});
