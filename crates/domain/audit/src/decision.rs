//! The decision of an intent, evaluated again under the documents that it names: with counts, exceptions and freezes
//! rebuilt from the ledger, and approvals verified from the evidence.

use chancery_core::attested::Attested;
use chancery_core::caller::Caller;
use chancery_core::decision::{Decision, Missing, in_words};
use chancery_core::evidence::Evidence;
use chancery_core::refusal::RefusalCode;
use chancery_core::statement::Statement;
use chancery_policy::approval::count::approvers;
use chancery_policy::approval::document::Wish;
use chancery_policy::decide::decide;
use chancery_policy::facts::Facts;
use chancery_policy::standing::Standing;
use chancery_policy::vouch;
use chancery_verify::attested::{Bench, Shown, Subject};
use chancery_verify::snapshot::TrustSnapshot;

use crate::finding::{Code, Finding};
use crate::governance::Governance;
use crate::intent::Open;

/// On whose word a decision rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// Evidence and ledger alone.
    Evidence,
    /// Also what builders showed the keyguard, or how long it had known the request: that is kept there alone.
    Keyguard,
}

/// What a decision is about, beside the intent itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) governance: &'a Governance,
    pub(crate) caller: &'a Caller,
    pub(crate) statement: &'a Statement,
    pub(crate) evidence: &'a Evidence,
    /// The ledger's origin, which approvals name.
    pub(crate) ledger: &'a str,
    /// Whom the auditor trusts.
    pub(crate) trust: &'a TrustSnapshot,
}

/// Decides again; why the decision would be another one is a finding.
pub(crate) fn check(open: &Open, asked: &Asked<'_>) -> Result<Word, Finding> {
    let intent = &open.intent;
    if let Some(stop) = open.book.stop(asked.caller, &intent.profile, &intent.key, open.time) {
        let refusal = stop.refusal();
        let finding = Finding::new(open.index, Code::Decision, format!("{}: {}", refusal.code, refusal.what));
        return Err(finding.because(refusal.actual, refusal.expected));
    }
    if let Some(why) = open.misused {
        return Err(Finding::new(open.index, Code::Act, why));
    }
    vouched(open, asked)?;
    let standing = Standing {
        approvers: approved(open, asked)?,
        first_seen: open.first_seen,
        granted: open.granted.clone(),
        attested: attested(open, asked),
        ..Standing::default()
    };
    let facts = (&open.counts, &standing);
    let facts = Facts::of_statement(&intent.profile, asked.caller, asked.statement, open.time, facts);
    match decide(&asked.governance.policy, &facts) {
        Decision::Allowed(_) => Ok(Word::Evidence),
        Decision::Refused(refusal) => {
            let code = code(refusal.code);
            let what = format!("policy refuses with {}: {}", refusal.code, refusal.what);
            Err(Finding::new(open.index, code, what).because(refusal.actual, refusal.expected))
        }
        Decision::Pending { missing, .. } => {
            if missing.iter().all(is_known_to_the_keyguard_alone) {
                return Ok(Word::Keyguard);
            }
            let finding = Finding::new(open.index, Code::Approval, "approvals are missing");
            Err(finding.because(in_words(&missing), "nothing missing"))
        }
    }
}

/// That a summary says what was shown and what governance says; whether the demanded attestations are met is decided after.
fn vouched(open: &Open, asked: &Asked<'_>) -> Result<(), Finding> {
    let Some(profile) = asked.governance.policy.profile(&open.intent.profile) else { return Ok(()) };
    let shown = vouch::Shown { attestations: &asked.evidence.attestations, version: open.intent.policy };
    vouch::check(profile, asked.statement, shown).map_err(|refusal| {
        Finding::new(open.index, Code::Attestation, refusal.what).because(refusal.actual, refusal.expected)
    })
}

/// What was found about the attestations in the evidence, as of the intent's time.
fn attested(open: &Open, asked: &Asked<'_>) -> Attested {
    let profile = asked.governance.policy.profile(&open.intent.profile);
    let wanted = profile.map(|profile| profile.attestations()).unwrap_or_default();
    if wanted.is_empty() {
        return Attested::default();
    }
    let (artifact, format) = (asked.statement.artifact.digest, asked.statement.format);
    let subject = Subject { artifact, format, caller: &asked.caller.claims };
    let bench = Bench { gates: &asked.governance.gates, trust: asked.trust, at: open.time };
    Shown::read(&asked.evidence.attestations).judge(wanted, &subject, &bench)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other refusal is one of the decision")]
const fn code(refused: RefusalCode) -> Code {
    match refused {
        RefusalCode::LimitSpent => Code::Limit,
        RefusalCode::AttestationMissing
        | RefusalCode::AttestationUntrusted
        | RefusalCode::AttestationInsufficient
        | RefusalCode::AttestationStale
        | RefusalCode::MaterialDenied
        | RefusalCode::MaterialYoung
        | RefusalCode::MaterialUnknown => Code::Attestation,
        _ => Code::Decision,
    }
}

const fn is_known_to_the_keyguard_alone(missing: &Missing) -> bool {
    match missing {
        Missing::Approvals { .. } => false,
        Missing::Builders { .. } | Missing::Hold { .. } => true,
    }
}

/// How many people approved exactly this: never who asks, each once, from the roster of the version in force.
fn approved(open: &Open, asked: &Asked<'_>) -> Result<u32, Finding> {
    let Some(approved) = &asked.evidence.approval else { return Ok(0) };
    let profile = asked.governance.policy.profile(&open.intent.profile);
    let wish = Wish {
        life: profile.map_or(0, |profile| i64::from(profile.approvals().expires.seconds())),
        ledger: asked.ledger,
        request: open.intent.request,
        profile: &open.intent.profile,
        policy: open.intent.policy,
        caller: asked.caller,
        now: open.time,
    };
    let roster = asked.governance.policy.roster();
    let counted = approvers(&approved.document, &approved.signatures, &wish, roster);
    let counted = counted.map_err(|error| {
        let what = format!("approvals do not hold: {} {error}", error.code());
        Finding::new(open.index, Code::Approval, what)
    })?;
    Ok(counted.count())
}
