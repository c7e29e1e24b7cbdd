//! What is expensive about one intent: token, decision, bytes, and where it has a result, signature and chain.
//!
//! A job owns everything that it needs, so that it can run on any thread; it reads no clock and no store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::caller::Caller;
use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::evidence::Evidence;
use chancery_core::id::RequestId;
use chancery_core::port::custodian::KeyState;
use chancery_core::refusal::RefusalCode;
use chancery_core::request::Request;
use chancery_core::statement::Statement;
use chancery_format::seam::Signer;
use chancery_identity::possession;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_x509::certificate::Certificate;

use crate::closing::Closing;
use crate::decision::{self, Asked, Word};
use crate::facade;
use crate::finding::{Code, Finding};
use crate::governance::Governance;
use crate::intent::Open;
use crate::outcome::{self, Rebuilt};
use crate::{statement, token};

/// What every job has in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) trust: TrustSnapshot,
    /// The issuing certificates of all generations.
    pub(crate) issuing: Vec<Certificate>,
    /// The certificates between a long-lived leaf and its root.
    pub(crate) below_root: Vec<Certificate>,
    pub(crate) host: String,
    /// The ledger's origin.
    pub(crate) ledger: String,
    pub(crate) builder: String,
    pub(crate) requests: Requests,
}

/// Requests that were parsed lately: the intents of one stand together, and parsing it costs more the more there are.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<VecDeque<Arc<Request>>>);

impl Requests {
    const KEPT: usize = 16;

    fn find(&self, id: RequestId) -> Option<Arc<Request>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|request| request.id() == id).map(Arc::clone)
    }
    fn keep(&self, request: &Arc<Request>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= Self::KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(request));
    }
}

/// Content that the ledger names, as far as it was found.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) digest: Sha256,
    pub(crate) found: Option<Vec<u8>>,
}

impl Content {
    /// The bytes, once their hash was compared.
    pub(crate) fn bytes(&self, index: u64, what: &str) -> Result<&[u8], Finding> {
        let Some(bytes) = &self.found else {
            let finding = Finding::new(index, Code::EvidenceMissing, format!("the {what} is not kept"));
            return Err(finding.because("none", self.digest));
        };
        let found = Sha256::of(bytes);
        if found == self.digest {
            return Ok(bytes);
        }
        let finding = Finding::new(index, Code::EvidenceAltered, format!("the {what} was altered"));
        Err(finding.because(found, self.digest))
    }
}

/// One intent with its evidence and its end.
#[derive(Debug)]
pub struct Job {
    pub(crate) open: Open,
    pub(crate) evidence: Content,
    pub(crate) request: Content,
    pub(crate) closing: Option<Box<Closing>>,
    pub(crate) shared: Arc<Shared>,
}

/// What came of a job.
#[derive(Debug, Default)]
pub struct Done {
    pub(crate) findings: Vec<Finding>,
    pub(crate) tokens: u64,
    pub(crate) decisions: u64,
    pub(crate) signatures: u64,
    pub(crate) stopped: u64,
    pub(crate) witnessed: u64,
}

impl Done {
    /// Adds another's.
    pub fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.decisions = self.decisions.saturating_add(other.decisions);
        self.signatures = self.signatures.saturating_add(other.signatures);
        self.stopped = self.stopped.saturating_add(other.stopped);
        self.witnessed = self.witnessed.saturating_add(other.witnessed);
    }
}

/// A finding, and whether the service itself may come to it without lying: between decision and order a policy may
/// change, a key be stopped, a token expire. Then the keyguard refuses, and the intent is abandoned.
#[derive(Debug)]
enum Wrong {
    Always(Finding),
    OnlyIfSigned(Finding),
}

impl From<Finding> for Wrong {
    fn from(finding: Finding) -> Self {
        Self::Always(finding)
    }
}

impl Job {
    /// Checks the intent and its end.
    #[must_use]
    pub fn run(self) -> Done {
        let mut done = Done::default();
        match self.check(&mut done) {
            Ok(()) => {}
            Err(Wrong::OnlyIfSigned(_)) if self.closing.is_none() => done.stopped = 1,
            Err(Wrong::Always(finding) | Wrong::OnlyIfSigned(finding)) => done.findings.push(finding),
        }
        done
    }

    fn check(&self, done: &mut Done) -> Result<(), Wrong> {
        let open = &self.open;
        let evidence = self.evidence()?;
        let request = self.request()?;
        let governance = self.governance()?;
        let caller =
            token::caller(&evidence, governance, &self.shared.host, (&request, open.time, &open.issuer_keys));
        let proof = evidence.possession.as_ref();
        let caller =
            caller.and_then(|caller| possession::complete(caller, proof, open.session, request.id()));
        let caller = caller.map_err(|refusal| {
            let what = format!("token is refused with {}: {}", refusal.code, refusal.what);
            let code =
                if refusal.code == RefusalCode::IssuerKeysForeign { Code::IssuerKeys } else { Code::Token };
            let finding = Finding::new(open.index, code, what).because(&refusal.actual, &refusal.expected);
            if refusal.code == RefusalCode::TokenExpired {
                Wrong::OnlyIfSigned(finding)
            } else {
                Wrong::Always(finding)
            }
        })?;
        done.tokens = 1;
        let statement = self.statement(&request)?;
        self.check_claims(&caller)?;
        self.check_token_use()?;
        self.check_profile(governance)?;
        let (ledger, trust) = (&self.shared.ledger, &self.shared.trust);
        let asked = Asked { governance, caller: &caller, statement, evidence: &evidence, ledger, trust };
        let word = decision::check(open, &asked).map_err(Wrong::OnlyIfSigned)?;
        done.decisions = 1;
        done.witnessed = u64::from(word == Word::Keyguard && self.closing.is_some());
        let planned = statement::planned(open, &self.shared.issuing, &caller)?;
        let Some(public) = planned.as_ref().or(open.public.as_ref()) else {
            let finding = Finding::new(
                open.index,
                Code::Key,
                "neither a certificate nor the public half of the key is kept",
            );
            return Err(Wrong::OnlyIfSigned(finding));
        };
        let mut known = Sha256::of(&public.spki);
        if statement.format.is_certificate() {
            facade::check_planned(open, statement, planned.as_ref())?;
            known = open.key.as_ref().map_or(known, |key| key.spki);
        }
        let profile = request.profile();
        let signer = Signer { public_key: public, caller: &caller, profile, builder: &self.shared.builder };
        let bytes = statement::bytes(open, statement, &signer)?;
        self.check_key(&known)?;
        if let Some(closing) = &self.closing {
            outcome::check(&Rebuilt { open, statement, signer, bytes: &bytes }, closing, &self.shared)?;
            done.signatures = 1;
        }
        Ok(())
    }

    fn evidence(&self) -> Result<Evidence, Finding> {
        let bytes = self.evidence.bytes(self.open.index, "evidence")?;
        let refuse = |why: String| {
            Finding::new(self.open.index, Code::EvidenceAltered, format!("evidence cannot be read: {why}"))
        };
        let text = std::str::from_utf8(bytes).map_err(|error| refuse(error.to_string()))?;
        canonical::decode(text).map_err(|error| refuse(error.to_string()))
    }

    fn request(&self) -> Result<Arc<Request>, Finding> {
        let bytes = self.request.bytes(self.open.index, "request")?;
        let refuse = |why: String| {
            Finding::new(self.open.index, Code::Intent, format!("request cannot be read: {why}"))
        };
        // Its bytes were just hashed: they are those that were parsed before.
        if let Some(known) = self.shared.requests.find(self.open.intent.request) {
            return Ok(known);
        }
        let text = std::str::from_utf8(bytes).map_err(|error| refuse(error.to_string()))?;
        let parsed = Arc::new(Request::parse(text).map_err(|error| refuse(error.to_string()))?);
        self.shared.requests.keep(&parsed);
        Ok(parsed)
    }

    fn governance(&self) -> Result<&Governance, Wrong> {
        let open = &self.open;
        let finding = |what: &str| Finding::new(open.index, Code::Policy, what);
        let Some(governance) = &open.governance else {
            return Err(Wrong::Always(finding(
                "the policy version of the intent was not in force, or is not kept",
            )));
        };
        if !open.is_in_force {
            return Err(Wrong::OnlyIfSigned(finding("another policy version was in force")));
        }
        Ok(governance)
    }

    /// The statement that the intent names, whose every field it repeats.
    fn statement<'a>(&self, request: &'a Request) -> Result<&'a Statement, Finding> {
        let intent = &self.open.intent;
        let refuse = |what: &str| Finding::new(self.open.index, Code::Intent, what);
        let statement = request.statement(intent.statement);
        let statement = statement.ok_or_else(|| refuse("the request does not hold the statement"))?;
        if request.profile() != &intent.profile {
            let finding = refuse("the request is under another profile");
            return Err(finding.because(&intent.profile, request.profile()));
        }
        let named = (intent.artifact, intent.format, intent.depth, intent.family);
        let given = (statement.artifact.digest, statement.format, statement.depth, statement.family);
        if named != given {
            let finding = refuse("the intent names another artifact, format, depth or family");
            return Err(finding.because(format!("{named:?}"), format!("{given:?}")));
        }
        Ok(statement)
    }

    fn check_claims(&self, caller: &Caller) -> Result<(), Finding> {
        let intent = &self.open.intent;
        let refuse = |what: &str| Finding::new(self.open.index, Code::Intent, what);
        if intent.token_use != caller.token_use {
            let finding = refuse("the intent names another token");
            return Err(finding.because(intent.token_use, caller.token_use));
        }
        let issuer = caller.issuer_name.as_str();
        if intent.issuer != issuer {
            return Err(refuse("the intent names another issuer").because(&intent.issuer, issuer));
        }
        let stable = caller.claims.stable();
        let same = intent.claims.len() == stable.len()
            && stable
                .iter()
                .all(|(name, value)| intent.claims.get(*name).is_some_and(|known| known == value));
        if same { Ok(()) } else { Err(refuse("the intent names other claims than its token")) }
    }

    fn check_token_use(&self) -> Result<(), Finding> {
        let Some(first) = self.open.replayed else { return Ok(()) };
        let finding =
            Finding::new(self.open.index, Code::TokenReplayed, "the token was used for another request");
        Err(finding.because(first, self.open.intent.request))
    }

    fn check_profile(&self, governance: &Governance) -> Result<(), Finding> {
        let intent = &self.open.intent;
        let refuse = |what: String| Finding::new(self.open.index, Code::Intent, what);
        let profile = governance.policy.profile(&intent.profile);
        let profile = profile.ok_or_else(|| refuse(format!("there is no profile `{}`", intent.profile)))?;
        if profile.environment() != intent.environment {
            let finding = refuse("the intent names another environment than its profile".to_owned());
            return Err(finding.because(intent.environment, profile.environment()));
        }
        if profile.key(intent.family) != Some(&intent.key) {
            let expected = profile.key(intent.family).map_or("none", |key| key.as_str());
            let finding = refuse("the intent names another key than its profile".to_owned());
            return Err(finding.because(&intent.key, expected));
        }
        Ok(())
    }

    /// The key is in the ledger, was not stopped, is of this family and environment, and is the one that was certified.
    fn check_key(&self, spki: &Sha256) -> Result<(), Wrong> {
        let intent = &self.open.intent;
        let refuse =
            |what: &str| Finding::new(self.open.index, Code::Key, format!("key `{}` {what}", intent.key));
        let key = self.open.key.as_ref().ok_or_else(|| refuse("is not in the ledger"))?;
        if key.family != intent.family || key.environment != intent.environment {
            return Err(refuse("is of another family or environment").into());
        }
        if key.spki != *spki {
            return Err(refuse("is another one than the ledger names").because(spki, key.spki).into());
        }
        if key.state == KeyState::Disabled {
            return Err(Wrong::OnlyIfSigned(refuse("was stopped before")));
        }
        Ok(())
    }
}
