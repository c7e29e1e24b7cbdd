//! Long-lived code-signing certificates of the built-in CA, for native formats.
//!
//! ```text
//! cms       O, CN           chain that is kept: leaf, issuing CA
//! notary    C, ST, O, CN    chain that is kept: leaf, issuing CA, root; envelopes carry all three
//! ```

use chancery_core::family::Family;
use chancery_core::message::{CertificateIssue, Der};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_x509::name::{Attribute, Name};
use chancery_x509::profile::code_signing::{self, CodeSigning};
use chancery_x509::profile::draft::{Issuance, Issuer};
use chancery_x509::serial::Serial;
use chancery_x509::validity::Validity;

use crate::authority::{failed, sign_certificate};
use crate::certifiable::MAX_LEAF_DAYS;
use crate::keyguard::{CallError, Keyguard};

/// How long before now a certificate begins, in seconds: clocks differ.
const BACKDATE: i64 = 300;

/// Issues a certificate for a key of a family that uses them, and keeps its chain.
pub fn issue(keyguard: &Keyguard, wish: &CertificateIssue) -> Result<Vec<Der>, CallError> {
    let established = keyguard.established().ok_or_else(|| failed("not initialised"))?;
    let key = keyguard.parts.custodians.describe(&wish.key)?;
    if !key.family.uses_certificate() || wish.days == 0 || i64::from(wish.days) > MAX_LEAF_DAYS {
        let refusal = Refusal::new(RefusalCode::KeyUnusable, "no certificate for this key and life");
        let actual = format!("family {}, {} days", key.family, wish.days);
        return Err(refusal.because(actual, "family cms or notary, 1 to 460 days").into());
    }
    let subject = subject(key.family, wish, &established.shown.organisation)?;
    let from = keyguard.parts.clock.now().plus_seconds(-BACKDATE);
    let until = from.plus_seconds(i64::from(wish.days).saturating_mul(86_400));
    let issuing = established.issuing_at(keyguard.parts.clock.now()).map_err(failed)?;
    let issuer = Issuer::of(&issuing.value).map_err(failed)?;
    let serial = Serial::new(&wish.serial).map_err(failed)?;
    let validity = Validity::new(from, until).map_err(failed)?;
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: &key.public_key };
    let leaf = CodeSigning { subject: &subject, uris: &[], crl: wish.crl.as_deref() };
    let tbs = code_signing::tbs(&issuance, &leaf).map_err(failed)?;
    let certificate = sign_certificate(keyguard, &issuing.key, tbs)?;
    let mut chain = vec![Der(certificate.as_der().to_vec()), Der(issuing.value.as_der().to_vec())];
    if key.family == Family::Notary {
        chain.push(established.shown.root.clone());
    }
    keyguard.chains.put(&wish.key, chain.clone(), &keyguard.memory)?;
    Ok(chain)
}

/// Who the certificate says signs. notation compares C, ST and O with its trust policy, so a Notary leaf has all three.
fn subject(family: Family, wish: &CertificateIssue, organisation: &str) -> Result<Name, CallError> {
    let mut parts = Vec::with_capacity(4);
    parts.extend(wish.country.as_deref().map(|country| (Attribute::Country, country)));
    parts.extend(wish.state.as_deref().map(|state| (Attribute::State, state)));
    if family == Family::Notary && parts.len() != 2 {
        let refusal = Refusal::new(RefusalCode::KeyUnusable, "a Notary certificate names country and state");
        let hint = "give --country and --state: verifiers compare them, and the organisation, with their trust policy";
        return Err(refusal.because("one of them is missing", "both").hint(hint).into());
    }
    parts.push((Attribute::Organization, organisation));
    parts.push((Attribute::CommonName, &wish.common_name));
    Name::build(&parts).map_err(|error| {
        let refusal = Refusal::new(RefusalCode::KeyUnusable, error.to_string());
        refusal.because(error.value.clone(), "a part of a certificate name").into()
    })
}
