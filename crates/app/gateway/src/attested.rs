//! Attestations that came with a request, judged by this gateway. The keyguard judges them again, and so does an audit.

use std::collections::BTreeMap;

use chancery_core::attested::{Attested, check_size};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::statement::Statement;
use chancery_policy::profile::Profile;
use chancery_policy::vouch;
use chancery_verify::attested::{Bench, Shown, Subject};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::Governance;
use crate::identify::Identified;
use crate::statement::Prepared;

/// Takes what was brought as evidence, where the profile demands any: what nobody asks for is not kept.
pub(crate) fn bring(
    mut identified: Identified,
    profile: &Profile,
    brought: &[String],
) -> Result<Identified, Failure> {
    check_size(brought).map_err(|error| {
        let refusal = Refusal::new(RefusalCode::AttestationsTooMany, error.to_string());
        refusal.hint("bring only what the profile demands")
    })?;
    if !profile.attestations().is_empty() {
        identified.evidence.attestations = brought.to_vec();
    }
    Ok(identified)
}

/// Finds out for each statement which demanded attestations are met.
pub(crate) fn find(
    gateway: &Gateway,
    governance: &Governance,
    identified: &Identified,
    profile: &Profile,
    prepared: &mut [Prepared],
) -> Result<(), Failure> {
    let statements: Vec<&Statement> = prepared.iter().map(|one| &one.statement).collect();
    let found = of_each(gateway, governance, identified, profile, &statements)?;
    for (one, attested) in prepared.iter_mut().zip(found) {
        one.attested = attested;
    }
    Ok(())
}

/// What is found about each statement, in their order; nothing at all where nothing is demanded.
pub(crate) fn of_each(
    gateway: &Gateway,
    governance: &Governance,
    identified: &Identified,
    profile: &Profile,
    statements: &[&Statement],
) -> Result<Vec<Attested>, Failure> {
    let shown = vouch::Shown { attestations: &identified.evidence.attestations, version: governance.version };
    for statement in statements {
        vouch::check(profile, statement, shown)?;
    }
    let wanted = profile.attestations();
    if wanted.is_empty() {
        return Ok(vec![Attested::default(); statements.len()]);
    }
    let at = gateway.parts.clock.now();
    let trust = gateway.trust()?.now(at, BTreeMap::new());
    let bench = Bench { gates: &governance.gates, trust: &trust, at };
    let (shown, caller) = (Shown::read(&identified.evidence.attestations), &identified.caller.claims);
    let subject = |statement: &Statement| Subject {
        artifact: statement.artifact.digest,
        format: statement.format,
        caller,
    };
    Ok(statements.iter().map(|statement| shown.judge(wanted, &subject(statement), &bench)).collect())
}
