//! One folder per native signature format, each with the same hooks.
