//! check, test, tidy, goldens, bench.
fn main() {}
