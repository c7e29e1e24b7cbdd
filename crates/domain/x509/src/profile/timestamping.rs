//! The leaf of the timestamping authority (RFC 3161 §2.3): EKU timeStamping alone and critical.

use crate::extension::{
    BasicConstraints, Criticality, Extension, KeyUsage, crl_distribution_point, extended_key_usage,
};
use crate::name::Name;
use crate::oid;
use crate::profile::draft::{self, Issuance, ProfileError};

/// Phase 1: the TBSCertificate of a TSA leaf, DER; `crl` says where the CRL is published.
pub fn tbs(issuance: &Issuance<'_>, subject: &Name, crl: Option<&str>) -> Result<Vec<u8>, ProfileError> {
    if subject.is_empty() {
        return Err(ProfileError::Subject);
    }
    let mut extensions: Vec<Extension> = vec![
        BasicConstraints::Leaf.to_extension(),
        KeyUsage::DIGITAL_SIGNATURE.to_extension(),
        extended_key_usage(&[oid::TIME_STAMPING], Criticality::Critical),
    ];
    if let Some(uri) = crl {
        extensions.push(crl_distribution_point(draft::check_uri(uri)?));
    }
    draft::write(issuance, subject, extensions)
}
