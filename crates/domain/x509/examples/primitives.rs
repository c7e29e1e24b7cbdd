//! What the signature primitives cost here, in this build: the floor that the bench holds the service against.
//!
//! ```text
//! primitives      prints: microseconds of CPU for P-256 sign and verify, RSA-3072 sign and verify
//! ```
#![expect(clippy::print_stdout, reason = "example")]

use std::error::Error;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: u32 = 100;
const SAMPLES: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref())?;
    let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref())?;
    let rsa = RsaKeyPair::generate(KeySize::Rsa3072)?;
    let rsa_public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa.public_key().as_ref())?;
    let message = [7_u8; 512];
    let signature = pair.sign(&random, &message)?;
    let mut rsa_signature = vec![0; rsa.public_modulus_len()];
    let mut rsa_sign = || rsa.sign(&RSA_PKCS1_SHA256, &random, &message, &mut rsa_signature).is_ok();
    let signing = cost(&mut rsa_sign);
    let sign = cost(|| pair.sign(&random, &message).is_ok());
    let verify = cost(|| public.verify_sig(&message, signature.as_ref()).is_ok());
    let rsa_verify = cost(|| rsa_public.verify_sig(&message, &rsa_signature).is_ok());
    println!("{sign:.2} {verify:.2} {signing:.2} {rsa_verify:.2}");
    Ok(())
}

/// Microseconds of this thread's CPU for one call: the median of samples.
fn cost(mut work: impl FnMut() -> bool) -> f64 {
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let before = cpu();
            let good = (0..ROUNDS).filter(|_| work()).count();
            assert_eq!(good, usize::try_from(ROUNDS).unwrap_or(0), "a primitive failed");
            (cpu() - before).as_secs_f64() * 1e6 / f64::from(ROUNDS)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples.get(SAMPLES / 2).copied().unwrap_or(f64::NAN)
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
