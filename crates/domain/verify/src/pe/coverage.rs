//! Nothing in an image is left that no signature covers and that is not understood: each such byte is room for what the
//! signer never saw.

use chancery_core::verdict::Reason;
use chancery_format::pe::unsigned::{Unsigned, unsigned};
use chancery_format::seam::Extracted;
use chancery_x509::chain::VerifiedChain;
use chancery_x509::cms::parse::{self, SignedData};
use chancery_x509::tsp::verify::VerifiedTimestamp;

use crate::checks::Failure;

/// The bytes of the file.
pub(super) fn image(extracted: &Extracted) -> Result<(), Failure> {
    let Some(region) = extracted.coverage.first_uncovered() else { return Ok(()) };
    let actual = format!("{:?} at {}..{}", region.cover, region.from, region.to);
    Err(refuse(&actual, "every byte covered, or excluded by the specification"))
}

/// The fields of a CMS structure.
pub(super) fn structure<'a>(blob: &[u8], parsed: &'a SignedData) -> Result<Unsigned<'a>, Failure> {
    unsigned(blob, parsed).map_err(|what| refuse(&what, "nothing unknown outside the signature"))
}

/// The certificates of a CMS structure: each is part of the chain that was checked. Copies say nothing new, and some
/// signers write them.
pub(super) fn certificates(parsed: &SignedData, chain: &VerifiedChain) -> Result<(), Failure> {
    let is_used = |der: &Vec<u8>| {
        chain.leaf().as_der() == der || chain.issuers().iter().any(|issuer| issuer.as_der() == der)
    };
    if parsed.certificates.iter().all(is_used) {
        return Ok(());
    }
    Err(refuse(&"a certificate that is not used", "only certificates of the chain that was checked"))
}

/// The timestamp tokens, which are CMS structures themselves.
pub(crate) fn tokens(stamps: &[VerifiedTimestamp]) -> Result<(), Failure> {
    stamps.iter().try_for_each(|stamp| {
        let expected = "nothing unknown in a timestamp token";
        let parsed = parse::parse(stamp.token()).map_err(|error| refuse(&error, expected))?;
        let loose = structure(stamp.token(), &parsed)?;
        if !loose.timestamps.is_empty() || !loose.nested.is_empty() {
            return Err(refuse(&"an unsigned attribute in a timestamp token", expected));
        }
        certificates(&parsed, stamp.chain())
    })
}

fn refuse(actual: &dyn std::fmt::Display, expected: &str) -> Failure {
    Failure::new(Reason::NotCovered, actual, &expected)
}
