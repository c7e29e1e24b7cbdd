//! The built-in time stamping authority (RFC 3161): the keyguard's key and clock.

use chancery_core::digest::DigestAlgorithm;
use chancery_core::id::KeyId;
use chancery_core::message::Stamp;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_core::warrant::Duty;
use chancery_x509::serial::Serial;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::{CertificateWish, Nonce, TimestampRequest};
use chancery_x509::tsp::response::{self, FailInfo};
use chancery_x509::tsp::token;
use chancery_x509::tsp::tst_info::{Accuracy, TstInfo};
use const_oid::ObjectIdentifier;

use crate::authority::failed;
use crate::duty::fulfil;
use crate::established::stamper;
use crate::keyguard::{CallError, Keyguard};

/// The policy under which the built-in authority stamps: the arc that Sigstore's own authorities use, so that clients
/// which look at it find what they know.
const POLICY: &str = "1.3.6.1.4.1.57264.2";

/// How far genTime may be from the clock when it is signed, in seconds: the time between two lines of code.
const MAX_DRIFT: i64 = 2;

/// Stamps a request; one that cannot be stamped gets a rejection as the RFC has it, not an error.
pub fn stamp(keyguard: &Keyguard, wish: &Stamp) -> Result<Vec<u8>, CallError> {
    let request = match TimestampRequest::parse(&wish.request) {
        Ok(request) => request,
        Err(error) => return Ok(response::rejected(error.fail_info(), &error.to_string())),
    };
    let policy = ObjectIdentifier::new(POLICY).map_err(failed)?;
    if request.policy.is_some_and(|wanted| wanted != policy) {
        let text = format!("the only policy here is {POLICY}");
        return Ok(response::rejected(FailInfo::UnacceptedPolicy, &text));
    }
    let stamping = Stamping {
        imprint: request.imprint,
        serial: Serial::new(&wish.serial).map_err(failed)?,
        nonce: request.nonce,
        certificates: request.certificates,
    };
    Ok(response::granted(&stamping.token(keyguard)?))
}

/// Stamps a signature that was made here just now: the token, ContentInfo, DER. Without a nonce: there was no request.
pub fn over(keyguard: &Keyguard, signature: &[u8]) -> Result<Vec<u8>, CallError> {
    let mut serial = keyguard.parts.entropy.sixteen();
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    let stamping = Stamping {
        imprint: Imprint::of(DigestAlgorithm::Sha256, signature),
        serial: Serial::new(&serial).map_err(failed)?,
        nonce: None,
        certificates: CertificateWish::Include,
    };
    stamping.token(keyguard)
}

/// What a token will say, apart from the time.
struct Stamping {
    imprint: Imprint,
    serial: Serial,
    nonce: Option<Nonce>,
    certificates: CertificateWish,
}

impl Stamping {
    fn token(self, keyguard: &Keyguard) -> Result<Vec<u8>, CallError> {
        let established = keyguard.established().ok_or_else(|| failed("not initialised"))?;
        let gen_time = whole_second(keyguard.parts.clock.now());
        let (own, scheme) = established.stamping_at(gen_time).map_err(failed)?;
        let info = TstInfo {
            policy: ObjectIdentifier::new(POLICY).map_err(failed)?,
            imprint: self.imprint,
            serial: self.serial,
            gen_time,
            accuracy: Some(Accuracy { seconds: 1, millis: 0, micros: 0 }),
            nonce: self.nonce,
        };
        let tst_info = info.to_der().map_err(failed)?;
        let duty = Duty::Timestamp { key: own.key.clone(), tst_info: tst_info.clone() };
        let signature = fulfil(keyguard, &duty)?;
        let stamper = stamper(&own.value, scheme);
        token::assemble(&tst_info, &stamper, self.certificates, &signature.0).map_err(failed)
    }
}

/// As exact as the accuracy says. DER drops trailing zeros of a fraction, and there are verifiers that read three digits or
/// none: they would refuse one token in ten.
const fn whole_second(time: Time) -> Time {
    Time::from_millis(time.millis().saturating_sub(time.millis().rem_euclid(1000)))
}

/// The signed attributes over a TSTInfo: what the time stamping key signs, and the only thing.
///
/// ATTACK: signed attributes over any other content would be a CMS signature by a trusted certificate. So they are
/// made here, from a TSTInfo that is read and written again the same, of our policy and of this moment.
pub fn to_be_signed(keyguard: &Keyguard, key: &KeyId, tst_info: &[u8]) -> Result<Vec<u8>, Refusal> {
    let refuse = |why: &dyn std::fmt::Display| Refusal::new(RefusalCode::StatementInvalid, why.to_string());
    let info = TstInfo::parse(tst_info).map_err(|error| refuse(&error))?;
    if info.to_der().map_err(|error| refuse(&error))? != tst_info || info.policy.to_string() != POLICY {
        return Err(refuse(&"timestamp information is not as this authority writes it"));
    }
    if keyguard.parts.clock.now().seconds_since(info.gen_time).abs() > MAX_DRIFT {
        return Err(refuse(&"timestamp information is of another time"));
    }
    let established = keyguard.established().ok_or_else(|| refuse(&"not initialised"))?;
    let (own, scheme) = established.stamping_at(info.gen_time).map_err(|error| refuse(&error))?;
    if own.key != *key {
        return Err(refuse(&"another key stamps at this moment"));
    }
    let attributes =
        token::attributes(tst_info, &stamper(&own.value, scheme)).map_err(|error| refuse(&error))?;
    Ok(attributes.to_be_signed().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_no_fraction() {
        for (given, expected) in
            [(1_790_000_000_120, 1_790_000_000_000), (1_790_000_000_999, 1_790_000_000_000), (0, 0)]
        {
            assert_eq!(whole_second(Time::from_millis(given)), Time::from_millis(expected));
        }
    }
}
