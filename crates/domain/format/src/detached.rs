//! Where a detached signature lies: beside its artifact, under a name that its format and its statement give it.

use chancery_core::format::FormatName;
use chancery_core::statement::Statement;

use crate::notary::envelope::Kind;
use crate::notary::statement::Body;
use crate::sigstore;

/// Every ending of a detached signature, with its format.
pub const SUFFIXES: [(&str, FormatName); 3] = [
    (sigstore::attach::SUFFIX, FormatName::Sigstore),
    (Kind::Jws.suffix(), FormatName::Notary),
    (Kind::Cose.suffix(), FormatName::Notary),
];

/// What is appended to the artifact's name; `None` where the signature goes into the artifact, or the statement does not
/// parse.
#[must_use]
pub fn suffix(statement: &Statement) -> Option<&'static str> {
    match statement.format {
        FormatName::Notary => Body::parse(statement).ok().map(|body| body.envelope.suffix()),
        // Beside an image lies nothing but in its registry.
        FormatName::Fulcio | FormatName::Oci | FormatName::Pe => None,
        FormatName::Sigstore => Some(sigstore::attach::SUFFIX),
    }
}

/// The format of a detached signature: as its file's name ends, else as it begins.
#[must_use]
pub fn format_of(name: &str, bytes: &[u8]) -> FormatName {
    let named = SUFFIXES.into_iter().find(|(suffix, _)| name.ends_with(suffix));
    if let Some((_, format)) = named {
        return format;
    }
    let is_envelope =
        crate::notary::envelope::Envelope::parse(bytes).is_ok() || Kind::of(bytes) == Some(Kind::Cose);
    if is_envelope { FormatName::Notary } else { FormatName::Sigstore }
}
