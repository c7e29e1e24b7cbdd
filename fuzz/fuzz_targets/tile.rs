//! Feeds `parsers::tile_entries`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    chancery_fuzz::parsers::tile_entries(bytes);
});
