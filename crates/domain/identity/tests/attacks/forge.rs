//! A forger: issuers with keys of every algorithm, and tokens that say anything.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chancery_core::caller::{Caller, CallerKind};
use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::refusal::Refusal;
use chancery_core::time::Time;
use chancery_identity::audience::{self, Audience};
use chancery_identity::authenticate::{Expectation, authenticate};
use chancery_identity::issuer::Issuers;
use chancery_identity::issuers_toml;
use chancery_identity::jwk::KeySet;
use serde_json::{Value, json};

pub(crate) const ISS: &str = "https://issuer.example";
pub(crate) const HOST: &str = "sign.example";
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) struct Forge {
    pub(crate) es256: EcdsaKeyPair,
    es384: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    rsa: RsaKeyPair,
    pub(crate) issuers: Issuers,
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn request() -> RequestId {
    RequestId::new(Sha256::of(b"the request"))
}

pub(crate) fn registration(more: &str) -> String {
    format!(
        "[issuer.forge]\nurl = \"{ISS}\"\ndialect = \"github\"\n\
         algorithms = [\"ES256\", \"ES384\", \"EdDSA\", \"PS256\", \"RS256\"]\n{more}"
    )
}

impl Forge {
    pub(crate) fn new() -> Self {
        Self {
            es256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            es384: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            issuers: issuers_toml::load(&registration("")).unwrap(),
        }
    }
    pub(crate) fn jwk(&self, name: &str) -> Value {
        let point = |pair: &EcdsaKeyPair, crv: &str| {
            let xy = &pair.public_key().as_ref()[1..];
            let (x, y) = xy.split_at(xy.len() / 2);
            json!({"kty": "EC", "crv": crv, "kid": name, "x": b64(x), "y": b64(y)})
        };
        match name {
            "es256" => point(&self.es256, "P-256"),
            "es384" => point(&self.es384, "P-384"),
            "ed" => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "x": b64(self.ed.public_key().as_ref())})
            }
            _ => {
                // RSAPublicKey of 2048 bits: 30 82 01 0a, 02 82 01 01 00, modulus, 02 03 01 00 01.
                let n = &self.rsa.public_key().as_ref()[9..265];
                json!({"kty": "RSA", "kid": name, "n": b64(n), "e": "AQAB"})
            }
        }
    }
    /// The RSA key as SubjectPublicKeyInfo, DER.
    pub(crate) fn rsa_spki(&self) -> Vec<u8> {
        let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> =
            aws_lc_rs::encoding::AsDer::as_der(self.rsa.public_key()).unwrap();
        der.as_ref().to_vec()
    }
    /// One key per algorithm, each labelled with its own.
    pub(crate) fn jwks(&self) -> Value {
        let labelled = |name: &str, algorithm: &str| {
            let mut jwk = self.jwk(name);
            jwk["alg"] = json!(algorithm);
            jwk["use"] = json!("sig");
            jwk
        };
        json!({"keys": [
            labelled("es256", "ES256"), labelled("es384", "ES384"), labelled("ed", "EdDSA"),
            labelled("ps256", "PS256"), labelled("rs256", "RS256"),
        ]})
    }
    pub(crate) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let rsa = |scheme| {
            let mut out = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(scheme, &random, message, &mut out).unwrap();
            out
        };
        match algorithm {
            "ES256" => self.es256.sign(&random, message).unwrap().as_ref().to_vec(),
            "ES384" => self.es384.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed.sign(message).as_ref().to_vec(),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            other => panic!("{other}"),
        }
    }
    /// A token of any header and any payload, as text, signed with any scheme.
    pub(crate) fn raw(&self, header: &str, payload: &str, algorithm: &str) -> String {
        let signed = format!("{}.{}", b64(header), b64(payload));
        format!("{signed}.{}", b64(self.sign(algorithm, signed.as_bytes())))
    }
    /// An honest ES256 header over any payload.
    pub(crate) fn payload(&self, payload: &str) -> String {
        self.raw(r#"{"alg":"ES256","kid":"es256","typ":"JWT"}"#, payload, "ES256")
    }
    /// An honest ES256 header over any bytes, also such as are not text.
    pub(crate) fn payload_bytes(&self, payload: &[u8]) -> String {
        let signed = format!("{}.{}", b64(r#"{"alg":"ES256","kid":"es256"}"#), b64(payload));
        format!("{signed}.{}", b64(self.sign("ES256", signed.as_bytes())))
    }
    /// An honest payload under any header.
    pub(crate) fn header(&self, header: &str) -> String {
        self.raw(header, &claims().to_string(), "ES256")
    }
    /// An honest token but for one claim; `Null` takes it away.
    pub(crate) fn with(&self, name: &str, value: Value) -> String {
        let mut claims = claims();
        if value.is_null() {
            drop(claims.as_object_mut().unwrap().remove(name));
        } else {
            claims[name] = value;
        }
        self.payload(&claims.to_string())
    }
    pub(crate) fn good(&self) -> String {
        self.payload(&claims().to_string())
    }
    pub(crate) fn keys(&self) -> KeySet {
        KeySet::parse(self.issuers.find(ISS).unwrap(), &self.jwks().to_string()).unwrap()
    }
    pub(crate) fn check(&self, token: &str) -> Result<Caller, Refusal> {
        authenticate(token, &self.issuers, &self.keys(), &expectation())
    }
}

pub(crate) fn expectation() -> Expectation<'static> {
    Expectation {
        audience_host: HOST,
        audience: Audience::Ours,
        request: Some(request()),
        kind: Some(CallerKind::Workload),
        now: Time::from_seconds(NOW),
    }
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": ISS, "sub": "repo:acme/app:ref:refs/heads/main", "aud": audience::bound(HOST, request()),
        "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 290, "jti": "1f0a",
        "repository": "acme/app", "repository_id": "42", "repository_owner": "acme", "repository_owner_id": "7",
        "ref": "refs/heads/main", "sha": "0123456789abcdef0123456789abcdef01234567", "event_name": "push",
        "run_id": "5", "run_attempt": "1", "runner_environment": "github-hosted",
        "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main",
        "workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main",
    })
}
