//! Reads and verifies self-signed certificates over and over, for the bench: `verify <rounds> <certificate.pem>...`
//!
//! ```text
//! {"certificate":"p256.pem","parse_ns":8100,"key_ns":5200,"verify_ns":61000,"rounds":2000}
//! ```
//! `parse_ns` is one `Certificate::parse`, `key_ns` one `VerifyingKey::parse`, `verify_ns` one check of the signature
//! with a key that is already read; the least of five runs each, wall clock.
#![expect(clippy::print_stdout, reason = "the result of this program")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use chancery_x509::certificate::Certificate;
use chancery_x509::key::VerifyingKey;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds: u32 = arguments.next().unwrap_or_else(|| "1000".to_owned()).parse()?;
    for path in arguments {
        let certificate = Certificate::parse_pem(&std::fs::read_to_string(&path)?)?;
        let key = certificate.key()?;
        certificate.check_signature(key)?;
        let parse = least(rounds, || Certificate::parse(black_box(certificate.as_der())).is_ok());
        let read = least(rounds, || VerifyingKey::parse(black_box(certificate.spki())).is_ok());
        let verify = least(rounds, || black_box(&certificate).check_signature(black_box(key)).is_ok());
        let shown = serde_json::json!({
            "certificate": path, "rounds": rounds, "parse_ns": parse, "key_ns": read, "verify_ns": verify,
        });
        println!("{shown}");
    }
    Ok(())
}

/// Nanoseconds of one call: the least mean of five runs.
fn least(rounds: u32, mut call: impl FnMut() -> bool) -> u128 {
    let run = |_| {
        let start = Instant::now();
        let held = (0..rounds).all(|_| call());
        assert!(held, "the call failed");
        start.elapsed().as_nanos() / u128::from(rounds.max(1))
    };
    (0..5).map(run).min().unwrap_or_default()
}
