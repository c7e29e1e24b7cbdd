//! What the keys of the authorities may sign as a duty: the TBS structures of known profiles, and nothing else.
//!
//! A structure is parsed, judged, and written again from what was understood; only bytes that come out the same are
//! signed, so that nothing unread is ever certified. Which profile a key signs:
//!
//! ```text
//! root        itself · issuing CA                 before the authorities are kept; then the next issuing CA · revocation lists
//! tsa-root    itself · time stamping certificate  before the authorities are kept; then the next one · revocation lists
//! issuing     code signing leaf over a key of family cms or notary · revocation list
//! ```
//!
//! Identity leaves are not among them: they come only out of an order, see [`crate::checks`].

use chancery_core::id::KeyId;
use chancery_core::port::custodian::KeyDescription;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_x509::certificate::{self, Certificate};
use chancery_x509::crl;
use chancery_x509::extension;
use chancery_x509::oid;
use chancery_x509::profile::authority::{self, AuthorityKind, Standing};
use chancery_x509::profile::code_signing::{self, CodeSigning};
use chancery_x509::profile::draft::{Issuance, Issuer};
use chancery_x509::profile::timestamping;
use chancery_x509::tlv;

use crate::established::Established;
use crate::keyguard::Keyguard;
use crate::names::ServiceKey;

/// CSBR 6.3.2: a code signing leaf lives at most 460 days.
pub const MAX_LEAF_DAYS: i64 = 460;
/// RFC 5280 leaves it open; CSBR 7.2 allows a year for lists of authorities.
const MAX_LIST_DAYS: i64 = 366;
const DAY: i64 = 86_400;
/// Phase 2 needs a signature to be parsable; this one never leaves.
const NO_SIGNATURE: &[u8] = &[0];

/// Checks that a key may sign a TBSCertificate or TBSCertList.
pub fn check(keyguard: &Keyguard, signer: &KeyId, tbs: &[u8]) -> Result<(), Refusal> {
    let role = ServiceKey::of(signer).map(|(key, _)| key);
    let role = role.ok_or_else(|| refuse(format!("`{signer}` is not a key of an authority")))?;
    let signer = crate::duty::key(&keyguard.parts.custodians, signer)?;
    let established = keyguard.established();
    let signing = Signing { keyguard, role, signer: &signer, established: established.as_deref() };
    let first = tlv::only(tbs, tlv::SEQUENCE).map_err(refuse)?.peek();
    // RFC 5280 §4.1 begins with the tagged version, §5.1 with a bare INTEGER.
    let again = if first == Some(tlv::INTEGER) { signing.list(tbs)? } else { signing.certificate(tbs)? };
    if again == tbs { Ok(()) } else { Err(refuse("holds something that its profile does not have")) }
}

fn refuse(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(RefusalCode::StatementInvalid, format!("certificate is not one that this key signs: {why}"))
}

/// A key with its role, and what is established already.
struct Signing<'a> {
    keyguard: &'a Keyguard,
    role: ServiceKey,
    signer: &'a KeyDescription,
    established: Option<&'a Established>,
}

impl Signing<'_> {
    fn certificate(&self, tbs: &[u8]) -> Result<Vec<u8>, Refusal> {
        let algorithm = self.signer.public_key.algorithm;
        let found = certificate::assemble(tbs, algorithm, NO_SIGNATURE).map_err(refuse)?;
        match (self.role, self.established) {
            (ServiceKey::Root | ServiceKey::TsaRoot, None) => self.authority(&found),
            (ServiceKey::Issuing, Some(established)) => self.leaf(&found, established),
            (ServiceKey::Root | ServiceKey::TsaRoot, Some(established)) => {
                self.successor(&found, established)
            }
            (ServiceKey::Issuing, None) => Err(refuse("there is no authority yet")),
            (
                ServiceKey::Cosigner | ServiceKey::Ct | ServiceKey::Trust | ServiceKey::Tsa | ServiceKey::Tuf,
                _,
            ) => Err(refuse("the key certifies nothing")),
        }
    }

    fn authority(&self, found: &Certificate) -> Result<Vec<u8>, Refusal> {
        let subject = self.subject(found, |key| ServiceKey::of(&key.id).is_some())?;
        let below = [
            (ServiceKey::Root, ServiceKey::Root, Some(AuthorityKind::Root)),
            (ServiceKey::Root, ServiceKey::Issuing, Some(AuthorityKind::Issuing { path_length: 0 })),
            (ServiceKey::TsaRoot, ServiceKey::TsaRoot, Some(AuthorityKind::TimestampRoot)),
            (ServiceKey::TsaRoot, ServiceKey::Tsa, None),
        ];
        let named = |key: ServiceKey| key.id().is_ok_and(|id| id == subject.id);
        let found_below = below.into_iter().find(|(above, key, _)| *above == self.role && named(*key));
        let not_below = || refuse(format!("`{}` is not below this authority", subject.id));
        let (_, _, kind) = found_below.ok_or_else(not_below)?;
        if (subject.id == self.signer.id) != found.is_self_issued() {
            return Err(refuse("names and keys disagree about who issued it"));
        }
        let standing = if found.is_dev() { Standing::Dev } else { Standing::Regular };
        self.again(found, &subject, |issuance| match kind {
            Some(kind) => authority::tbs(issuance, found.subject(), kind, standing),
            None => timestamping::tbs(issuance, found.subject(), None),
        })
    }

    /// The next of its kind: its generation is the one that follows those that were made.
    fn successor(&self, found: &Certificate, established: &Established) -> Result<Vec<u8>, Refusal> {
        let subject = self.subject(found, |key| ServiceKey::of(&key.id).is_some())?;
        let lineage = &established.lineage;
        let next = match (self.role, ServiceKey::of(&subject.id)) {
            (ServiceKey::Root, Some((ServiceKey::Issuing, generation))) => {
                generation == lineage.issuing().len().saturating_add(1)
            }
            (ServiceKey::TsaRoot, Some((ServiceKey::Tsa, generation))) => {
                generation == lineage.stamping().len().saturating_add(1)
            }
            (_, _) => false,
        };
        let own = if self.role == ServiceKey::Root { &established.root } else { &established.tsa_root };
        if !next || found.issuer() != own.subject() {
            return Err(refuse("it is not the next one below this authority"));
        }
        let standing = if established.shown.dev { Standing::Dev } else { Standing::Regular };
        self.again(found, &subject, |issuance| {
            if self.role == ServiceKey::Root {
                let kind = AuthorityKind::Issuing { path_length: 0 };
                return authority::tbs(issuance, found.subject(), kind, standing);
            }
            timestamping::tbs(issuance, found.subject(), None)
        })
    }

    fn leaf(&self, found: &Certificate, established: &Established) -> Result<Vec<u8>, Refusal> {
        let subject = self.subject(found, |key| key.family.uses_certificate())?;
        if found.issuer() != self.issuing(established)?.subject() {
            return Err(refuse("another authority is named as issuer"));
        }
        let validity = found.validity();
        let life = validity.not_after().seconds_since(validity.not_before());
        if life > MAX_LEAF_DAYS.saturating_mul(DAY) {
            return Err(refuse("lives longer than 460 days"));
        }
        let list = found.extension(oid::CRL_DISTRIBUTION_POINTS);
        let crl = list.map(|list| extension::read_crl_distribution_point(list.value())).transpose();
        let leaf = CodeSigning { subject: found.subject(), uris: &[], crl: crl.map_err(refuse)? };
        self.again(found, &subject, |issuance| code_signing::tbs(issuance, &leaf))
    }

    /// The certificate of this very issuing key.
    fn issuing<'b>(&self, established: &'b Established) -> Result<&'b Certificate, Refusal> {
        let own = established.lineage.issuing().iter().find(|own| own.key == self.signer.id);
        own.map(|own| &own.value).ok_or_else(|| refuse("the key has no certificate yet"))
    }

    /// The key of this keyguard that is certified.
    fn subject(
        &self,
        found: &Certificate,
        fits: impl Fn(&KeyDescription) -> bool,
    ) -> Result<KeyDescription, Refusal> {
        let keys = self.keyguard.parts.custodians.list();
        let own = keys.into_iter().find(|key| key.public_key.spki == found.spki() && fits(key));
        own.ok_or_else(|| refuse("certifies a key that is not of this keyguard, or not of the right family"))
    }

    fn again<E: std::fmt::Display>(
        &self,
        found: &Certificate,
        subject: &KeyDescription,
        write: impl FnOnce(&Issuance<'_>) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, Refusal> {
        let issuer = Issuer::itself(found.issuer(), &self.signer.public_key).map_err(refuse)?;
        let (serial, validity) = (found.serial(), found.validity());
        write(&Issuance { issuer: &issuer, serial, validity, key: &subject.public_key }).map_err(refuse)
    }

    fn list(&self, tbs: &[u8]) -> Result<Vec<u8>, Refusal> {
        let found = crl::assemble(tbs, self.signer.public_key.algorithm, NO_SIGNATURE).map_err(refuse)?;
        let established = self.established.ok_or_else(|| refuse("there is no authority yet"))?;
        let own = match self.role {
            ServiceKey::Issuing => self.issuing(established)?,
            ServiceKey::Root => &established.root,
            ServiceKey::TsaRoot => &established.tsa_root,
            ServiceKey::Cosigner | ServiceKey::Ct | ServiceKey::Trust | ServiceKey::Tsa | ServiceKey::Tuf => {
                return Err(refuse("the key revokes nothing"));
            }
        };
        let in_force = found.in_force();
        let life = in_force.not_after().seconds_since(in_force.not_before());
        if found.issuer() != own.subject() || life > MAX_LIST_DAYS.saturating_mul(DAY) {
            return Err(refuse("another authority's list, or one in force for more than 366 days"));
        }
        let number = found.number().iter().try_fold(0_u64, |sum, byte| {
            sum.checked_mul(256).and_then(|sum| sum.checked_add(u64::from(*byte)))
        });
        let number = number.ok_or_else(|| refuse("the list's number is too large"))?;
        let issuer = Issuer::of(own).map_err(refuse)?;
        crl::tbs(&issuer, in_force, number, found.revoked()).map_err(refuse)
    }
}
