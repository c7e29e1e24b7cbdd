//! What a timestamp over a signature is over: the signature value as the format carries it, which is not in every format
//! how the key makes it.

use std::borrow::Cow;

use chancery_core::algorithm::PublicKey;
use chancery_core::format::FormatName;

use crate::notary::algorithm::Algorithm;
use crate::seam::FormatError;

/// The bytes that an RFC 3161 token stamps for a signature that a key made.
pub fn stamped<'a>(
    format: FormatName,
    key: &PublicKey,
    signature: &'a [u8],
) -> Result<Cow<'a, [u8]>, FormatError> {
    match format {
        FormatName::Notary => Algorithm::of_signer(key)?.to_envelope(signature).map(Cow::Owned),
        FormatName::Fulcio | FormatName::Oci | FormatName::Pe | FormatName::Sigstore => {
            Ok(Cow::Borrowed(signature))
        }
    }
}
