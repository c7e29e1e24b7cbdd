//! Verifies a Sigstore bundle with sigstore-rust, offline, against a private trusted root.
//!
//! usage: sigstore-rust-verify TRUSTED_ROOT BUNDLE FILE IDENTITY ISSUER
//!        sigstore-rust-verify TRUSTED_ROOT BUNDLE FILE KEY.pem
//! Exit status 0 when it was accepted; the reason of a refusal is on stderr. A signature by a bare key is not in the log.

use std::error::Error;
use std::fs;

use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, DerPublicKey};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (root, bundle, file, signer) = match arguments.as_slice() {
        [root, bundle, file, signer @ ..] => (root, bundle, file, signer),
        _ => return Err("usage: TRUSTED_ROOT BUNDLE FILE (IDENTITY ISSUER | KEY.pem)".into()),
    };
    let root = TrustedRoot::from_json(&fs::read_to_string(root)?)?;
    let bundle = Bundle::from_json(&fs::read_to_string(bundle)?)?;
    let artifact = fs::read(file)?;
    match signer {
        [identity, issuer] => {
            let policy = VerificationPolicy::new(identity.as_str(), issuer.as_str());
            verify(&artifact, &bundle, &policy, &root)?;
        }
        [key] => {
            let key = DerPublicKey::from_pem(&fs::read_to_string(key)?)?;
            verify(&artifact, &bundle, &PublicKeyVerificationPolicy::new(key).skip_tlog_unsafe(), &root)?;
        }
        _ => return Err("one signer is expected".into()),
    }
    Ok(())
}
