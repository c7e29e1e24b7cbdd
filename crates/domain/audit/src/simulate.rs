//! What other governance documents would have decided about everything that was signed: recorded requests, replayed as of
//! their own time, with volumes rebuilt under the new limits. Judges nothing; an audit does that.

use std::collections::BTreeSet;

use chancery_core::attested::Attested;
use chancery_core::caller::{Caller, CallerKind};
use chancery_core::canonical;
use chancery_core::decision::Decision;
use chancery_core::evidence::Evidence;
use chancery_core::id::{PersonId, ProfileName};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::request::Request;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_identity::audience::Audience;
use chancery_identity::authenticate::{Expectation, authenticate, peek};
use chancery_identity::issuer::Issuers;
use chancery_identity::jwk::KeySet;
use chancery_ledger::event::{Body, Event, Intent};
use chancery_policy::approval::count::{Occasion, signer};
use chancery_policy::decide::decide;
use chancery_policy::facts::Facts;
use chancery_policy::policy::Policy;
use chancery_policy::standing::Standing;
use chancery_verify::attested::{Bench, Shown, Subject};
use chancery_verify::gates::Gates;
use chancery_verify::snapshot::TrustSnapshot;

use crate::budget::Budget;
use crate::pins::ageless;
use crate::source::{Evidence as Contents, Part, Unreadable, Wanted};

/// The documents that are tried.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// Profiles, grants, guardrails, roster.
    pub policy: &'a Policy,
    /// Registered issuers.
    pub issuers: &'a Issuers,
    /// The service's host in tokens.
    pub host: &'a str,
    /// What demanded attestations are judged with; without it none is met.
    pub attesting: Option<Attesting<'a>>,
}

/// What demanded attestations are judged with.
#[derive(Debug, Clone, Copy)]
pub struct Attesting<'a> {
    /// Verification policies of the documents, and what they name.
    pub gates: &'a Gates,
    /// Whom to trust.
    pub trust: &'a TrustSnapshot,
}

/// One recorded signature, decided anew.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// Index of its intent.
    pub index: u64,
    /// The profile.
    pub profile: ProfileName,
    /// When it was asked for.
    pub time: Time,
    /// What the documents would have decided; `None` where the evidence is not there any more.
    pub decision: Option<Decision>,
}

/// Replays leaf after leaf, in their order.
#[derive(Debug)]
pub struct Simulation<'a> {
    tried: Tried<'a>,
    trust: Option<TrustSnapshot>,
    budget: Budget,
}

impl<'a> Simulation<'a> {
    /// Tries documents.
    #[must_use]
    pub fn new(tried: Tried<'a>) -> Self {
        let trust = tried.attesting.map(|attesting| ageless(attesting.trust));
        Self { tried, trust, budget: Budget::default() }
    }
    /// Takes the next leaf; answers for the ones that ask for a signature.
    pub fn leaf(
        &mut self,
        index: u64,
        leaf: &str,
        contents: &dyn Contents,
    ) -> Result<Option<Replayed>, Unreadable> {
        let Ok(Event { time, body: Body::Intent(intent) }) = Event::decode(leaf) else { return Ok(None) };
        let read = |part, digest| contents.content(Wanted { part, index, digest });
        let evidence = read(Part::Evidence, intent.evidence)?;
        let request = read(Part::Request, intent.request.digest())?;
        let decision = match (evidence, request) {
            (Some(evidence), Some(request)) => self.decide(&intent, time, (&evidence, &request)),
            (None, _) | (_, None) => None,
        };
        // What would not have been signed takes no place.
        if matches!(decision, Some(Decision::Allowed(_)) | None) {
            self.budget.record(&intent.profile, time);
        }
        Ok(Some(Replayed { index, profile: intent.profile, time, decision }))
    }
    fn decide(&self, intent: &Intent, time: Time, (evidence, request): (&[u8], &[u8])) -> Option<Decision> {
        let evidence: Evidence = canonical::decode(std::str::from_utf8(evidence).ok()?).ok()?;
        let request = Request::parse(std::str::from_utf8(request).ok()?).ok()?;
        let statement = request.statement(intent.statement)?;
        let caller = match self.caller(&evidence, &request, time) {
            Ok(caller) => caller,
            Err(refusal) => return Some(Decision::Refused(refusal)),
        };
        let limits = self.tried.policy.profile(&intent.profile).map_or(&[][..], |profile| profile.limits());
        let counts = self.budget.counts(&intent.profile, limits, time);
        let approvers = self.approvers(&evidence, intent, (&caller, time));
        let attested = self.attested(&evidence, (intent, statement), (&caller, time));
        let standing = Standing { approvers, attested, ..Standing::default() };
        let known = (&counts, &standing);
        let facts = Facts::of_statement(&intent.profile, &caller, statement, time, known);
        Some(decide(self.tried.policy, &facts))
    }
    /// What is found about the attestations that came then.
    fn attested(
        &self,
        evidence: &Evidence,
        (intent, statement): (&Intent, &Statement),
        (caller, at): (&Caller, Time),
    ) -> Attested {
        let (Some(attesting), Some(trust)) = (self.tried.attesting, &self.trust) else {
            return Attested::default();
        };
        let profile = self.tried.policy.profile(&intent.profile);
        let wanted = profile.map(|profile| profile.attestations()).unwrap_or_default();
        let (artifact, format) = (statement.artifact.digest, statement.format);
        let subject = Subject { artifact, format, caller: &caller.claims };
        let bench = Bench { gates: attesting.gates, trust, at };
        Shown::read(&evidence.attestations).judge(wanted, &subject, &bench)
    }
    fn caller(&self, evidence: &Evidence, request: &Request, now: Time) -> Result<Caller, Refusal> {
        let issuers = self.tried.issuers;
        let peeked = peek(&evidence.token, issuers)?;
        let keys = peeked.issuer.pinned_keys().unwrap_or(&evidence.issuer_keys);
        let keys = KeySet::parse(peeked.issuer, keys)
            .map_err(|error| Refusal::new(RefusalCode::TokenInvalid, format!("archived keys: {error}")))?;
        let expected = Expectation {
            audience_host: self.tried.host,
            audience: Audience::of(request),
            request: Some(request.id()),
            kind: Some(CallerKind::Workload),
            now,
        };
        authenticate(&evidence.token, issuers, &keys, &expected)
    }
    /// Who approved then and could approve under these documents. What they signed names the version of then.
    fn approvers(&self, evidence: &Evidence, intent: &Intent, (caller, now): (&Caller, Time)) -> u32 {
        let Some(approved) = &evidence.approval else { return 0 };
        let (roster, profile) = (self.tried.policy.roster(), &intent.profile);
        let occasion = Occasion { roster, profile, caller: Some(caller), now };
        let people: BTreeSet<PersonId> = approved
            .signatures
            .iter()
            .filter_map(|signature| signer(&approved.document, signature, &occasion).ok())
            .collect();
        u32::try_from(people.len()).unwrap_or(u32::MAX)
    }
}
