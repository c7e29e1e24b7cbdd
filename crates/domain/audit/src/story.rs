//! The story of one signature, told from leaves and evidence: what was signed, by whom, under which policy, who
//! approved, and what would revoke it. Tells and does not judge: that is [`crate::auditor`].

use std::collections::BTreeMap;

use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::evidence::Evidence as Proofs;
use chancery_core::id::{KeyId, PersonId};
use chancery_core::request::Request;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_identity::sshsig::signature::SshSignature;
use chancery_ledger::event::{Body, Closed, Event, Intent, Outcome, Policy as PolicyEvent};
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;
use chancery_x509::certificate::Certificate;

use crate::source::{Evidence, Ledger, Part, Unreadable, Wanted};

/// Leaves that are read at a time.
const STRETCH: u64 = 1024;

/// One intent and what became of it.
#[derive(Debug)]
pub struct Story {
    /// Index of the intent.
    pub index: u64,
    /// When it was logged.
    pub time: Time,
    /// The intent.
    pub intent: Box<Intent>,
    /// Index, time and content of the result.
    pub result: Option<(u64, Time, Outcome)>,
    /// Index and reason of the end without a result.
    pub closed: Option<(u64, String)>,
    /// Index and content of the event that named its policy version.
    pub policy: Option<(u64, PolicyEvent)>,
    /// The statement, where the request is kept.
    pub statement: Option<Statement>,
    /// The signing certificate, where it is kept.
    pub certificate: Option<Certificate>,
    /// People whose signatures approved it, by the roster of that version.
    pub approvers: Vec<PersonId>,
    /// How many results the ledger has with the same key.
    pub with_key: u64,
}

/// Finds the signatures that a digest names: of an artifact before it was signed, a request, a statement, a signature or a
/// certificate.
pub fn tell(ledger: &dyn Ledger, evidence: &dyn Evidence, digest: Sha256) -> Result<Vec<Story>, Unreadable> {
    let mut stories = scan(ledger, digest)?;
    for story in &mut stories {
        fill(story, evidence)?;
    }
    Ok(stories)
}

/// What a pass over the leaves has seen.
#[derive(Debug, Default)]
struct Scan {
    open: BTreeMap<u64, Story>,
    stories: Vec<Story>,
    policies: Vec<(u64, PolicyEvent)>,
    keys: BTreeMap<KeyId, u64>,
}

fn scan(ledger: &dyn Ledger, digest: Sha256) -> Result<Vec<Story>, Unreadable> {
    let (size, mut from, mut scan) = (ledger.size()?, 0, Scan::default());
    while from < size {
        let to = size.min(from.saturating_add(STRETCH));
        for (index, leaf) in (from..).zip(ledger.leaves(from, to)?) {
            let text = leaf.as_deref().and_then(|leaf| std::str::from_utf8(leaf).ok());
            if let Some(Ok(event)) = text.map(Event::decode) {
                scan.event(index, event, digest);
            }
        }
        from = to;
    }
    let Scan { open, mut stories, keys, .. } = scan;
    stories.extend(open.into_values().filter(|story| is_named(story, digest)));
    for story in &mut stories {
        story.with_key = keys.get(&story.intent.key).copied().unwrap_or(0);
    }
    stories.sort_by_key(|story| story.index);
    Ok(stories)
}

impl Scan {
    fn event(&mut self, index: u64, event: Event, digest: Sha256) {
        match event.body {
            Body::Policy(policy) => self.policies.push((index, policy)),
            Body::Intent(intent) => {
                let story = begun(index, event.time, intent, &self.policies);
                self.open.insert(index, story);
            }
            Body::Result(outcome) => {
                let Some(mut story) = self.open.remove(&outcome.intent) else { return };
                let count = self.keys.entry(story.intent.key.clone()).or_default();
                *count = count.saturating_add(1);
                story.result = Some((index, event.time, outcome));
                self.stories.extend(Some(story).filter(|story| is_named(story, digest)));
            }
            Body::Abandoned(closed) | Body::Withdrawn(closed) => {
                let ended = self.open.remove(&closed.intent).map(|story| end(story, index, closed));
                self.stories.extend(ended.filter(|story| is_named(story, digest)));
            }
            Body::Approval(_)
            | Body::Certificate(_)
            | Body::Denied(_)
            | Body::DeniedCount(_)
            | Body::Entry(_)
            | Body::Exception(_)
            | Body::Freeze(_)
            | Body::IssuerKeys(_)
            | Body::Key(_)
            | Body::Pending(_)
            | Body::Reanchor(_)
            | Body::Review(_)
            | Body::Root(_)
            | Body::Session(_)
            | Body::Trust(_)
            | Body::Unfreeze(_) => {}
        }
    }
}

fn begun(index: u64, time: Time, intent: Box<Intent>, policies: &[(u64, PolicyEvent)]) -> Story {
    let policy = policies.iter().rev().find(|(_, policy)| policy.version == intent.policy).cloned();
    Story {
        index,
        time,
        intent,
        result: None,
        closed: None,
        policy,
        statement: None,
        certificate: None,
        approvers: Vec::new(),
        with_key: 0,
    }
}

fn end(mut story: Story, index: u64, closed: Closed) -> Story {
    story.closed = Some((index, closed.why));
    story
}

fn is_named(story: &Story, digest: Sha256) -> bool {
    let intent = &story.intent;
    let result = story.result.as_ref().map(|(_, _, outcome)| outcome);
    intent.artifact == digest
        || intent.request.digest() == digest
        || intent.statement.digest() == digest
        || result.is_some_and(|outcome| outcome.signature == digest || outcome.certificate == Some(digest))
}

/// Adds what the evidence says; what is not kept, or was altered, stays untold.
fn fill(story: &mut Story, evidence: &dyn Evidence) -> Result<(), Unreadable> {
    let index = story.index;
    let fetch = |part, digest: Sha256| {
        let found = evidence.content(Wanted { part, index, digest })?;
        Ok::<_, Unreadable>(found.filter(|bytes| Sha256::of(bytes) == digest))
    };
    let text = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let request = text(fetch(Part::Request, story.intent.request.digest())?);
    let request = request.and_then(|request| Request::parse(&request).ok());
    story.statement = request.and_then(|request| request.statement(story.intent.statement).cloned());
    if let Some(digest) = story.result.as_ref().and_then(|(_, _, outcome)| outcome.certificate) {
        let der = fetch(Part::Certificate, digest)?;
        story.certificate = der.and_then(|der| Certificate::parse(&der).ok());
    }
    let proofs = text(fetch(Part::Evidence, story.intent.evidence)?);
    let documents = text(fetch(Part::Policy, story.intent.policy.digest())?);
    if let (Some(proofs), Some(documents)) = (proofs, documents) {
        story.approvers = approvers(&proofs, &documents);
    }
    Ok(())
}

fn approvers(proofs: &str, documents: &str) -> Vec<PersonId> {
    let proofs: Option<Proofs> = canonical::decode(proofs).ok();
    let policy = Documents::parse(documents).ok().and_then(|documents| Policy::load(&documents).ok());
    let (Some(approved), Some(policy)) = (proofs.and_then(|proofs| proofs.approval), policy) else {
        return Vec::new();
    };
    let signatures = approved.signatures.iter().filter_map(|text| SshSignature::parse_armoured(text).ok());
    let mut people: Vec<PersonId> = signatures
        .filter_map(|signature| Some(policy.roster().member_of(signature.key())?.id().clone()))
        .collect();
    people.sort();
    people.dedup();
    people
}
