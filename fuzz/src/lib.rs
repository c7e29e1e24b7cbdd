//! The table of parsers that all fuzz targets share with the mutation test.

#[path = "../../dev/testkit/tests/mutations/parsers.rs"]
pub mod parsers;
