//! Path validation for our needs (RFC 5280 §6, restricted): leaf, unordered intermediates, trusted roots, one moment.
//!
//! Stricter than the RFC: EVERY element must be valid at the moment, the root too; every authority must say so; name
//! constraints and policy constraints are refused because they are not evaluated here; names are compared byte for
//! byte. The result holds the certificate that was checked, and callers go on with that one (T4).

use chancery_core::time::Time;

use crate::certificate::{Certificate, CertificateError};
use crate::extension::{BasicConstraints, Criticality, KeyUsage};
use crate::key::VerifyingKey;
use crate::oid::{self, Oid};

/// Most intermediates that a signature may bring along.
pub const MAX_POOL: usize = 8;
/// Longest path in certificates, leaf and root included.
pub const MAX_DEPTH: usize = 6;
/// Most signatures that are checked for one chain: a pool of certificates with one name must not cost more.
const MAX_SIGNATURES: usize = 32;

/// What the leaf shall be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signing code: EKU codeSigning, and not TLS, timestamping, OCSP or any.
    CodeSigning,
    /// Timestamping: EKU timeStamping alone and critical (RFC 3161 §2.3).
    TimeStamping,
}

impl Purpose {
    const fn oid(self) -> &'static Oid {
        match self {
            Self::CodeSigning => oid::CODE_SIGNING,
            Self::TimeStamping => oid::TIME_STAMPING,
        }
    }
}

/// Why there is no chain. Where several paths were tried, the reason of the one that came furthest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A certificate names an algorithm or key that is not accepted.
    #[error("certificate `{subject}` cannot be used")]
    Algorithm {
        /// Its subject.
        subject: String,
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// The path is longer than an authority or this implementation allows.
    #[error("path is longer than `{0}` allows")]
    Length(String),
    /// An authority that may not issue: no CA, no keyCertSign, serial zero.
    #[error("`{0}` is not an authority that may issue certificates")]
    NotAuthority(String),
    /// A leaf that is an authority itself.
    #[error("leaf certificate is an authority")]
    LeafIsAuthority,
    /// Not valid at the moment.
    #[error("certificate `{subject}` is not valid at {at}")]
    NotValid {
        /// Its subject.
        subject: String,
        /// The moment.
        at: Time,
    },
    /// The certificate is for another purpose.
    #[error("certificate `{0}` is for another purpose")]
    Purpose(String),
    /// A critical extension that is not evaluated here.
    #[error("certificate `{subject}` has the critical extension {extension}, which is not understood")]
    UnknownCritical {
        /// Its subject.
        subject: String,
        /// The extension's identifier.
        extension: String,
    },
    /// No path to a trusted root.
    #[error("certificate `{0}` does not lead to a trusted root")]
    Untrusted(String),
    /// A leaf with the serial number zero, which revocation lists cannot name.
    #[error("certificate `{0}` has the serial number zero")]
    Serial(String),
    /// More certificates or signatures than are looked at.
    #[error("too many certificates")]
    TooMany,
    /// Issued by the right name but not by its key.
    #[error("certificate `{0}` was not signed by the issuer that it names")]
    WrongSignature(String),
}

/// A chain that was checked: born only in [`verify`].
#[derive(Debug, Clone)]
pub struct VerifiedChain {
    leaf: Certificate,
    key: VerifyingKey,
    issuers: Vec<Certificate>,
    purpose: Purpose,
    at: Time,
}

impl VerifiedChain {
    /// The leaf that was checked.
    #[must_use]
    pub const fn leaf(&self) -> &Certificate {
        &self.leaf
    }
    /// The leaf's key.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }
    /// Its issuers, nearest first, the trusted root last; never empty.
    #[must_use]
    pub fn issuers(&self) -> &[Certificate] {
        &self.issuers
    }
    /// The trusted root.
    #[must_use]
    pub fn root(&self) -> &Certificate {
        self.issuers.last().unwrap_or(&self.leaf)
    }
    /// The leaf's direct issuer.
    #[must_use]
    pub fn issuer(&self) -> &Certificate {
        self.issuers.first().unwrap_or(&self.leaf)
    }
    /// What it was checked for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }
    /// The moment at which it was checked.
    #[must_use]
    pub const fn at(&self) -> Time {
        self.at
    }
    /// Whether any element carries the marker of development authorities; only dev trust may accept it.
    #[must_use]
    pub fn is_dev(&self) -> bool {
        self.leaf.is_dev() || self.issuers.iter().any(Certificate::is_dev)
    }
}

/// Checks that a leaf leads to one of the roots at a moment, for a purpose. `pool` holds further certificates in any
/// order, at most 8; those that do not help are ignored.
pub fn verify(
    leaf: &Certificate,
    pool: &[Certificate],
    roots: &[Certificate],
    purpose: Purpose,
    at: Time,
) -> Result<VerifiedChain, ChainError> {
    check_leaf(leaf, purpose)?;
    let issuers = find_path(leaf, pool, roots, purpose, at)?.into_iter().skip(1).cloned().collect();
    Ok(VerifiedChain { leaf: leaf.clone(), key: usable_key(leaf)?.clone(), issuers, purpose, at })
}

/// The path from the leaf to a root; everything but the leaf's own fitness for the purpose.
fn find_path<'a>(
    leaf: &'a Certificate,
    pool: &'a [Certificate],
    roots: &'a [Certificate],
    purpose: Purpose,
    at: Time,
) -> Result<Vec<&'a Certificate>, ChainError> {
    if pool.len() > MAX_POOL {
        return Err(ChainError::TooMany);
    }
    check_common(leaf, at)?;
    usable_key(leaf)?;
    if leaf.serial().is_zero() {
        return Err(ChainError::Serial(show(leaf)));
    }
    let mut search = Search { pool, roots, purpose, at, signatures: 0, furthest: (0, None) };
    let mut path = vec![leaf];
    if search.extend(&mut path)? {
        return Ok(path);
    }
    Err(search.furthest.1.unwrap_or_else(|| ChainError::Untrusted(show(leaf))))
}

struct Search<'a> {
    pool: &'a [Certificate],
    roots: &'a [Certificate],
    purpose: Purpose,
    at: Time,
    signatures: usize,
    /// The depth at which the most telling failure happened, and that failure.
    furthest: (usize, Option<ChainError>),
}

impl<'a> Search<'a> {
    /// Extends the path by an issuer until a root is its end. Depth of recursion is at most [`MAX_DEPTH`].
    fn extend(&mut self, path: &mut Vec<&'a Certificate>) -> Result<bool, ChainError> {
        let (roots, pool) = (self.roots, self.pool);
        for root in roots {
            if self.try_issuer(root, Place::Root, path)? {
                path.push(root);
                return Ok(true);
            }
        }
        for candidate in pool {
            // A certificate or key that is on the path already would be a loop.
            let is_loop = path
                .iter()
                .any(|known| known.spki() == candidate.spki() && known.subject() == candidate.subject());
            if is_loop || !self.try_issuer(candidate, Place::Intermediate, path)? {
                continue;
            }
            path.push(candidate);
            if self.extend(path)? {
                return Ok(true);
            }
            path.pop();
        }
        Ok(false)
    }
    /// Whether the candidate may stand above the path. Errors only when the budget is spent.
    fn try_issuer(
        &mut self,
        candidate: &Certificate,
        place: Place,
        path: &[&Certificate],
    ) -> Result<bool, ChainError> {
        let Some(child) = path.last().filter(|child| names(child, candidate)) else {
            return Ok(false);
        };
        self.signatures = self.signatures.saturating_add(1);
        if self.signatures > MAX_SIGNATURES {
            return Err(ChainError::TooMany);
        }
        match check_issuer(candidate, place, path, self.purpose)
            .and_then(|()| check_common(candidate, self.at))
            .and_then(|()| check_signature(child, candidate))
        {
            Ok(()) => Ok(true),
            Err(error) => {
                if self.furthest.1.is_none() || path.len() > self.furthest.0 {
                    self.furthest = (path.len(), Some(error));
                }
                Ok(false)
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Intermediate,
    Root,
}

fn show(certificate: &Certificate) -> String {
    let subject = certificate.subject().to_string();
    if subject.is_empty() { format!("serial {}", certificate.serial()) } else { subject }
}

/// Whether the child names the candidate as its issuer: by name, and by key identifier where both have one.
fn names(child: &Certificate, candidate: &Certificate) -> bool {
    let wanted = child.known().authority_key_identifier.as_ref();
    let found = candidate.known().subject_key_identifier.as_ref();
    let keys_agree = match (wanted, found) {
        (Some(wanted), Some(found)) => wanted == found,
        (Some(_) | None, None) | (None, Some(_)) => true,
    };
    child.issuer() == candidate.subject() && !candidate.subject().is_empty() && keys_agree
}

fn usable_key(certificate: &Certificate) -> Result<&VerifyingKey, ChainError> {
    certificate.key().map_err(|source| ChainError::Algorithm { subject: show(certificate), source })
}

fn check_signature(child: &Certificate, issuer: &Certificate) -> Result<(), ChainError> {
    let key = usable_key(issuer)?;
    child.scheme().map_err(|source| ChainError::Algorithm { subject: show(child), source })?;
    child.check_signature(key).map_err(|_| ChainError::WrongSignature(show(child)))
}

/// What holds for every element: validity (T3), and nothing critical that is not evaluated here.
fn check_common(certificate: &Certificate, at: Time) -> Result<(), ChainError> {
    const UNDERSTOOD: [&Oid; 4] =
        [oid::BASIC_CONSTRAINTS, oid::KEY_USAGE, oid::EXTENDED_KEY_USAGE, oid::SUBJECT_ALT_NAME];
    const LIMITS: [&Oid; 2] = [oid::NAME_CONSTRAINTS, oid::POLICY_CONSTRAINTS];
    if !certificate.validity().contains(at) {
        return Err(ChainError::NotValid { subject: show(certificate), at });
    }
    for extension in certificate.extensions() {
        let is_critical = extension.criticality() == Criticality::Critical;
        // Limits on trust hold even where a careless authority did not mark them critical.
        let is_limit = LIMITS.contains(&extension.oid());
        if is_limit || (is_critical && !UNDERSTOOD.contains(&extension.oid())) {
            let extension = oid::dotted(extension.oid());
            return Err(ChainError::UnknownCritical { subject: show(certificate), extension });
        }
    }
    Ok(())
}

fn check_leaf(leaf: &Certificate, purpose: Purpose) -> Result<(), ChainError> {
    let known = leaf.known();
    let wrong = || ChainError::Purpose(show(leaf));
    if matches!(known.basic_constraints, Some((BasicConstraints::Authority { .. }, _))) {
        return Err(ChainError::LeafIsAuthority);
    }
    let (usage, _) = known.key_usage.ok_or_else(wrong)?;
    if usage.includes(KeyUsage::KEY_CERT_SIGN) {
        return Err(ChainError::LeafIsAuthority);
    }
    let (purposes, criticality) = known.extended_key_usage.as_ref().ok_or_else(wrong)?;
    let has = |wanted: &Oid| purposes.iter().any(|found| found == wanted);
    let fits = match purpose {
        Purpose::TimeStamping => {
            *criticality == Criticality::Critical && purposes.len() == 1 && has(oid::TIME_STAMPING)
        }
        // CSBR 7.1.2.3: neither any purpose nor TLS; a TSA or OCSP key that signs code would be two authorities in one.
        Purpose::CodeSigning => {
            const FORBIDDEN: [&Oid; 4] =
                [oid::ANY_EXTENDED_KEY_USAGE, oid::SERVER_AUTH, oid::TIME_STAMPING, oid::OCSP_SIGNING];
            has(oid::CODE_SIGNING) && !FORBIDDEN.into_iter().any(has)
        }
    };
    // RFC 5280 §4.1.2.6: who has no subject is named by a critical alternative name.
    let is_named = !leaf.subject().is_empty()
        || leaf.extension(oid::SUBJECT_ALT_NAME).is_some_and(|e| e.criticality() == Criticality::Critical);
    if fits && is_named && usage.includes(KeyUsage::DIGITAL_SIGNATURE) { Ok(()) } else { Err(wrong()) }
}

fn check_issuer(
    issuer: &Certificate,
    place: Place,
    path: &[&Certificate],
    purpose: Purpose,
) -> Result<(), ChainError> {
    let known = issuer.known();
    let refused = || ChainError::NotAuthority(show(issuer));
    let Some((BasicConstraints::Authority { path_length }, criticality)) = known.basic_constraints else {
        return Err(refused());
    };
    let may_sign = |(usage, _): (KeyUsage, Criticality)| usage.includes(KeyUsage::KEY_CERT_SIGN);
    let fits = match place {
        // RFC 5280 §4.2.1.3, §4.2.1.9: both extensions, the constraints critical, a positive serial.
        Place::Intermediate => {
            criticality == Criticality::Critical
                && known.key_usage.is_some_and(may_sign)
                && !issuer.serial().is_zero()
        }
        // Trusted by configuration; old roots lack key usage or have the serial zero.
        Place::Root => known.key_usage.is_none_or(may_sign),
    };
    if !fits {
        return Err(refused());
    }
    check_length(issuer, path_length, place, path)?;
    let allows = |purposes: &Vec<Vec<u8>>| {
        purposes.iter().any(|found| found == purpose.oid() || found == oid::ANY_EXTENDED_KEY_USAGE)
    };
    match &known.extended_key_usage {
        Some((purposes, _)) if !allows(purposes) => Err(ChainError::Purpose(show(issuer))),
        Some(_) | None => Ok(()),
    }
}

/// RFC 5280 §4.2.1.9: authorities below that are not self-issued count against the limit.
fn check_length(
    issuer: &Certificate,
    limit: Option<u32>,
    place: Place,
    path: &[&Certificate],
) -> Result<(), ChainError> {
    let below = path.iter().skip(1).filter(|authority| !authority.is_self_issued()).count();
    let within = limit.is_none_or(|limit| u32::try_from(below).is_ok_and(|below| below <= limit));
    // An intermediate leaves room for the root above it.
    let room = match place {
        Place::Intermediate => MAX_DEPTH.saturating_sub(1),
        Place::Root => MAX_DEPTH,
    };
    if within && path.len() < room { Ok(()) } else { Err(ChainError::Length(show(issuer))) }
}

#[cfg(test)]
mod limbo;
