//! Authorities: the root, the issuing CA for code signing, and the root of the timestamping authority.
//!
//! Extensions: basicConstraints (critical), keyUsage keyCertSign + cRLSign (critical), EKU for the issuing CA and the
//! timestamping root, the dev marker where asked for, subject and authority key identifiers.

use crate::extension::{BasicConstraints, Criticality, Extension, KeyUsage, dev_marker, extended_key_usage};
use crate::name::Name;
use crate::oid;
use crate::profile::draft::{self, Issuance, ProfileError};

/// Which authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityKind {
    /// Issues code signing and identity leaves; limited to code signing.
    Issuing {
        /// How many authorities may follow; 0 for one that issues leaves only.
        path_length: u32,
    },
    /// The self-signed end of code signing chains; one issuing CA may follow another one.
    Root,
    /// The self-signed end of timestamping chains, limited to timestamping; issues TSA leaves only.
    TimestampRoot,
}

/// Whether the authority belongs to a development installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes: marked, and refused by every trust that is not dev.
    Dev,
    /// No.
    Regular,
}

/// Phase 1: the TBSCertificate of an authority, DER. Roots pass themselves as issuer.
pub fn tbs(
    issuance: &Issuance<'_>,
    subject: &Name,
    kind: AuthorityKind,
    standing: Standing,
) -> Result<Vec<u8>, ProfileError> {
    if subject.is_empty() {
        return Err(ProfileError::Subject);
    }
    let (path_length, purpose) = match kind {
        AuthorityKind::Issuing { path_length } => (path_length, Some(oid::CODE_SIGNING)),
        AuthorityKind::Root => (1, None),
        AuthorityKind::TimestampRoot => (0, Some(oid::TIME_STAMPING)),
    };
    let constraints = BasicConstraints::Authority { path_length: Some(path_length) };
    let mut extensions: Vec<Extension> = vec![constraints.to_extension(), KeyUsage::AUTHORITY.to_extension()];
    extensions.extend(purpose.map(|purpose| extended_key_usage(&[purpose], Criticality::Optional)));
    extensions.extend((standing == Standing::Dev).then(dev_marker));
    draft::write(issuance, subject, extensions)
}
