//! The table of formats: one line each.

use chancery_core::format::FormatName;

use crate::seam::{Format, FormatError, Sample, Sureness};
use crate::{pe, sigstore};

/// Every format, in the order of their names.
pub const FORMATS: &[Format] = &[pe::FORMAT, sigstore::FORMAT];

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
