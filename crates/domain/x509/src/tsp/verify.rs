//! Verifies a timestamp token completely; what passes is a [`VerifiedTimestamp`].
//!
//! The order: structure, signature by exactly one certificate, that certificate named inside the signature
//! (ESSCertID), its chain for the purpose timeStamping at genTime, revocation, imprint, nonce, policy, time bounds.

use chancery_core::time::Time;
use const_oid::ObjectIdentifier;

use super::ess;
use super::imprint::Imprint;
use super::request::Nonce;
use super::response::{self, FailInfo, Response};
use super::revoked;
use super::token::MAX_SIZE;
use super::tst_info::{Accuracy, TstInfo, TstInfoError};
use crate::certificate::Certificate;
use crate::chain::{self, ChainError, Purpose, VerifiedChain};
use crate::cms::oid;
use crate::cms::parse::{self, ParseError};
use crate::cms::verify::{self as cms_verify, Message, VerifiedSigner, VerifyError};
use crate::crl::{RevocationReason, VerifiedCrl};
use crate::serial::Serial;
use crate::tlv::TlvError;

/// What was stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamped<'a> {
    /// These bytes; the token chooses one of the accepted digests.
    Message(&'a [u8]),
    /// Exactly this imprint.
    Imprint(&'a Imprint),
}

/// What the caller demands of a timestamp.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// What was stamped.
    pub stamped: Stamped<'a>,
    /// The nonce of the caller's request; `None` for tokens that were found.
    pub nonce: Option<&'a Nonce>,
    /// The policy that was asked for.
    pub policy: Option<ObjectIdentifier>,
    /// genTime may not be earlier.
    pub earliest: Option<Time>,
    /// genTime may not be later.
    pub latest: Option<Time>,
}

impl<'a> Expected<'a> {
    /// Only what was stamped; no bounds.
    #[must_use]
    pub const fn of(stamped: Stamped<'a>) -> Self {
        Self { stamped, nonce: None, policy: None, earliest: None, latest: None }
    }
}

/// Which authorities are trusted.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// Roots, by configuration.
    pub roots: &'a [Certificate],
    /// Certificates that the caller knows besides the token's: authorities and intermediates.
    pub known: &'a [Certificate],
    /// Who may have stamped.
    pub stampers: Stampers<'a>,
    /// Revocation lists of the authorities' issuers.
    pub lists: &'a [VerifiedCrl],
}

/// Which certificates may have stamped.
#[derive(Debug, Clone, Copy)]
pub enum Stampers<'a> {
    /// Every one that chains to a root.
    Any,
    /// These alone; nobody where there are none.
    Only(&'a [Certificate]),
}

impl Stampers<'_> {
    fn include(self, certificate: &Certificate) -> bool {
        match self {
            Self::Any => true,
            Self::Only(these) => these.contains(certificate),
        }
    }
}

/// A timestamp of which everything was checked. Born in [`token`] only.
#[derive(Debug, Clone)]
pub struct VerifiedTimestamp {
    info: TstInfo,
    chain: VerifiedChain,
    token: Vec<u8>,
}

/// Why a timestamp does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Not a readable token or response.
    #[error("timestamp is malformed: {0}")]
    Malformed(#[source] Malformed),
    /// The authority answered that it does not stamp.
    #[error("authority rejects the request: {text}")]
    Rejected {
        /// Its reason, where it is a known one.
        fail_info: Option<FailInfo>,
        /// Its words, harmless to print.
        text: String,
    },
    /// The signature does not hold.
    #[error("signature of the timestamp is not valid")]
    Signature(#[source] VerifyError),
    /// The signed attributes do not name the certificate that verified the signature.
    #[error("timestamp does not name the certificate that signed it")]
    SignerNotNamed,
    /// The authority is not the pinned one.
    #[error("timestamp is by an authority other than the expected one")]
    NotPinned,
    /// The authority's certificate, or one above it, is revoked in a way that this timestamp does not survive.
    #[error("authority is revoked since {since} ({reason})")]
    Revoked {
        /// From when on.
        since: Time,
        /// Why.
        reason: RevocationReason,
    },
    /// The authority's certificate does not chain to a root for timestamping at genTime.
    #[error("authority is not trusted")]
    Untrusted(#[source] ChainError),
    /// Something else was stamped.
    #[error("timestamp is over something else")]
    Imprint,
    /// The nonce is missing or another one.
    #[error("nonce differs from the request")]
    Nonce,
    /// Another policy than the one asked for.
    #[error("policy is `{0}`, which was not asked for")]
    Policy(ObjectIdentifier),
    /// genTime is outside the caller's bounds.
    #[error("time {0} is out of bounds")]
    Time(Time),
}

/// Which structure is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Larger than accepted.
    #[error("too large")]
    TooLarge,
    /// The TimeStampResp.
    #[error("not a timestamp response")]
    Response(#[source] TlvError),
    /// The CMS structure.
    #[error("not a token")]
    Token(#[source] ParseError),
    /// The TSTInfo.
    #[error("not a timestamp")]
    Info(#[source] TstInfoError),
}

/// Verifies a TimeStampResp; see [`token`].
pub fn response(
    bytes: &[u8],
    expected: &Expected<'_>,
    trust: &Trust<'_>,
) -> Result<VerifiedTimestamp, TimestampError> {
    let answer = response::parse(bytes).map_err(|e| TimestampError::Malformed(Malformed::Response(e)))?;
    match answer {
        Response::Granted { token: granted } => token(&granted, expected, trust),
        Response::Rejected { fail_info, text, .. } => Err(TimestampError::Rejected { fail_info, text }),
    }
}

/// Verifies a token, a ContentInfo of at most 64 KiB that is kept byte for byte. Unsorted certificate sets and further
/// certificates in the token are accepted; only the one whose key verified the signature is used.
pub fn token(
    bytes: &[u8],
    expected: &Expected<'_>,
    trust: &Trust<'_>,
) -> Result<VerifiedTimestamp, TimestampError> {
    let malformed = TimestampError::Malformed;
    if bytes.len() > MAX_SIZE {
        return Err(malformed(Malformed::TooLarge));
    }
    let signed = parse::parse(bytes).map_err(|e| malformed(Malformed::Token(e)))?;
    let demanded =
        cms_verify::Expected { content_type: oid::TST_INFO, message: Message::Embedded, known: trust.known };
    let signer = cms_verify::verify(&signed, &demanded).map_err(TimestampError::Signature)?;
    if !ess::names_its_certificate(&signer) {
        return Err(TimestampError::SignerNotNamed);
    }
    let content = signed.content.as_ref().map(|content| content.value.as_slice()).unwrap_or_default();
    let info = TstInfo::parse(content).map_err(|e| malformed(Malformed::Info(e)))?;
    let chain = check_authority(&signer, &signed.certificates, &info, trust)?;
    check_expected(&info, expected)?;
    Ok(VerifiedTimestamp { info, chain, token: bytes.to_vec() })
}

impl VerifiedTimestamp {
    /// When it was stamped.
    #[must_use]
    pub const fn gen_time(&self) -> Time {
        self.info.gen_time
    }
    /// How exact genTime is, by the authority's own word.
    #[must_use]
    pub const fn accuracy(&self) -> Option<Accuracy> {
        self.info.accuracy
    }
    /// The authority's serial number of this timestamp.
    #[must_use]
    pub const fn serial(&self) -> &Serial {
        &self.info.serial
    }
    /// The authority's policy.
    #[must_use]
    pub const fn policy(&self) -> ObjectIdentifier {
        self.info.policy
    }
    /// What was stamped.
    #[must_use]
    pub const fn imprint(&self) -> &Imprint {
        &self.info.imprint
    }
    /// The certificate that stamped.
    #[must_use]
    pub const fn authority(&self) -> &Certificate {
        self.chain.leaf()
    }
    /// The chain of the authority, checked at genTime.
    #[must_use]
    pub const fn chain(&self) -> &VerifiedChain {
        &self.chain
    }
    /// The token, byte for byte as it came.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.token
    }
}

fn check_authority(
    signer: &VerifiedSigner,
    bag: &[Vec<u8>],
    info: &TstInfo,
    trust: &Trust<'_>,
) -> Result<VerifiedChain, TimestampError> {
    let found = signer.certificate();
    // The same certificate, as the caller holds it: what was verified of that once need not be verified again.
    let leaf = trust.known.iter().find(|known| *known == found).unwrap_or(found);
    if !trust.stampers.include(leaf) {
        return Err(TimestampError::NotPinned);
    }
    // T4: the bag only offers issuers; the leaf is the certificate that verified. What is known or trusted already is
    // not offered twice, so that a token that carries its whole chain stays within the bounds of the search.
    let mut pool = trust.known.to_vec();
    for der in bag {
        let is_known = |known: &Certificate| known.as_der() == der.as_slice();
        if !is_known(leaf) && !pool.iter().any(is_known) && !trust.roots.iter().any(is_known) {
            pool.extend(Certificate::parse(der).ok());
        }
    }
    let chain = chain::verify(leaf, &pool, trust.roots, Purpose::TimeStamping, info.gen_time)
        .map_err(TimestampError::Untrusted)?;
    revoked::check(&chain, trust.lists, info.gen_time)?;
    Ok(chain)
}

fn check_expected(info: &TstInfo, expected: &Expected<'_>) -> Result<(), TimestampError> {
    let is_stamped = match expected.stamped {
        Stamped::Message(message) => info.imprint == Imprint::of(info.imprint.algorithm(), message),
        Stamped::Imprint(imprint) => info.imprint == *imprint,
    };
    if !is_stamped {
        return Err(TimestampError::Imprint);
    }
    if expected.nonce.is_some_and(|nonce| info.nonce.as_ref() != Some(nonce)) {
        return Err(TimestampError::Nonce);
    }
    if expected.policy.is_some_and(|policy| policy != info.policy) {
        return Err(TimestampError::Policy(info.policy));
    }
    let too_early = expected.earliest.is_some_and(|earliest| info.gen_time < earliest);
    let too_late = expected.latest.is_some_and(|latest| info.gen_time > latest);
    if too_early || too_late { Err(TimestampError::Time(info.gen_time)) } else { Ok(()) }
}
