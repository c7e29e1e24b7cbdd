//! The built-in time stamping authority (RFC 3161): the keyguard's key and clock.

use chancery_core::message::Stamp;
use chancery_core::warrant::Duty;
use chancery_x509::certificate::Certificate;
use chancery_x509::serial::Serial;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tsp::request::TimestampRequest;
use chancery_x509::tsp::response::{self, FailInfo};
use chancery_x509::tsp::token::{self, Authority};
use chancery_x509::tsp::tst_info::{Accuracy, TstInfo};
use const_oid::ObjectIdentifier;

use crate::authority::failed;
use crate::duty::{fulfil, service_key};
use crate::keyguard::{CallError, Keyguard};
use crate::names::ServiceKey;

/// The policy under which the built-in authority stamps: the arc that Sigstore's own authorities use, so that clients
/// which look at it find what they know.
const POLICY: &str = "1.3.6.1.4.1.57264.2";

/// Stamps a request; one that cannot be stamped gets a rejection as the RFC has it, not an error.
pub fn stamp(keyguard: &Keyguard, wish: &Stamp) -> Result<Vec<u8>, CallError> {
    let request = match TimestampRequest::parse(&wish.request) {
        Ok(request) => request,
        Err(error) => return Ok(response::rejected(FailInfo::BadDataFormat, &error.to_string())),
    };
    let authorities = keyguard.authorities().ok_or_else(|| failed("not initialised"))?;
    let certificate = Certificate::parse(&authorities.tsa.0).map_err(failed)?;
    let serial = Serial::new(&wish.serial).map_err(failed)?;
    let info = TstInfo {
        policy: ObjectIdentifier::new(POLICY).map_err(failed)?,
        imprint: request.imprint.clone(),
        serial,
        gen_time: keyguard.parts.clock.now(),
        accuracy: Some(Accuracy { seconds: 1, millis: 0, micros: 0 }),
        nonce: request.nonce.clone(),
    };
    let tst_info = info.to_der().map_err(failed)?;
    let key = service_key(ServiceKey::Tsa)?;
    let scheme = SignatureScheme::of(keyguard.parts.custodians.describe(&key)?.public_key.algorithm);
    let authority = Authority { certificate: &certificate, issuers: &[], scheme };
    let attributes = token::attributes(&tst_info, &authority).map_err(failed)?;
    let duty = Duty::Timestamp { key, tst_info: attributes.to_be_signed().to_vec() };
    let signature = fulfil(&keyguard.parts.custodians, &duty)?;
    let token = token::assemble(&tst_info, &authority, request.certificates, &signature.0).map_err(failed)?;
    Ok(response::granted(&token))
}
