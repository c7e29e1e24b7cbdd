//! The long-lived leaf for native formats (CSBR 7.1.2.3): keyUsage digitalSignature only, critical; EKU codeSigning.

use crate::extension::{
    BasicConstraints, Criticality, Extension, KeyUsage, crl_distribution_point, extended_key_usage,
    subject_alt_uris,
};
use crate::name::Name;
use crate::oid;
use crate::profile::draft::{self, Issuance, ProfileError};

/// What a code signing leaf says beside its key.
#[derive(Debug, Clone, Copy)]
pub struct CodeSigning<'a> {
    /// Who signs: C, ST, O, CN. Must not be empty.
    pub subject: &'a Name,
    /// URIs of the subject alternative name; may be empty.
    pub uris: &'a [&'a str],
    /// Where the CRL is published.
    pub crl: Option<&'a str>,
}

/// Phase 1: the TBSCertificate of a code signing leaf, DER.
pub fn tbs(issuance: &Issuance<'_>, leaf: &CodeSigning<'_>) -> Result<Vec<u8>, ProfileError> {
    if leaf.subject.is_empty() {
        return Err(ProfileError::Subject);
    }
    let mut extensions: Vec<Extension> = vec![
        BasicConstraints::Leaf.to_extension(),
        KeyUsage::DIGITAL_SIGNATURE.to_extension(),
        extended_key_usage(&[oid::CODE_SIGNING], Criticality::Optional),
    ];
    if !leaf.uris.is_empty() {
        let uris = leaf.uris.iter().map(|uri| draft::check_uri(uri)).collect::<Result<Vec<_>, _>>()?;
        extensions.push(subject_alt_uris(&uris, Criticality::Optional));
    }
    if let Some(uri) = leaf.crl {
        extensions.push(crl_distribution_point(draft::check_uri(uri)?));
    }
    draft::write(issuance, leaf.subject, extensions)
}
