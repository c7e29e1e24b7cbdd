//! main, wiring and configuration of the one binary.
fn main() {}
