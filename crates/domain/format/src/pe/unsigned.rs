//! What a CMS signature carries without covering it: timestamps, nested signatures, certificates, and whatever else
//! somebody put there.
//!
//! ```text
//! 30 L 06 09 …07 02 a0 L 30 L  02 01 01
//!    31 0f 30 0d 06 09 …          digestAlgorithms: not covered; exactly one is accepted
//!    30 L 06 0a … a0 L …          content: covered by the message digest
//!    a0 L …                       certificates: not covered; each must be used in the chain
//!    a1 L …                       crls: not covered, not read, so refused
//!    31 L 30 L … a1 L …           unsigned attributes: only tokens and nested signatures are accepted
//! ```

use chancery_x509::cms::algorithm::parse_digest;
use chancery_x509::cms::oid;
use chancery_x509::cms::parse::SignedData;
use chancery_x509::tlv::{self, SEQUENCE, SET, TlvError};

/// The parts that are not covered and are understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned<'a> {
    /// RFC 3161 tokens over the signature value, DER.
    pub timestamps: Vec<&'a [u8]>,
    /// Nested signatures, DER; each is extracted and judged on its own.
    pub nested: Vec<&'a [u8]>,
}

/// Something that is neither covered nor understood: room to hide data in a file that stays validly signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stowaway {
    /// An unsigned attribute of another type.
    #[error("an unsigned attribute of unknown type")]
    Attribute,
    /// A field with revocation lists.
    #[error("revocation lists")]
    Crls,
    /// Not exactly one digest algorithm, as in the signer info.
    #[error("more than one digest algorithm")]
    DigestAlgorithms,
    /// Not exactly one signer.
    #[error("not exactly one signer")]
    Signers,
    /// Not the DER that it parsed as.
    #[error("not a cms structure")]
    Structure,
}

/// Sorts what is not covered. `blob` is the ContentInfo that `signature` was parsed from.
pub fn unsigned<'a>(blob: &[u8], signature: &'a SignedData) -> Result<Unsigned<'a>, Stowaway> {
    let [signer] = signature.signers.as_slice() else { return Err(Stowaway::Signers) };
    let fields = fields(blob).map_err(|_| Stowaway::Structure)?;
    if fields.crls {
        return Err(Stowaway::Crls);
    }
    if fields.digest_algorithms.len() != 1 || parse_digest(fields.first_digest()) != Ok(signer.digest) {
        return Err(Stowaway::DigestAlgorithms);
    }
    let mut unsigned = Unsigned { timestamps: Vec::new(), nested: Vec::new() };
    for attribute in &signer.unsigned_attributes {
        let kind = match attribute.oid {
            oid::SPC_RFC3161 => &mut unsigned.timestamps,
            oid::SPC_NESTED_SIGNATURE => &mut unsigned.nested,
            _ => return Err(Stowaway::Attribute),
        };
        kind.extend(attribute.values.iter().map(Vec::as_slice));
    }
    Ok(unsigned)
}

struct Fields<'a> {
    digest_algorithms: Vec<&'a [u8]>,
    crls: bool,
}

impl<'a> Fields<'a> {
    fn first_digest(&self) -> &'a [u8] {
        self.digest_algorithms.first().copied().unwrap_or_default()
    }
}

fn fields(blob: &[u8]) -> Result<Fields<'_>, TlvError> {
    let mut info = tlv::only(blob, SEQUENCE)?;
    info.any()?;
    let mut body = info.inner(tlv::context(0))?.inner(SEQUENCE)?;
    body.any()?;
    let mut set = body.inner(SET)?;
    let mut digest_algorithms = Vec::new();
    while !set.is_empty() {
        digest_algorithms.push(set.any()?.raw);
    }
    body.any()?;
    body.optional(tlv::context(0))?;
    let crls = body.optional(tlv::context(1))?.is_some();
    Ok(Fields { digest_algorithms, crls })
}
