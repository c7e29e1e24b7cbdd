//! Attestations that came with an order, judged by the keyguard itself: by its own authorities and the governance that the
//! ledger names, never by the gateway's word.

use std::collections::BTreeMap;

use chancery_core::attested::Attested;
use chancery_core::environment::Environment;
use chancery_core::refusal::Refusal;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_policy::profile::Profile;
use chancery_policy::vouch;
use chancery_verify::attested::{Bench, Shown, Subject};
use chancery_verify::snapshot::{Cosigner, Stage, TrustSnapshot};
use chancery_verify::window::Window;

use crate::checks::invalid;
use crate::established::Established;
use crate::opened::Opened;

/// How long before it was made an installation counts, in seconds: verifiers' clocks are behind.
const BEFORE: i64 = 600;
/// The snapshot is made where it is used; it lives a day for clocks that differ.
const LIFE: i64 = 86_400;

/// The bundles of a message and whom to trust, made once for all of its orders.
#[derive(Debug)]
pub(crate) struct Judging {
    shown: Shown,
    trust: TrustSnapshot,
}

impl Judging {
    /// Takes the bundles apart.
    pub(crate) fn new(established: &Established, bundles: &[String], now: Time) -> Result<Self, Refusal> {
        Ok(Self { shown: Shown::read(bundles), trust: trust(established, now)? })
    }
}

/// What is found about one statement; nothing where nothing is demanded.
pub(crate) fn of_statement(
    opened: &Opened<'_>,
    profile: &Profile,
    statement: &Statement,
    now: Time,
) -> Result<Attested, Refusal> {
    let shown = vouch::Shown { attestations: opened.brought(), version: opened.governance.version };
    vouch::check(profile, statement, shown)?;
    let wanted = profile.attestations();
    if wanted.is_empty() {
        return Ok(Attested::default());
    }
    let Judging { shown, trust } = opened.judging(now)?;
    let bench = Bench { gates: &opened.governance.gates, trust, at: now };
    let caller = &opened.caller()?.claims;
    let subject = Subject { artifact: statement.artifact.digest, format: statement.format, caller };
    Ok(shown.judge(wanted, &subject, &bench))
}

/// This installation as its own verifier trusts it.
fn trust(established: &Established, now: Time) -> Result<TrustSnapshot, Refusal> {
    let created = established.shown.created.plus_seconds(-BEFORE);
    let window = Window::new(created, None).ok_or_else(|| invalid("authorities' window"))?;
    let (environment, stage) = standing(established);
    Ok(TrustSnapshot {
        environment,
        stage,
        taken_at: now,
        expires: now.plus_seconds(LIFE),
        roots: established.lineage.trusted_root().clone(),
        cosigners: vec![Cosigner { key: established.cosigner.clone(), window }],
        quorum: 1,
        native_roots: vec![established.root.clone()],
        revocations: Vec::new(),
        revocation_lists: Vec::new(),
        policies: BTreeMap::new(),
    })
}

/// The environment that the authorities serve, and whether they are development ones.
pub(crate) const fn standing(established: &Established) -> (Environment, Stage) {
    match established.shown.dev {
        true => (Environment::Development, Stage::Development),
        false => (Environment::Production, Stage::Real),
    }
}
