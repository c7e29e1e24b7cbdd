//! `chancery.verify/1`: a verdict as JSON and as lines.
//!
//! ```json
//! {"schema":"chancery.verify/1","result":"untrusted","exit_code":12,"subject":{"name":"app.exe","sha256":"229c…"},
//!  "format":"pe","policy":"release","offline":true,"trust":{"authenticated":true,"key":"trust+…"},
//!  "checks":[{"id":"digest","ok":true},
//!            {"id":"identity","ok":false,"error":"CH6011","actual":"…","expected":"…"},
//!            {"id":"ledger","ok":null,"why":"an earlier check failed"}],
//!  "signer":{"identity":"…","issuer":"…","subject":null,"signed_at":"2026-11-20T21:47:03Z","ledger_index":48213}}
//! ```

use chancery_core::verdict::{CheckResult, Outcome, Verdict};
use chancery_format::sigstore::predicate;
use chancery_verify::explain;
use serde_json::{Value, json};

use crate::evidence::Judged;
use crate::terminal::printable;
use crate::trust::{Reach, Voucher};

/// Schema of the JSON form.
pub(crate) const SCHEMA: &str = "chancery.verify/1";
/// Schema of several of them in one document.
pub(crate) const SCHEMA_MANY: &str = "chancery.verify-all/1";

/// What a report names besides the verdict.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// The file as it was named.
    pub(crate) name: &'a str,
    /// The verification policy; absent where flags name what is expected.
    pub(crate) policy: Option<&'a str>,
    /// Whether the network was used.
    pub(crate) reach: Reach,
    /// Who vouches for the trust document.
    pub(crate) voucher: &'a Voucher,
}

/// The JSON form.
pub(crate) fn json(judged: &Judged, about: About<'_>) -> Value {
    let outcome = judged.verdict.outcome();
    let checks: Vec<Value> = judged
        .verdict
        .checks
        .iter()
        .map(|check| {
            let id = check.name.name();
            match &check.result {
                CheckResult::Passed => json!({"id": id, "ok": true}),
                CheckResult::NotMade(why) => json!({"id": id, "ok": null, "why": why}),
                CheckResult::Failed { reason, actual, expected } => {
                    json!({"id": id, "ok": false, "error": reason.code(), "actual": actual, "expected": expected})
                }
            }
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "result": outcome.name(),
        "exit_code": outcome.exit_code(),
        "subject": {"name": about.name, "sha256": judged.digest.to_string()},
        "format": judged.format.name(),
        "policy": about.policy,
        "offline": about.reach == Reach::Offline,
        "trust": about.voucher.json(),
        "checks": checks,
        "signer": signer(&judged.verdict),
    })
}

fn signer(verdict: &Verdict) -> Value {
    let signer = &verdict.signer;
    json!({
        "identity": signer.identity,
        "issuer": signer.issuer,
        "subject": signer.subject,
        "signed_at": signer.signed_at.map(|at| at.to_string()),
        "ledger_index": signer.ledger_index,
        "predicate": signer.predicate,
    })
}

/// The lines for people: what was accepted goes to stdout, what was rejected to stderr.
pub(crate) fn accepted(judged: &Judged, about: About<'_>) -> String {
    let signer = &judged.verdict.signer;
    let who = signer.identity.as_deref().or(signer.subject.as_deref()).unwrap_or_default();
    let mut text = format!("✓ {}  verified as {}\n", printable(about.name), judged.format);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("  {name:<9} {}\n", printable(value)));
        }
    };
    line("sha256", &judged.digest.to_string());
    line("signer", who);
    line("issuer", signer.issuer.as_deref().unwrap_or_default());
    line("time", &signer.signed_at.map(|at| at.to_string()).unwrap_or_default());
    line("ledger", &signer.ledger_index.map(|index| format!("entry {index}")).unwrap_or_default());
    line("says", &said(signer.predicate.as_deref()));
    line("policy", about.policy.unwrap_or_default());
    if let Voucher::Root(place) = about.voucher {
        line("root", place);
    }
    text
}

/// What the signature is good for: a claim is worth as much as the word of its signer.
fn said(predicate: Option<&str>) -> String {
    match predicate {
        Some(kind) if predicate::is_claim(kind) => format!("{kind}, a claim of the signer"),
        kind => kind.unwrap_or_default().to_owned(),
    }
}

/// One line about why, then the failed checks.
pub(crate) fn rejected(judged: &Judged, about: About<'_>) -> String {
    let outcome = judged.verdict.outcome();
    let code = judged
        .verdict
        .reasons()
        .find(|reason| reason.outcome() == outcome)
        .map_or("CH6005", |reason| reason.code());
    let mut text = format!("error[{code}]: {} is {}\n", printable(about.name), adjective(outcome));
    for check in &judged.verdict.checks {
        if let CheckResult::Failed { actual, expected, .. } = &check.result {
            let (actual, expected) = (printable(actual), printable(expected));
            text.push_str(&format!("  ✗ {}  actual {actual}  expected {expected}\n", check.name.name()));
        }
    }
    text.push_str(&format!("  what to do:  {}\n", advice(outcome)));
    let against = match (about.policy, about.voucher) {
        (Some(policy), _) => format!("policy {}", printable(policy)),
        (None, Voucher::Root(place) | Voucher::Place(place)) => format!("root {}", printable(place)),
        (None, Voucher::Key(key)) => format!("trust of {}", printable(key.name().as_str())),
    };
    text.push_str(&format!("  {against} · chancery help {code}\n"));
    text
}

/// Every check as a question with its answer.
pub(crate) fn explained(verdict: &Verdict) -> String {
    explain::lines(verdict).iter().map(|line| format!("  {line}\n")).collect()
}

const fn adjective(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Verified => "verified",
        Outcome::Unsigned => "not signed",
        Outcome::Invalid => "not what was signed",
        Outcome::Untrusted => "not signed by the expected signer",
        Outcome::ExpiredOrRevoked => "signed by something expired or revoked, or without a trusted time",
        Outcome::Unlogged => "not proven to be in the ledger",
        Outcome::Unsupported => "of a kind that cannot be verified here",
        Outcome::Temporary => "not verified: something could not be read now",
    }
}

const fn advice(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Verified => "use it",
        Outcome::Unsigned => "get the signed artifact, or its .sigstore.json, from where it was published",
        Outcome::Invalid => "do not use the file; fetch it again from where it was published",
        Outcome::Untrusted => "do not use the file; ask who publishes it which signer is right",
        Outcome::ExpiredOrRevoked => "do not use the file; a current release should be there",
        Outcome::Unlogged => "do not use the file; report it: a signature outside the ledger is an alarm",
        Outcome::Unsupported => "verify it with the tool of its format",
        Outcome::Temporary => "try again",
    }
}
