//! Signs a PE image with a key from a file, through the format's hooks: what the bench times, and how a client streams.
//!
//! ```text
//! pe_sign INPUT.exe OUTPUT.exe KEY.pk8 LEAF.pem [ISSUER.pem …]
//! ```
#![expect(clippy::print_stderr, reason = "example")]

use std::error::Error;
use std::fs::File;
use std::process::ExitCode;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::caller::{AudienceBinding, Caller, CallerKind};
use chancery_core::claims::Claims;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::id::{IssuerName, ProfileName};
use chancery_core::time::Time;
use chancery_core::warrant::ToBeSigned;
use chancery_format::patch::Tee;
use chancery_format::pe::FORMAT;
use chancery_format::seam::{Attachment, Options, Parts, Signer};
use chancery_x509::certificate::Certificate;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [input, output, key, certificates @ ..] if !certificates.is_empty() => {
            match sign(input, output, key, certificates) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("pe_sign: {error}");
                    ExitCode::FAILURE
                }
            }
        }
        _ => {
            eprintln!("usage: pe_sign INPUT.exe OUTPUT.exe KEY.pk8 LEAF.pem [ISSUER.pem …]");
            ExitCode::from(2)
        }
    }
}

fn sign(input: &str, output: &str, key: &str, certificates: &[String]) -> Outcome<()> {
    let certificates: Vec<Certificate> = certificates
        .iter()
        .map(|path| Ok(Certificate::parse_pem(&std::fs::read_to_string(path)?)?))
        .collect::<Outcome<_>>()?;
    let leaf = certificates.first().ok_or("no certificate")?;
    let public_key = chancery_x509::key::parse(leaf.spki())?;

    let values = serde_json::Map::new();
    let copy = File::options().read(true).write(true).create(true).truncate(true).open(output)?;
    let mut tee = Tee::new(File::open(input)?, copy);
    let options = Options { values: &values, key: Some(public_key.algorithm) };
    let prepared = (FORMAT.prepare)(&mut tee, &options)?;

    let statement = prepared.statement(FormatName::Pe, "app.exe", Depth::Structured);
    let (caller, profile) = (caller()?, ProfileName::parse("bench")?);
    let builder = "https://sign.example";
    let signer = Signer { public_key: &public_key, caller: &caller, profile: &profile, builder };
    let ToBeSigned::Message(message) = (FORMAT.to_be_signed)(&statement, &signer)? else {
        return Err("not a message".into());
    };
    let signature = make_signature(public_key.algorithm, &std::fs::read(key)?, &message)?;
    let certificates: Vec<Vec<u8>> = certificates.iter().map(|one| one.as_der().to_vec()).collect();
    let parts = Parts { signature: &signature, certificates: &certificates, timestamp: None, ledger: None };
    let blob = (FORMAT.assemble)(&statement, &signer, &parts)?;
    match (FORMAT.attach)(&prepared.layout, &blob)? {
        Attachment::Patch(patch) => Ok(patch.write_into(&mut tee.into_copy())?),
        Attachment::Beside { .. } => Err("not embedded".into()),
    }
}

fn make_signature(algorithm: KeyAlgorithm, pkcs8: &[u8], message: &[u8]) -> Outcome<Vec<u8>> {
    let random = SystemRandom::new();
    let curve = match algorithm {
        KeyAlgorithm::EcdsaP256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        KeyAlgorithm::EcdsaP384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        KeyAlgorithm::Ed25519 => return Err("Authenticode has no Ed25519".into()),
        KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
            let pair = RsaKeyPair::from_pkcs8(pkcs8)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
            return Ok(signature);
        }
    };
    Ok(EcdsaKeyPair::from_pkcs8(curve, pkcs8)?.sign(&random, message)?.as_ref().to_vec())
}

fn caller() -> Outcome<Caller> {
    Ok(Caller {
        issuer_name: IssuerName::parse("bench")?,
        kind: CallerKind::Workload,
        claims: Claims::default(),
        binding: AudienceBinding::Fixed,
        token_use: Sha256::of(b""),
        issued_at: Time::from_seconds(0),
        expires_at: Time::from_seconds(0),
    })
}
