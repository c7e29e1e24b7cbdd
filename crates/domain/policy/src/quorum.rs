//! Digest quorum: several independent builders must come to the same bytes before they are signed.
//!
//! A compromised runner signs what it built itself with a token that is perfectly valid. It cannot make a second builder,
//! on another runner or at another issuer, come to the same bytes.
//!
//! Two submissions *agree* when they are the same request of the same commit: a request's id is the hash of profile,
//! artifacts and digests.
//! They *dispute* when they are of one profile, one commit (and one repository, where one issuer names it) and name the
//! same artifact with different digests. Nobody can tell which of them is right, so neither is signed.

use std::collections::{BTreeMap, VecDeque};

use chancery_core::caller::Caller;
use chancery_core::claims::Claims;
use chancery_core::digest::Sha256;
use chancery_core::id::{IssuerName, ProfileName, RequestId};
use chancery_core::request::Request;
use chancery_core::time::Time;
use chancery_core::witness::Dispute;

use crate::brake::{Differ, Quorum};

/// Seconds for which a submission counts: a day.
pub const LIFE: i64 = 86_400;
/// Submissions that are remembered in all.
const MAX_SUBMISSIONS: usize = 4096;
/// Submissions of one repository at one issuer that are remembered, so that one builder cannot push out the others.
const MAX_OF_ONE: usize = 256;
/// Submissions of one request that are looked at when independent ones are counted.
const MAX_COUNTED: usize = 16;

/// What one builder submitted, as its verified token and its request say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    request: RequestId,
    profile: ProfileName,
    builder: Builder,
    commit: Option<String>,
    artifacts: BTreeMap<String, Sha256>,
    at: Time,
}

/// Where it was built. What the issuer does not say makes nobody independent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Builder {
    issuer: IssuerName,
    repository: Option<String>,
    runner: Option<String>,
    group: Option<String>,
}

/// How the quorum of a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Another submission names other bytes.
    Disputed(Dispute),
    /// Enough independent builders agree: so many.
    Met(u32),
    /// Too few.
    Waiting {
        /// Independent builders that agree.
        have: u32,
        /// How many are needed.
        need: u32,
    },
}

impl Submission {
    /// A submission of a caller whose token was verified.
    #[must_use]
    pub fn new(request: &Request, caller: &Caller, at: Time) -> Self {
        let artifacts = request.statements().iter().map(|(_, statement)| &statement.artifact);
        Self {
            request: request.id(),
            profile: request.profile().clone(),
            builder: Builder::of(&caller.issuer_name, &caller.claims),
            commit: caller.claims.source_repository_digest.clone(),
            artifacts: artifacts.map(|artifact| (artifact.name.clone(), artifact.digest)).collect(),
            at,
        }
    }

    /// The first artifact about which the other says something else.
    fn disputes(&self, other: &Self) -> Option<Dispute> {
        let repositories = (&self.builder.repository, &other.builder.repository);
        let is_elsewhere = self.builder.issuer == other.builder.issuer && repositories.0 != repositories.1;
        if self.profile != other.profile
            || self.commit.is_none()
            || self.commit != other.commit
            || is_elsewhere
        {
            return None;
        }
        let both =
            self.artifacts.iter().filter_map(|(name, ours)| Some((name, ours, other.artifacts.get(name)?)));
        let mut differing = both.filter(|(_, ours, theirs)| ours != theirs);
        differing.next().map(|(name, ours, theirs)| Dispute {
            artifact: name.clone(),
            ours: *ours,
            theirs: *theirs,
            other: other.request,
        })
    }
}

impl Builder {
    fn of(issuer: &IssuerName, claims: &Claims) -> Self {
        Self {
            issuer: issuer.clone(),
            repository: claims.source_repository_identifier.clone(),
            runner: claims.runner_environment.clone(),
            group: claims.raw.get("runner_group").cloned(),
        }
    }

    /// ATTACK: a claim that one token carries and the other leaves out must not make two builders of one.
    fn is_independent(&self, other: &Self, differ: Differ) -> bool {
        let known = |ours: &Option<String>, theirs: &Option<String>| {
            ours.is_some() && theirs.is_some() && ours != theirs
        };
        let by_issuer = self.issuer != other.issuer;
        match differ {
            Differ::Issuer => by_issuer,
            Differ::RunnerGroup => {
                by_issuer || known(&self.runner, &other.runner) || known(&self.group, &other.group)
            }
        }
    }
}

/// Judges a request by everything that was submitted, its own submission included.
#[must_use]
pub fn judge(submissions: &[&Submission], ours: &Submission, quorum: Quorum) -> Judgement {
    if let Some(dispute) = submissions.iter().find_map(|other| ours.disputes(other)) {
        return Judgement::Disputed(dispute);
    }
    let agreeing =
        submissions.iter().filter(|other| other.request == ours.request && other.commit == ours.commit);
    let builders: Vec<&Builder> = std::iter::once(&ours.builder)
        .chain(agreeing.map(|other| &other.builder))
        .take(MAX_COUNTED)
        .collect();
    let have = independent(&builders, &mut Vec::new(), quorum);
    let need = quorum.builders;
    if have >= need { Judgement::Met(have) } else { Judgement::Waiting { have, need } }
}

/// The size of the largest set of builders of which every two are independent, up to what the quorum needs. At most
/// five deep (`brake_file` bounds the need) over at most [`MAX_COUNTED`] builders.
fn independent<'a>(rest: &[&'a Builder], chosen: &mut Vec<&'a Builder>, quorum: Quorum) -> u32 {
    let size = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
    let mut best = size;
    for (position, candidate) in rest.iter().enumerate() {
        if best >= quorum.builders {
            break;
        }
        if chosen.iter().all(|known| known.is_independent(candidate, quorum.differ)) {
            chosen.push(candidate);
            let later = rest.get(position.saturating_add(1)..).unwrap_or_default();
            best = best.max(independent(later, chosen, quorum));
            chosen.pop();
        }
    }
    best
}

/// What was submitted within a day, oldest first, bounded. In memory only: after a restart builders submit again.
#[derive(Debug, Default)]
pub struct Submissions(VecDeque<Submission>);

impl Submissions {
    /// Remembers a submission and judges its request.
    pub fn submit(&mut self, submission: Submission, quorum: Quorum) -> Judgement {
        self.forget(submission.at);
        let judgement = self.judge(&submission, quorum);
        let is_known = |known: &Submission| {
            (&known.request, &known.builder, &known.commit)
                == (&submission.request, &submission.builder, &submission.commit)
        };
        if let Some(known) = self.0.iter_mut().find(|known| is_known(known)) {
            known.at = known.at.max(submission.at);
            return judgement;
        }
        let is_same = |known: &Submission| {
            known.builder.issuer == submission.builder.issuer
                && known.builder.repository == submission.builder.repository
        };
        if self.0.iter().filter(|known| is_same(known)).count() >= MAX_OF_ONE
            && let Some(oldest) = self.0.iter().position(is_same)
        {
            self.0.remove(oldest);
        }
        if self.0.len() >= MAX_SUBMISSIONS {
            self.0.pop_front();
        }
        self.0.push_back(submission);
        judgement
    }

    /// Judges without remembering: when a signature is ordered.
    #[must_use]
    pub fn judge(&self, submission: &Submission, quorum: Quorum) -> Judgement {
        let alive = self.0.iter().filter(|known| submission.at.seconds_since(known.at) < LIFE);
        judge(&alive.collect::<Vec<_>>(), submission, quorum)
    }

    fn forget(&mut self, now: Time) {
        self.0.retain(|known| now.seconds_since(known.at) < LIFE);
    }
}

#[cfg(test)]
#[path = "quorum/tests.rs"]
mod tests;
