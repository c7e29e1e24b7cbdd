//! cosign's protocol for keys, `v1`: `sigstore-kms-chancery v1 '{…}'`, the message on stdin, one JSON answer on stdout.
//!
//! ```text
//! {"initOptions":{"protocolVersion":"v1","keyResourceID":"acme-release/message","hashFunc":5},
//!  "methodName":"signMessage","signMessage":{"signOptions":{"messageOptions":{"digest":"WJG1…","hashFunc":5}}}}
//! → {"signMessage":{"signature":"MEUC…"}}            → {"errorMessage":"error[CH4012]: …"}
//! ```
//! The key is named `PROFILE`, or `PROFILE/FAMILY` where the profile has keys of several families: cosign asks for the
//! public key before it says what is to be signed. It asks three to five times for one signature, so the key is kept for a
//! minute.

mod cache;

use std::ffi::OsString;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_api::key::Key;
use chancery_api::profile::Profile;
use chancery_core::algorithm::PublicKey;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_format::oci::simple::Signature;
use chancery_format::sigstore::bundle::Bundle;
use chancery_x509::certificate::write_pem;
use chancery_x509::key as keys;
use serde_json::{Value, json};

use super::desk::{self, Desk, answer, families, told};
use super::kms_content::Content;
use crate::catalogue::Code;
use crate::failure::Failure;
use crate::host::Host;
use crate::terminal::Streams;

/// The version of the protocol.
const PROTOCOL: &str = "v1";
/// Go's number of SHA-256 (`crypto.SHA256`): the digest of P-256 keys.
const SHA256: u64 = 5;
/// The one algorithm, as Sigstore names it.
const ALGORITHM: &str = "ecdsa-p256-sha256";
/// Largest message in bytes: cosign holds it in memory too.
const MAX_MESSAGE: u64 = 1 << 30;

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    init_options: InitOptions,
    method_name: String,
    #[serde(default)]
    sign_message: Option<Signing>,
    #[serde(default)]
    verify_signature: Option<Verifying>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct InitOptions {
    protocol_version: String,
    #[serde(rename = "keyResourceID")]
    key: String,
    #[serde(default)]
    hash_func: Option<u64>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signing {
    sign_options: Options,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifying {
    signature: String,
    verify_options: Options,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    #[serde(default)]
    message_options: MessageOptions,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageOptions {
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    hash_func: Option<u64>,
}

/// Answers one call. The exit code says nothing in this protocol; it is 1 where nothing could be answered.
pub(super) fn run(arguments: &[OsString], given: &mut dyn Read, host: &dyn Host, streams: Streams<'_>) -> u8 {
    let value = match attempt(arguments, given, host) {
        Ok(value) => value,
        Err(failure) => json!({"errorMessage": told(&failure)}),
    };
    u8::from(writeln!(streams.out, "{value}").is_err())
}

fn attempt(arguments: &[OsString], given: &mut dyn Read, host: &dyn Host) -> Result<Value, Failure> {
    let text = |at: usize| arguments.get(at).and_then(|text| text.to_str()).unwrap_or_default();
    let asked: Asked = serde_json::from_str(text(1)).map_err(|error| invalid(&error))?;
    let versions = [text(0), asked.init_options.protocol_version.as_str()];
    if versions != [PROTOCOL; 2] {
        return Err(
            invalid(&"the protocol's version is not spoken here").because(versions.join(", "), PROTOCOL)
        );
    }
    match asked.method_name.as_str() {
        "defaultAlgorithm" => Ok(json!({"defaultAlgorithm": {"defaultAlgorithm": ALGORITHM}})),
        "supportedAlgorithms" => Ok(json!({"supportedAlgorithms": {"supportedAlgorithms": [ALGORITHM]}})),
        "createKey" => Err(Failure::new(Code::Usage, "keys are not made through cosign")
            .hint("an operator makes them: chancery key create")),
        "publicKey" => {
            let key = public_key(&asked.init_options.key, host)?;
            let pem = write_pem("PUBLIC KEY", &key.spki);
            Ok(json!({"publicKey": {"publicKeyPEM": STANDARD.encode(pem)}}))
        }
        "signMessage" => {
            let options = asked.sign_message.ok_or_else(|| invalid(&"no `signMessage`"))?;
            let message = message(given)?;
            check_digest(&message, &options.sign_options.message_options, asked.init_options.hash_func)?;
            let signature = sign(&asked.init_options.key, &message, host)?;
            Ok(json!({"signMessage": {"signature": STANDARD.encode(signature)}}))
        }
        "verifySignature" => {
            let options = asked.verify_signature.ok_or_else(|| invalid(&"no `verifySignature`"))?;
            let message = message(given)?;
            check_digest(&message, &options.verify_options.message_options, asked.init_options.hash_func)?;
            let signature = STANDARD.decode(&options.signature).map_err(|error| invalid(&error))?;
            let key = public_key(&asked.init_options.key, host)?;
            keys::verify(&key, &message, &signature)
                .map_err(|error| Failure::new(Code::Artifact, error.to_string()))?;
            Ok(json!({"verifySignature": {}}))
        }
        other => Err(invalid(&format!("no method `{other}`"))),
    }
}

fn invalid(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Usage, format!("cosign's request: {error}"))
}

fn message(given: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut message = Vec::new();
    let limit = MAX_MESSAGE.saturating_add(1);
    given.take(limit).read_to_end(&mut message).map_err(|error| invalid(&error))?;
    if u64::try_from(message.len()).is_ok_and(|length| length <= MAX_MESSAGE) {
        return Ok(message);
    }
    Err(Failure::new(Code::Artifact, "more than 1 GiB through cosign").hint("chancery sign takes any size"))
}

/// A digest that cosign sends beside the message is that of the message.
fn check_digest(message: &[u8], options: &MessageOptions, hash: Option<u64>) -> Result<(), Failure> {
    if [options.hash_func, hash].into_iter().flatten().any(|function| function != SHA256) {
        return Err(invalid(&"another digest than SHA-256"));
    }
    let Some(text) = options.digest.as_deref().filter(|text| !text.is_empty()) else { return Ok(()) };
    let digest = STANDARD.decode(text).map_err(|error| invalid(&error))?;
    if digest.as_slice() == Sha256::of(message).as_bytes().as_slice() {
        return Ok(());
    }
    Err(invalid(&"the digest is not that of the message")
        .hint("a bare hash is not signed: policy has to see what it stands for"))
}

/// `PROFILE`, or `PROFILE/FAMILY`.
fn named(desk: &Desk<'_>, key: &str) -> Result<(Profile, Family), Failure> {
    let (profile, family) = key.split_once('/').map_or((key, None), |(a, b)| (a, Some(b)));
    let profile = desk.profile(profile)?;
    let known = families(&profile);
    let shown = known.join(", ");
    let wrong = |what: String| {
        Failure::new(Code::Usage, what)
            .because(key, format!("{}/ and one of {shown}", profile.name))
            .hint(format!("name the family of the key: --key chancery://{}/message", profile.name))
    };
    let found = match (family, known.as_slice()) {
        (Some(name), _) => Family::from_name(name).filter(|family| known.contains(&family.name())),
        (None, [one]) => Family::from_name(one),
        (None, _) => return Err(wrong(format!("profile `{}` has keys of several families", profile.name))),
    };
    let found = found.ok_or_else(|| wrong(format!("profile `{}` has no such key", profile.name)))?;
    Ok((profile, found))
}

/// The public key, as it was a moment ago or as the service has it.
fn public_key(key: &str, host: &dyn Host) -> Result<PublicKey, Failure> {
    if let Some(kept) = cache::find(key, host) {
        return Ok(kept);
    }
    let desk = Desk::open(host)?;
    let (profile, family) = named(&desk, key)?;
    let found = desk::public(&desk.key(&profile, family)?);
    let checked = keys::parse(&found.spki).map_err(|error| answer(&error))?;
    if checked != found {
        return Err(answer(&"the key is not what its label says"));
    }
    cache::keep(key, &checked, host);
    Ok(checked)
}

/// A signature over exactly this message, by the key that cosign was told of.
fn sign(key: &str, message: &[u8], host: &dyn Host) -> Result<Vec<u8>, Failure> {
    let content = Content::read(message)?;
    let desk = Desk::open(host)?;
    let (profile, family) = named(&desk, key)?;
    if family != content.family() {
        let what = format!("this is {}; a key of family `{family}` does not sign it", content.describe());
        let way = format!("--key chancery://{}/{}", profile.name, content.family());
        return Err(Failure::new(Code::Artifact, what)
            .because(family.name(), content.family().name())
            .hint(way));
    }
    let shown = desk.key(&profile, family)?;
    let expected = public_key(key, host)?;
    if desk::public(&shown) != expected {
        cache::forget(key, host);
        return Err(answer(&"the key changed meanwhile").hint("start cosign again"));
    }
    let signature = obtain(&desk, (&profile, &shown), content, message)?;
    keys::verify(&expected, message, &signature).map_err(|error| answer(&error))?;
    Ok(signature)
}

/// The signature that the service makes of what is asked for.
fn obtain(
    desk: &Desk<'_>,
    (profile, key): (&Profile, &Key),
    content: Content,
    message: &[u8],
) -> Result<Vec<u8>, Failure> {
    let size = u64::try_from(message.len()).unwrap_or(u64::MAX);
    let statement = match content {
        Content::Blob => {
            let family = (FormatName::Sigstore, Family::Message);
            desk::statement(family, (Sha256::of(message), size), json!({}))
        }
        Content::SimpleSigning(repository, digest) => desk.image(&repository, digest)?,
        Content::Statement(statement) => statement,
    };
    let is_simple = statement.family == Family::SimpleSigning;
    let given = desk.sign(profile, statement)?;
    if given.result.key != key.id {
        return Err(answer(&"another key signed").hint("start cosign again"));
    }
    if is_simple {
        let signature = Signature::parse_json(&given.result.blob).map_err(|error| answer(&error))?;
        return Ok(signature.signature);
    }
    let bundle = Bundle::parse(&given.result.blob).map_err(|error| answer(&error))?;
    Ok(bundle.content.signature().to_vec())
}
