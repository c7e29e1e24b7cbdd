//! Development tokens pass the same checks as real ones, and say what they are told to; foreign tools agree.

use std::path::Path;
use std::process::Command;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chancery_core::caller::AudienceBinding;
use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::refusal::RefusalCode;
use chancery_core::time::Time;
use chancery_identity::audience::{self, Audience};
use chancery_identity::authenticate::{Expectation, authenticate};
use chancery_identity::dev_issuer::{DevKey, DevToken};
use chancery_identity::issuers_toml;
use chancery_identity::jwk::KeySet;
use serde_json::json;

const URL: &str = "http://127.0.0.1:8470";
const HOST: &str = "127.0.0.1:8470";
const NOW: Time = Time::from_seconds(1_800_000_000);

fn expectation(request: Option<RequestId>) -> Expectation<'static> {
    Expectation { audience_host: HOST, audience: Audience::Ours, request, kind: None, now: NOW }
}

#[test]
fn overrides_reach_the_caller() {
    let key = DevKey::generate().unwrap();
    let issuers = issuers_toml::load(&key.registration(URL)).unwrap();
    let issuer = issuers.find(URL).unwrap();
    let keys = KeySet::parse(issuer, issuer.pinned_keys().unwrap()).unwrap();
    let request = RequestId::new(Sha256::of(b"r"));
    let check = |token: &DevToken| {
        let text = key.mint(URL, token, NOW).unwrap();
        authenticate(&text, &issuers, &keys, &expectation(Some(request)))
    };
    let plain = DevToken { audience: audience::bound(HOST, request), ..DevToken::default() };
    let caller = check(&plain).unwrap();
    assert_eq!(caller.binding, AudienceBinding::Request(request));
    assert_eq!(caller.claims.source_repository_identifier.as_deref(), Some("42"));
    assert_eq!(caller.claims.source_repository_uri.as_deref(), Some("https://github.com/acme/app"));
    let other = DevToken {
        repository: "acme/other".into(),
        repository_id: "43".into(),
        git_ref: "refs/tags/v1".into(),
        workflow: "x.yml".into(),
        event: "pull_request_target".into(),
        environment: Some("production".into()),
        runner_environment: "self-hosted".into(),
        audience: audience::fixed(HOST),
        ..DevToken::default()
    };
    let caller = check(&other).unwrap();
    assert_eq!(caller.binding, AudienceBinding::Fixed);
    for (name, value) in [
        ("source_repository_identifier", "43"),
        ("source_repository_ref", "refs/tags/v1"),
        ("build_trigger", "pull_request_target"),
        ("deployment_environment", "production"),
        ("runner_environment", "self-hosted"),
        ("build_config_uri", "https://github.com/acme/other/.github/workflows/x.yml@refs/tags/v1"),
    ] {
        assert_eq!(caller.claims.find(name), Some(value), "{name}");
    }
    let (first, second) = (check(&plain).unwrap(), check(&plain).unwrap());
    assert_ne!(first.token_use, second.token_use, "each token is a use of its own");
    for (lifetime, iat_offset) in [(7200, 0), (300, -660), (300, 600), (0, 0), (300, -400)] {
        let refusal = check(&DevToken { lifetime, iat_offset, ..plain.clone() }).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::TokenExpired, "{lifetime} {iat_offset}");
    }
    let stolen = DevToken { audience: audience::bound(HOST, RequestId::new(Sha256::of(b"s"))), ..plain };
    assert_eq!(check(&stolen).unwrap_err().code, RefusalCode::TokenBoundElsewhere);
}

#[test]
fn another_key_is_another_issuer() {
    let (key, thief) = (DevKey::generate().unwrap(), DevKey::generate().unwrap());
    let issuers = issuers_toml::load(&key.registration(URL)).unwrap();
    let keys = KeySet::parse(issuers.find(URL).unwrap(), &key.jwks()).unwrap();
    let token = DevToken { audience: audience::fixed(HOST), ..DevToken::default() };
    let forged = thief.mint(URL, &token, NOW).unwrap();
    let refusal = authenticate(&forged, &issuers, &keys, &expectation(None)).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::TokenInvalid);
    assert!(!format!("{key:?}").contains("EcdsaKeyPair"));
}

fn openssl(folder: &Path, arguments: &str) -> Option<Vec<u8>> {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().ok()?;
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

/// Tokens that openssl signed, with the public key as openssl prints it.
#[test]
fn tokens_of_openssl_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if Command::new("openssl").arg("version").output().is_err() {
        println!("not compared: openssl is absent");
        return;
    }
    openssl(folder, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem").unwrap();
    openssl(folder, "genpkey -algorithm ED25519 -out ed.pem").unwrap();
    let modulus = String::from_utf8(openssl(folder, "rsa -in rsa.pem -noout -modulus").unwrap()).unwrap();
    let modulus = hex::decode(modulus.trim().trim_start_matches("Modulus=")).unwrap();
    let spki = openssl(folder, "pkey -in ed.pem -pubout -outform DER").unwrap();
    let point = spki.get(spki.len() - 32..).unwrap();
    let rsa = |name: &str| json!({"kty": "RSA", "kid": name, "alg": name, "n": URL_SAFE_NO_PAD.encode(&modulus), "e": "AQAB"});
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "kid": "EdDSA", "x": URL_SAFE_NO_PAD.encode(point)});
    let set = json!({ "keys": [rsa("RS256"), rsa("PS256"), ed] }).to_string();
    let issuers = issuers_toml::load(
        "[issuer.o]\nurl = \"https://o.example\"\ndialect = \"generic\"\naudience = [\"fixed\"]\n\
         algorithms = [\"RS256\", \"PS256\", \"EdDSA\"]\n",
    )
    .unwrap();
    let keys = KeySet::parse(issuers.find("https://o.example").unwrap(), &set).unwrap();
    for (algorithm, command) in [
        ("RS256", "dgst -sha256 -sign rsa.pem signed"),
        (
            "PS256",
            "dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign rsa.pem signed",
        ),
        ("EdDSA", "pkeyutl -sign -rawin -inkey ed.pem -in signed"),
    ] {
        let header = json!({"alg": algorithm, "kid": algorithm}).to_string();
        let claims = json!({"iss": "https://o.example", "aud": audience::fixed(HOST), "sub": "s",
            "iat": NOW.seconds(), "exp": NOW.seconds() + 60})
        .to_string();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        std::fs::write(folder.join("signed"), &signed).unwrap();
        let signature = openssl(folder, command).unwrap();
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let caller = authenticate(&token, &issuers, &keys, &expectation(None)).unwrap();
        assert_eq!(caller.claims.subject, "s", "{algorithm}");
    }
}

/// Our tokens under python-cryptography, which knows nothing of ours.
#[test]
fn our_tokens_are_accepted_by_python() {
    let key = DevKey::generate().unwrap();
    let token = key.mint(URL, &DevToken::default(), NOW).unwrap();
    let script = r#"
import base64, json, sys
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives import hashes
d = lambda s: base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))
token, jwk = sys.argv[1], json.loads(sys.argv[2])["keys"][0]
n = lambda s: int.from_bytes(d(s), "big")
key = ec.EllipticCurvePublicNumbers(n(jwk["x"]), n(jwk["y"]), ec.SECP256R1()).public_key()
signed, signature = token.rsplit(".", 1)
raw = d(signature)
der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
print(json.loads(d(signed.split(".")[1]))["repository_id"])
"#;
    let has = Command::new("python3").args(["-c", "import cryptography"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        println!("not compared: python3 with cryptography is absent");
        return;
    }
    let output = Command::new("python3").args(["-c", script, &token, &key.jwks()]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "42",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
