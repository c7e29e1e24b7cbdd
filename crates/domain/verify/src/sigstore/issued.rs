//! A certificate that was issued over a key of a Sigstore client, before it is released: it must be over the key that was
//! asked for, name whoever asked, and lead to the trusted root from its first moment on.

use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use chancery_core::verdict::{CheckName, Reason, Verdict};
use chancery_format::fulcio::statement as fulcio;
use chancery_format::seam::{Parts, Signer as Signing};
use chancery_x509::certificate::Certificate;

use super::{About, identity, shown};
use crate::checks::{Failure, Recorder};
use crate::verify::Context;

const REQUIRED: [CheckName; 6] = [
    CheckName::Structure,
    CheckName::Digest,
    CheckName::Signature,
    CheckName::Chain,
    CheckName::Purpose,
    CheckName::Identity,
];

/// Judges a fresh certificate against the statement that asked for it.
pub(crate) fn statement(
    statement: &Statement,
    signing: &Signing<'_>,
    parts: &Parts<'_>,
    context: &Context<'_>,
) -> Verdict {
    let required = REQUIRED.to_vec();
    let wished = match fulcio::parse(statement) {
        Ok(wished) => wished,
        Err(error) => return super::malformed(&error, required),
    };
    let der = parts.certificates.first().map(Vec::as_slice).unwrap_or_default();
    let leaf = match Certificate::parse(der) {
        Ok(leaf) => leaf,
        Err(error) => return super::malformed(&error, required),
    };
    let mut recorder = Recorder::default();
    recorder.pass(CheckName::Structure);
    let signer = shown(&leaf);
    if let Err(failure) = context.usable(FormatName::Fulcio) {
        recorder.fail(failure.0, failure.1);
        return recorder.finish(required, signer);
    }
    let same_key = leaf.spki() == wished.key().spki;
    let other = || Failure::new(Reason::DigestMismatch, &"another key", &"the key that was asked for");
    recorder.record(CheckName::Digest, same_key.then_some(()).ok_or_else(other));
    let held = wished.check(&signing.caller.claims);
    let expected = &"a proof that its holder asks";
    recorder.record(
        CheckName::Signature,
        held.map_err(|error| Failure::new(Reason::SignatureWrong, &error, expected)),
    );
    let from = leaf.validity().not_before();
    if let Some(chain) = identity::check_chain(&leaf, &[from], context, &mut recorder) {
        let found = identity::check(chain.leaf(), (FormatName::Fulcio, Some(&About::Artifact)), context);
        recorder.record(CheckName::Identity, found);
    }
    recorder.finish(required, signer)
}
