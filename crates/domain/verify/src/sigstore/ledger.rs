//! Step 9: the ledger entry. It must be the one that this digest, this signature and this leaf make (T1), be included
//! under a checkpoint of a known ledger in its window, and that checkpoint must be cosigned.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::time::Time;
use chancery_core::verdict::Reason;
use chancery_format::sigstore::bundle::TlogEntry;
use chancery_ledger::hashedrekord::HashedRekord;
use chancery_ledger::receipt;

use super::Signed;
use crate::checks::Failure;
use crate::trusted_root::Ledger;
use crate::verify::Context;

/// Checks the entry and answers with its index.
pub(super) fn check(
    signed: &Signed<'_>,
    entry: &TlogEntry,
    times: &[Time],
    context: &Context<'_>,
) -> Result<u64, Failure> {
    // The body is made again from what was verified, never read: what it says is what was checked.
    let body = expected_body(signed)?;
    if body.as_bytes() != entry.body {
        let actual = "an entry for another digest, signature or certificate";
        return Err(refuse(&actual, &"the entry of this signature"));
    }
    let known = context.trust.roots.ledgers.iter().filter(|ledger| ledger.key().log_id() == entry.log_id);
    let mut failure = refuse(&"an unknown ledger", &"a trusted ledger");
    for ledger in known {
        match by(ledger, entry, body.as_bytes(), context) {
            Ok(index) if times.iter().all(|at| ledger.window().contains(*at)) => return Ok(index),
            Ok(_) => failure = refuse(&"a signature outside the ledger's window", &ledger.window()),
            Err(found) => failure = found,
        }
    }
    Err(failure)
}

fn by(ledger: &Ledger, entry: &TlogEntry, body: &[u8], context: &Context<'_>) -> Result<u64, Failure> {
    let inner = |error: &receipt::InvalidReceipt| match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    let proven = "a proof under a cosigned checkpoint";
    let trust = context.trust.ledger_trust(ledger).map_err(|error| refuse(&inner(&error), &proven))?;
    let verified =
        receipt::verify(&entry.receipt, body, &trust).map_err(|error| refuse(&inner(&error), &proven))?;
    let in_window = |(name, at): &&(String, Time)| {
        let named = |cosigner: &&crate::snapshot::Cosigner| cosigner.key.name().as_str() == name;
        context.trust.cosigners.iter().filter(named).any(|cosigner| cosigner.window.contains(*at))
    };
    let counted = verified.checkpoint().cosigned().iter().filter(in_window).count();
    if counted < context.trust.quorum {
        return Err(refuse(&format!("{counted} cosignatures in their window"), &context.trust.quorum));
    }
    Ok(verified.index())
}

fn expected_body(signed: &Signed<'_>) -> Result<String, Failure> {
    let digest = signed.digest().as_bytes().to_vec();
    let signature = signed.content.signature().to_vec();
    HashedRekord::new(KeyAlgorithm::EcdsaP256, digest, signature, signed.certificate.to_vec())
        .and_then(|record| record.encode())
        .map_err(|error| refuse(&error, &"a hashedrekord 0.0.2 entry"))
}

fn refuse(actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display) -> Failure {
    Failure::new(Reason::NotLogged, actual, expected)
}
