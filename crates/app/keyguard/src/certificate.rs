//! Long-lived code-signing certificates of the built-in CA, for native formats.

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
use crate::duty::service_key;
use crate::keyguard::{CallError, Keyguard};
use crate::names::ServiceKey;

/// Issues a certificate for a key of family `cms` and keeps the chain: leaf, issuing CA.
pub fn issue(keyguard: &Keyguard, wish: &CertificateIssue) -> Result<Vec<Der>, CallError> {
    let established = keyguard.established().ok_or_else(|| failed("not initialised"))?;
    let key = keyguard.parts.custodians.describe(&wish.key)?;
    if key.family != Family::Cms || wish.days == 0 || i64::from(wish.days) > MAX_LEAF_DAYS {
        let refusal = Refusal::new(RefusalCode::KeyUnusable, "no certificate for this key and life");
        let actual = format!("family {}, {} days", key.family, wish.days);
        return Err(refusal.because(actual, "family cms, 1 to 460 days").into());
    }
    let organisation = (Attribute::Organization, established.shown.organisation.as_str());
    let subject = Name::build(&[organisation, (Attribute::CommonName, &wish.common_name)]).map_err(failed)?;
    let from = keyguard.parts.clock.now().plus_seconds(-300);
    let until = from.plus_seconds(i64::from(wish.days).saturating_mul(86_400));
    let issuer = Issuer::of(&established.issuing).map_err(failed)?;
    let serial = Serial::new(&wish.serial).map_err(failed)?;
    let validity = Validity::new(from, until).map_err(failed)?;
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: &key.public_key };
    let leaf = CodeSigning { subject: &subject, uris: &[], crl: None };
    let tbs = code_signing::tbs(&issuance, &leaf).map_err(failed)?;
    let certificate = sign_certificate(keyguard, &service_key(ServiceKey::Issuing)?, tbs)?;
    let chain = vec![Der(certificate.as_der().to_vec()), established.shown.issuing.clone()];
    keyguard.chains.put(&wish.key, chain.clone(), &keyguard.memory)?;
    Ok(chain)
}
