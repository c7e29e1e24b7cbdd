//! The table of formats: one line each.

use chancery_core::format::FormatName;

use crate::seam::{Format, FormatError, Sample, Sureness};
use crate::{fulcio, notary, oci, pe, sigstore};

/// Every format, in the order of their names.
pub const FORMATS: &[Format] = &[fulcio::FORMAT, notary::FORMAT, oci::FORMAT, pe::FORMAT, sigstore::FORMAT];

/// The hooks of a format. Errors when its code is not in this build.
pub fn of(name: FormatName) -> Result<&'static Format, FormatError> {
    let found = FORMATS.iter().find(|format| format.name == name);
    found.ok_or_else(|| FormatError::Unsupported(format!("format `{name}`")))
}

/// Finds the format of a file. A format that knows the content wins over those that take any file; two that know it
/// are an error, never a guess.
pub fn detect(sample: &Sample<'_>) -> Result<FormatName, FormatError> {
    for sureness in [Sureness::Content, Sureness::Any] {
        let claims: Vec<FormatName> =
            FORMATS.iter().filter(|format| (format.detect)(sample) == sureness).map(|f| f.name).collect();
        match claims.as_slice() {
            [] => {}
            [one] => return Ok(*one),
            several => {
                let names: Vec<&str> = several.iter().map(|name| name.name()).collect();
                return Err(FormatError::Ambiguous(names.join(", ")));
            }
        }
    }
    Err(FormatError::Unsupported(format!("no format takes `{}`", sample.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_line_in_order() {
        let names: Vec<FormatName> = FORMATS.iter().map(|format| format.name).collect();
        assert_eq!(names, FormatName::ALL);
        for name in FormatName::ALL {
            assert_eq!(of(name).unwrap().name, name);
        }
    }

    #[test]
    fn content_decides_and_names_do_not() {
        let image = chancery_testkit::pe::image(chancery_testkit::pe::Bits::B64, &[8], &[]);
        let cases: [(&[u8], &str, FormatName); 4] = [
            (&image, "app.exe", FormatName::Pe),
            (&image, "app.txt", FormatName::Pe),
            (b"MZ but no image", "app.exe", FormatName::Sigstore),
            (b"", "empty", FormatName::Sigstore),
        ];
        for (bytes, name, expected) in cases {
            assert_eq!(detect(&Sample { head: bytes, tail: bytes, name }).unwrap(), expected, "{name}");
        }
    }
}
