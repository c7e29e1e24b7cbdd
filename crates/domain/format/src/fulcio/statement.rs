//! The body of a `fulcio` statement: a key, and the proof that whoever asks holds its private half. Two forms, as clients
//! send them.
//!
//! ```json
//! {"proof":"MEUCIQ…","public_key":"MFkwEwYH…"}        cosign: a signature over the subject of the token
//! {"certificate_request":"MIIBGjCBwg…"}               sigstore-python: PKCS #10, signed by the key itself
//! ```
//! The first proof says nothing about when it was made; what makes it fresh is the token, which is good for one request.
//! Names and extensions in a certificate request are not looked at: identity comes from the token alone.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::artifact::Artifact;
use chancery_core::claims::Claims;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use chancery_x509::key::{self, KeyError, VerifyingKey};
use chancery_x509::request::{CertificateRequest, InvalidRequest};
use serde_json::json;

/// What the artifact of such a statement is called.
pub const NAME: &str = "signing key";
/// Largest key, proof or certificate request in bytes.
pub const MAX_PART: usize = 8192;

/// A wish for a certificate that is not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWish {
    /// Members that are unknown or missing, not base64, or too large.
    #[error("body of a fulcio statement: {0}")]
    Body(String),
    /// The statement is of another format or family, or its artifact is not the key.
    #[error("statement is not one about the key in its body")]
    Other,
    /// Not a key, or not one that is certified.
    #[error("public key: {0}")]
    Key(#[source] KeyError),
    /// A curve, size or kind that no profile may allow.
    #[error("public key is of kind `{0}`; expected `ecdsa-p256` or `ecdsa-p384`")]
    Kind(String),
    /// Another key made the proof, or it is about another identity.
    #[error("proof of possession is not a signature of this key over the subject of the token")]
    Possession,
    /// A certificate request that is malformed or not signed by its own key.
    #[error("certificate request: {0}")]
    Request(#[source] InvalidRequest),
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    certificate_request: Option<String>,
    proof: Option<String>,
    public_key: Option<String>,
}

/// A key with the proof of its possession.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wished {
    key: PublicKey,
    proof: Proof,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Proof {
    /// A signature over the token's subject.
    Subject(Vec<u8>),
    /// The certificate request was signed by its key; that was checked when it was read.
    Request,
}

impl Wished {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }
    /// Whether its proof was made for these claims. Clients sign the subject, or the mail address where the token has one.
    pub fn check(&self, claims: &Claims) -> Result<(), InvalidWish> {
        let Proof::Subject(signature) = &self.proof else { return Ok(()) };
        let mail = claims.raw.get("email").map(String::as_str);
        let named = [Some(claims.subject.as_str()), mail].into_iter().flatten();
        let holds =
            |name: &str| !name.is_empty() && key::verify(&self.key, name.as_bytes(), signature).is_ok();
        if named.into_iter().any(holds) { Ok(()) } else { Err(InvalidWish::Possession) }
    }
}

/// The statement about a bare key with its proof.
pub fn of_key(spki: &[u8], proof: &[u8]) -> Statement {
    let body = json!({"proof": STANDARD.encode(proof), "public_key": STANDARD.encode(spki)});
    statement(spki, body)
}

/// The statement about a certificate request, DER. Errors when it is malformed or not signed by its own key.
pub fn of_request(der: &[u8]) -> Result<Statement, InvalidWish> {
    let request = CertificateRequest::parse(der).map_err(InvalidWish::Request)?;
    Ok(statement(request.spki(), json!({"certificate_request": STANDARD.encode(der)})))
}

fn statement(spki: &[u8], body: serde_json::Value) -> Statement {
    let size = u64::try_from(spki.len()).unwrap_or(u64::MAX);
    Statement {
        artifact: Artifact { name: NAME.to_owned(), digest: Sha256::of(spki), size },
        body,
        depth: Depth::Structured,
        family: Family::Certificate,
        format: FormatName::Fulcio,
    }
}

/// Reads a statement strictly: its artifact must be the key that its body carries.
pub fn parse(statement: &Statement) -> Result<Wished, InvalidWish> {
    if statement.format != FormatName::Fulcio || statement.family != Family::Certificate {
        return Err(InvalidWish::Other);
    }
    let body: Body = serde_json::from_value(statement.body.clone())
        .map_err(|error| InvalidWish::Body(error.to_string().chars().take(120).collect()))?;
    let (key, proof) = match (body.certificate_request, body.public_key, body.proof) {
        (Some(request), None, None) => {
            let request = decode(&request)?;
            let request = CertificateRequest::parse(&request).map_err(InvalidWish::Request)?;
            (read_key(request.spki())?, Proof::Request)
        }
        (None, Some(key), Some(proof)) => (read_key(&decode(&key)?)?, Proof::Subject(decode(&proof)?)),
        _ => {
            let what = "expected `public_key` and `proof`, or `certificate_request` alone";
            return Err(InvalidWish::Body(what.to_owned()));
        }
    };
    let expected = self::statement(&key.spki, statement.body.clone());
    if expected.artifact == statement.artifact && expected.depth == statement.depth {
        Ok(Wished { key, proof })
    } else {
        Err(InvalidWish::Other)
    }
}

/// One spelling only: base64 with padding, as it is written here.
fn decode(text: &str) -> Result<Vec<u8>, InvalidWish> {
    let refuse = |what: &str| InvalidWish::Body(what.to_owned());
    let bytes = STANDARD.decode(text).map_err(|_| refuse("a member is not base64"))?;
    if bytes.len() > MAX_PART || STANDARD.encode(&bytes) != text {
        return Err(refuse("a member is too large, or not base64 in its one spelling"));
    }
    Ok(bytes)
}

fn read_key(spki: &[u8]) -> Result<PublicKey, InvalidWish> {
    let found = VerifyingKey::parse(spki).map_err(InvalidWish::Key)?;
    match found.signing_key() {
        Some(key) if matches!(key.algorithm, KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384) => Ok(key),
        Some(key) => Err(InvalidWish::Kind(key.algorithm.to_string())),
        None => Err(InvalidWish::Kind("rsa".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_testkit::keys::TestKey;

    fn claims(subject: &str, mail: Option<&str>) -> Claims {
        let raw = mail.map(|mail| ("email".to_owned(), mail.to_owned())).into_iter().collect();
        Claims { subject: subject.to_owned(), raw, ..Claims::default() }
    }

    fn proven(key: &TestKey, subject: &str) -> Statement {
        of_key(&key.public_key().spki, &key.sign(subject.as_bytes()))
    }

    #[test]
    fn a_proof_is_about_this_key_and_this_subject() {
        let (key, other) =
            (TestKey::generate(KeyAlgorithm::EcdsaP256), TestKey::generate(KeyAlgorithm::EcdsaP256));
        let wished = parse(&proven(&key, "repo:acme/app")).unwrap();
        assert_eq!(*wished.key(), key.public_key());
        assert_eq!(wished.check(&claims("repo:acme/app", None)), Ok(()));
        let by_mail = parse(&proven(&key, "job@acme.example")).unwrap();
        assert_eq!(by_mail.check(&claims("7", Some("job@acme.example"))), Ok(()));
        for (subject, mail) in
            [("repo:evil/app", None), ("", None), ("repo:acme/ap", Some("")), ("x", Some("y"))]
        {
            assert_eq!(wished.check(&claims(subject, mail)), Err(InvalidWish::Possession), "{subject}");
        }
        let stolen = of_key(&key.public_key().spki, &other.sign(b"repo:acme/app"));
        let stolen = parse(&stolen).unwrap();
        assert_eq!(stolen.check(&claims("repo:acme/app", None)), Err(InvalidWish::Possession));
        let nothing = parse(&of_key(&key.public_key().spki, b"")).unwrap();
        assert_eq!(nothing.check(&claims("repo:acme/app", None)), Err(InvalidWish::Possession));
        // Nobody has an empty name, whoever signed it.
        let empty = parse(&proven(&key, "")).unwrap();
        assert_eq!(empty.check(&claims("", Some(""))), Err(InvalidWish::Possession));
    }

    #[test]
    fn only_the_curves_that_clients_verify_are_keys() {
        for (algorithm, is_taken) in [
            (KeyAlgorithm::EcdsaP256, true),
            (KeyAlgorithm::EcdsaP384, true),
            (KeyAlgorithm::Ed25519, false),
            (KeyAlgorithm::Rsa3072, false),
        ] {
            let parsed = parse(&proven(&TestKey::generate(algorithm), "s"));
            assert_eq!(parsed.is_ok(), is_taken, "{algorithm}: {parsed:?}");
        }
        let spki = TestKey::generate(KeyAlgorithm::EcdsaP256).public_key().spki;
        for at in 0..spki.len() {
            // Another point of the curve would be another key, which the proof does not fit.
            let mut bad = spki.clone();
            bad[at] ^= 1;
            assert!(parse(&of_key(&bad, b"x")).is_err(), "byte {at}");
            assert!(parse(&of_key(&spki[..at], b"x")).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_statement_has_one_reading() {
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let good = proven(&key, "s");
        let changed = |change: &dyn Fn(&mut Statement)| {
            let mut statement = good.clone();
            change(&mut statement);
            parse(&statement)
        };
        assert!(changed(&|_| {}).is_ok());
        assert_eq!(changed(&|s| s.format = FormatName::Sigstore), Err(InvalidWish::Other));
        assert_eq!(changed(&|s| s.family = Family::Message), Err(InvalidWish::Other));
        assert_eq!(changed(&|s| s.depth = Depth::Artifact), Err(InvalidWish::Other));
        assert_eq!(changed(&|s| s.artifact.name = "app".into()), Err(InvalidWish::Other));
        assert_eq!(changed(&|s| s.artifact.size = 1), Err(InvalidWish::Other));
        assert_eq!(changed(&|s| s.artifact.digest = Sha256::of(b"x")), Err(InvalidWish::Other));
        for body in [
            json!({}),
            json!([]),
            json!({"public_key": good.body["public_key"]}),
            json!({"proof": good.body["proof"]}),
            json!({"public_key": good.body["public_key"], "proof": good.body["proof"], "x": 1}),
            json!({"public_key": good.body["public_key"], "proof": "*"}),
            json!({"public_key": good.body["public_key"], "proof": "QR=="}),
            json!({"public_key": good.body["public_key"], "proof": good.body["proof"], "certificate_request": ""}),
            json!({"certificate_request": "MAA="}),
        ] {
            assert!(changed(&|s| s.body = body.clone()).is_err(), "{body}");
        }
        assert!(of_request(b"").is_err());
    }
}
