//! notation's plugin protocol 1.0: a command as argument, JSON on stdin and stdout, errors as JSON on stderr.
//!
//! ```text
//! notation-chancery generate-envelope   {"contractVersion":"1.0","keyId":"acme-release","payload":"eyJ0…",
//!                                        "payloadType":"application/vnd.cncf.notary.payload.v1+json",
//!                                        "signatureEnvelopeType":"application/jose+json","expiryDurationInSeconds":0}
//!                                     → {"signatureEnvelope":"eyJw…","signatureEnvelopeType":"application/jose+json"}
//! on failure, exit 1                  → {"errorCode":"ACCESS_DENIED","errorMessage":"error[CH4012]: …"}
//! ```
//! The key's id is the name of a profile.

use std::ffi::OsString;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_api::profile::Profile;
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::verdict::Outcome;
use chancery_format::notary::envelope::{Envelope, Kind};
use chancery_format::notary::payload::{CONTENT_TYPE, Target};
use chancery_format::notary::statement::Body;
use chancery_verify::notary::Named;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::verify::{self, Context, Evidence};
use serde_json::{Value, json};

use super::Plugin;
use super::desk::{self, Desk, Given, answer, told};
use super::notation_raw;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::Host;
use crate::terminal::Streams;

/// The version of the protocol that is spoken.
const CONTRACT: &str = "1.0";
/// Largest request in bytes.
const MAX_REQUEST: u64 = 1 << 20;

/// Every command's request; members that a command does not have are absent.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    contract_version: Option<String>,
    #[serde(default)]
    pub(super) key_id: String,
    #[serde(default)]
    pub(super) payload: String,
    #[serde(default)]
    payload_type: String,
    #[serde(default)]
    signature_envelope_type: String,
    #[serde(default)]
    expiry_duration_in_seconds: u64,
    #[serde(default)]
    pub(super) key_spec: String,
    #[serde(default)]
    pub(super) hash_algorithm: String,
    #[serde(default)]
    plugin_config: std::collections::BTreeMap<String, String>,
}

/// Runs one command.
pub(super) fn run(
    plugin: Plugin,
    arguments: &[OsString],
    given: &mut dyn Read,
    (host, streams): (&dyn Host, Streams<'_>),
) -> u8 {
    let command = arguments.first().and_then(|command| command.to_str()).unwrap_or_default();
    let written = match attempt(plugin, command, given, host) {
        Ok(value) => writeln!(streams.out, "{value}").map(|()| 0),
        Err(failure) => {
            let error = json!({"errorCode": error_code(&failure), "errorMessage": told(&failure)});
            writeln!(streams.err, "{error}").map(|()| 1)
        }
    };
    written.unwrap_or(1)
}

fn attempt(plugin: Plugin, command: &str, given: &mut dyn Read, host: &dyn Host) -> Result<Value, Failure> {
    let mut text = Vec::new();
    given
        .take(MAX_REQUEST)
        .read_to_end(&mut text)
        .map_err(|error| Failure::new(Code::Usage, format!("cannot read stdin: {error}")))?;
    // Its request says nothing, and notation sends `{}`.
    if command == "get-plugin-metadata" {
        return Ok(metadata(plugin));
    }
    let asked: Asked = serde_json::from_slice(&text).map_err(|error| invalid(&error))?;
    check(&asked)?;
    match (command, plugin) {
        ("describe-key", _) => {
            let desk = Desk::open(host)?;
            let spec = key_spec(&desk.profile(&asked.key_id)?)?;
            Ok(json!({"keyId": asked.key_id, "keySpec": spec.0}))
        }
        ("generate-envelope", Plugin::Notation) => envelope(&asked, host),
        ("generate-signature", Plugin::NotationRaw) => notation_raw::signature(&asked, host),
        _ => Err(invalid(&format!("no command `{command}` in {}", plugin.file_name()))),
    }
}

fn metadata(plugin: Plugin) -> Value {
    let file_name = plugin.file_name();
    let capability = match plugin {
        Plugin::NotationRaw => "SIGNATURE_GENERATOR.RAW",
        Plugin::Notation | Plugin::SigstoreKms => "SIGNATURE_GENERATOR.ENVELOPE",
    };
    json!({
        "name": file_name.strip_prefix("notation-").unwrap_or(file_name),
        "description": "signs with keys that a chancery service keeps",
        "version": env!("CARGO_PKG_VERSION"),
        "url": "https://chancery.example/",
        "supportedContractVersions": [CONTRACT],
        "capabilities": [capability],
    })
}

fn check(asked: &Asked) -> Result<(), Failure> {
    if asked.contract_version.as_deref() != Some(CONTRACT) {
        let found = asked.contract_version.clone().unwrap_or_default();
        let failure = invalid(&"the contract's version is not spoken here").because(found, CONTRACT);
        return Err(Failure { code: UNSUPPORTED.to_owned(), ..failure });
    }
    match asked.plugin_config.keys().next() {
        // A wish that nobody looks at would be taken for one that was granted.
        Some(name) => Err(invalid(&format!("`{name}` is no configuration of this plugin"))
            .hint("the service comes from CHANCERY_SERVER and CHANCERY_CA")),
        None => Ok(()),
    }
}

/// What one of our failures carries until it is told, where the contract has a code of its own.
const UNSUPPORTED: &str = "UNSUPPORTED_CONTRACT_VERSION";

fn error_code(failure: &Failure) -> &'static str {
    if failure.code == UNSUPPORTED {
        return UNSUPPORTED;
    }
    match failure.exit {
        Exit::Unauthenticated | Exit::Denied | Exit::Pending => "ACCESS_DENIED",
        Exit::Usage => "VALIDATION_ERROR",
        Exit::Temporary => "TIMEOUT",
        Exit::Ok
        | Exit::Error
        | Exit::Unsigned
        | Exit::Invalid
        | Exit::Untrusted
        | Exit::ExpiredOrRevoked
        | Exit::Unlogged
        | Exit::Unsupported => "ERROR",
    }
}

/// The request is not one.
pub(super) fn invalid(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Usage, format!("notation's request: {error}"))
}

/// The key's kind as notation names it, and the digest that goes with it.
pub(super) fn key_spec(profile: &Profile) -> Result<(&'static str, &'static str), Failure> {
    let rule = profile.formats.get(&FormatName::Notary);
    let key = rule.and_then(|rule| rule.families.get(&Family::Notary)).ok_or_else(|| {
        let what = format!("profile `{}` does not sign for notation", profile.name);
        Failure::new(Code::Usage, what).because("no format `notary`", "a profile with format `notary`")
    })?;
    match key.algorithm {
        Some(KeyAlgorithm::EcdsaP256) => Ok(("EC-256", "SHA-256")),
        Some(KeyAlgorithm::EcdsaP384) => Ok(("EC-384", "SHA-384")),
        Some(other @ (KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096)) => {
            Err(Failure::new(Code::Usage, format!("notation has no `{other}` keys of this service")))
        }
        None => Err(Failure::new(Code::Unknown, format!("key `{}` does not exist", key.key))),
    }
}

fn envelope(asked: &Asked, host: &dyn Host) -> Result<Value, Failure> {
    let kind = Kind::from_media_type(&asked.signature_envelope_type);
    let kind = kind.ok_or_else(|| invalid(&format!("envelope type `{}`", asked.signature_envelope_type)))?;
    if asked.payload_type != CONTENT_TYPE {
        return Err(invalid(&format!("payload type `{}`", asked.payload_type)));
    }
    let payload = STANDARD.decode(&asked.payload).map_err(|error| invalid(&error))?;
    let target = Target::parse(&payload).map_err(|error| invalid(&error))?;
    let life = asked.expiry_duration_in_seconds;
    let body = Body {
        annotations: target.annotations.clone(),
        envelope: kind,
        expiry_seconds: (life > 0).then_some(life),
        media_type: target.media_type.clone(),
        signing_time: None,
    };
    let (given, _) = obtain(&asked.key_id, &target, &body, host)?;
    Ok(json!({
        "signatureEnvelope": STANDARD.encode(&given.result.blob),
        "signatureEnvelopeType": kind.media_type(),
        "annotations": {"dev.chancery.request": given.request.to_string()},
    }))
}

/// Asks for an envelope over a target, and judges it: it must be by the profile's own key, over exactly this.
pub(super) fn obtain(
    profile: &str,
    target: &Target,
    body: &Body,
    host: &dyn Host,
) -> Result<(Given, Envelope), Failure> {
    let body = Body::from_json(&body.to_json()).map_err(|error| invalid(&error))?;
    let artifact = target.sha256().map_err(|error| invalid(&error))?;
    let desk = Desk::open(host)?;
    let profile = desk.profile(profile)?;
    key_spec(&profile)?;
    let family = (FormatName::Notary, Family::Notary);
    let statement = desk::statement(family, (artifact, target.size), body.to_json());
    let given = desk.sign(&profile, statement)?;
    let envelope = Envelope::parse(&given.result.blob).map_err(|error| answer(&error))?;
    if envelope.target != *target || envelope.kind != body.envelope {
        return Err(answer(&"the envelope is over another target"));
    }
    let key = Sha256::of(&desk.key(&profile, Family::Notary)?.spki);
    let trust = desk.trust()?;
    let mut policy = VerificationPolicy::exactly(trust.environment, FormatName::Notary, "", "");
    (policy.issuer, policy.identity, policy.key) = (None, None, Some(key));
    let named = Named { artifact, size: target.size, media_type: Some(&target.media_type) };
    let shown = Evidence::Notary { named, envelope: &given.result.blob };
    let verdict = verify::verify(&shown, &Context { trust: &trust, policy: &policy, at: host.now() });
    let outcome = verdict.outcome();
    if outcome == Outcome::Verified {
        return Ok((given, envelope));
    }
    Err(answer(&format!("the new signature is {}", outcome.name())))
}
