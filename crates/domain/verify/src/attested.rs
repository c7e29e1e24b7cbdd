//! Demanded attestations, judged: gateway, keyguard and audit each call [`Shown::judge`] on the evidence of a request.
//!
//! ```text
//! bundle ─▶ of the demanded type, about this artifact or commit?   no: missing
//!        ─▶ verifies, by whom the policy names?                    no: untrusted
//!        ─▶ passed, and says what the policy demands?              no: says too little, too old, a material
//! ```
//! One bundle that gets through is enough; else the one that came furthest says why not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::attested::{About, Attested, Found, Lack, Requirement, Unmet};
use chancery_core::claims::Claims;
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckResult, Outcome, Verdict};
use chancery_format::sigstore::foreign::{Content, ForeignBundle, Material};
use chancery_format::sigstore::foreign_statement;
use chancery_x509::certificate::Certificate;
use chancery_x509::fulcio;
use serde_json::Value;

use crate::foreign::{self, Digests, Expected, Signer};
use crate::gates::Gates;
use crate::policy::VerificationPolicy;
use crate::says::{self, Known, Says};
use crate::snapshot::TrustSnapshot;
use crate::verify::{self, Evidence};

/// The attestations that came with a request, taken apart once for all of its statements. Nothing of them is believed yet.
#[derive(Debug, Default)]
pub struct Shown(Vec<One>);

#[derive(Debug)]
struct One {
    json: String,
    read: Result<Read, String>,
    /// Verdicts by policy and kind of subject. ATTACK: sixteen bundles about the thousand files of a request would be
    /// verified sixteen thousand times for each requirement; but whose word it is does not depend on the file.
    verdicts: Mutex<BTreeMap<(String, About), Arc<Verdict>>>,
}

#[derive(Debug, Clone)]
struct Read {
    predicate_type: String,
    artifacts: Vec<Sha256>,
    commits: Vec<String>,
    payload: Vec<u8>,
    /// On what the signer ran, as the certificate says.
    runner: Option<String>,
}

/// What an attestation must be about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// SHA-256 of what is to be signed.
    pub artifact: Sha256,
    /// Its format.
    pub format: FormatName,
    /// Who asks, from its token.
    pub caller: &'a Claims,
}

/// What a verdict depends on beside the bundles.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// Verification policies, and the trusted roots of other instances.
    pub gates: &'a Gates,
    /// Our own instance.
    pub trust: &'a TrustSnapshot,
    /// Now, given by the caller.
    pub at: Time,
}

impl Shown {
    /// Takes bundles apart. One that cannot be read counts for nothing.
    #[must_use]
    pub fn read(bundles: &[String]) -> Self {
        Self(bundles.iter().map(|json| One::new(json)).collect())
    }

    /// What is found for each requirement about one statement.
    #[must_use]
    pub fn judge(&self, wanted: &[Requirement], subject: &Subject<'_>, bench: &Bench<'_>) -> Attested {
        wanted.iter().map(|one| (one.name.clone(), self.find(one, subject, bench))).collect()
    }

    fn find(&self, wanted: &Requirement, subject: &Subject<'_>, bench: &Bench<'_>) -> Found {
        let Some(policy) = bench.gates.policy_named(&wanted.policy) else {
            return Found::Unmet(Unmet::new(Lack::Missing, "no such policy", &wanted.policy));
        };
        let mut nearest = Unmet::new(Lack::Missing, "no attestation", expectation(policy, wanted, subject));
        for one in &self.0 {
            match one.meets(policy, wanted, (subject, bench)) {
                Ok(by) => return Found::Met(by),
                Err(unmet) if unmet.lack >= nearest.lack => nearest = unmet,
                Err(_) => {}
            }
        }
        Found::Unmet(nearest)
    }
}

impl One {
    fn new(json: &str) -> Self {
        Self { json: json.to_owned(), read: read(json), verdicts: Mutex::default() }
    }

    /// Who met it.
    fn meets(
        &self,
        policy: &VerificationPolicy,
        wanted: &Requirement,
        (subject, bench): (&Subject<'_>, &Bench<'_>),
    ) -> Result<String, Unmet> {
        let expected = expectation(policy, wanted, subject);
        let read = self.read.as_ref();
        let read =
            read.map_err(|why| Unmet::new(Lack::Untrusted, format!("not readable: {why}"), &expected))?;
        if policy.predicate.as_ref() != Some(&read.predicate_type) {
            return Err(Unmet::new(Lack::Missing, format!("a `{}`", read.predicate_type), expected));
        }
        let commit = commit(subject);
        let names_it = match wanted.about {
            About::Artifact => read.artifacts.contains(&subject.artifact),
            About::Source => commit.is_some_and(|commit| read.commits.iter().any(|named| named == commit)),
        };
        if !names_it {
            return Err(Unmet::new(Lack::Missing, format!("one about {}", read.about()), expected));
        }
        let verdict = self.known_verdict((policy, wanted), (subject, bench));
        if verdict.outcome() != Outcome::Verified {
            return Err(rejected(&verdict));
        }
        says::passed(&read.predicate_type, &read.payload)?;
        policy.says.check(&read.payload, &Known { at: bench.at, runner: read.runner.as_deref() })?;
        if wanted.about == About::Source {
            source(&read.payload, subject)?;
        }
        Ok(by(&verdict))
    }

    /// The verdict of an earlier statement, where it is the same for this one: both are named by the bundle, and nothing but a
    /// revocation makes a difference between what it names.
    fn known_verdict(
        &self,
        (policy, wanted): (&VerificationPolicy, &Requirement),
        (subject, bench): (&Subject<'_>, &Bench<'_>),
    ) -> Arc<Verdict> {
        let is_same = bench.trust.revocations.is_empty();
        let name = (wanted.policy.clone(), wanted.about);
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = verdicts.get(&name).filter(|_| is_same) {
            return Arc::clone(known);
        }
        let verdict = Arc::new(self.verdict(policy, wanted.about, (subject, bench)));
        verdicts.insert(name, Arc::clone(&verdict));
        verdict
    }

    /// By whom it is; what it says is compared after, so that each lack has its own name.
    fn verdict(
        &self,
        policy: &VerificationPolicy,
        about: About,
        (subject, bench): (&Subject<'_>, &Bench<'_>),
    ) -> Verdict {
        let policy = VerificationPolicy { says: Says::default(), ..policy.clone() };
        let bundle = self.json.as_bytes();
        match policy.instance.as_ref().map(|name| bench.gates.instance(name)) {
            None => {
                let context = verify::Context { trust: bench.trust, policy: &policy, at: bench.at };
                let artifact = subject.artifact;
                let is_image = subject.format == FormatName::Oci && policy.formats.contains(&FormatName::Oci);
                let evidence = if is_image {
                    Evidence::Image { artifact, bundle }
                } else {
                    Evidence::Sigstore { artifact, bundle }
                };
                verify::verify(&evidence, &context)
            }
            Some(None) => verify::unsigned(),
            Some(Some(instance)) => {
                let digests = match (about, commit(subject)) {
                    (About::Source, Some(commit)) => Digests::of_commit(commit),
                    (About::Source, None) => return verify::unsigned(),
                    (About::Artifact, _) => Digests::only(subject.artifact),
                };
                let expected = expected(policy);
                let context = foreign::Context { instance, expected: &expected, at: bench.at };
                verify::foreign(&digests, bundle, &context)
            }
        }
    }
}

impl Read {
    fn about(&self) -> String {
        let artifacts = self.artifacts.iter().map(|digest| format!("sha256:{digest}"));
        let commits = self.commits.iter().map(|commit| format!("gitCommit:{commit}"));
        artifacts.chain(commits).take(3).collect::<Vec<_>>().join(", ")
    }
}

fn read(json: &str) -> Result<Read, String> {
    let bundle = ForeignBundle::parse(json.as_bytes()).map_err(|error| error.to_string())?;
    let Content::Dsse { payload, .. } = &bundle.content else {
        return Err("a signature over an artifact, which says nothing about it".to_owned());
    };
    let statement = foreign_statement::parse(payload).map_err(|error| error.to_string())?;
    let sha256 = |(algorithm, hex): &(DigestAlgorithm, String)| {
        (*algorithm == DigestAlgorithm::Sha256).then(|| Sha256::parse_hex(hex).ok()).flatten()
    };
    Ok(Read {
        predicate_type: statement.predicate_type,
        artifacts: statement.subjects.iter().flatten().filter_map(sha256).collect(),
        commits: statement.commits,
        payload: payload.clone(),
        runner: runner(&bundle.material),
    })
}

fn runner(material: &Material) -> Option<String> {
    let Material::Certificates(chain) = material else { return None };
    let leaf = Certificate::parse(chain.first()?).ok()?;
    fulcio::claims(&leaf).ok()?.runner_environment
}

fn commit<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    subject.caller.source_repository_digest.as_deref().filter(|commit| !commit.is_empty())
}

/// Who must have signed, in the form that other instances are judged by.
fn expected(policy: VerificationPolicy) -> Expected {
    let (predicate, key) = (policy.predicate.clone(), policy.public_key.clone());
    let signer = key.map_or_else(|| Signer::Named(Box::new(policy)), Signer::Key);
    Expected { predicate, ..Expected::of(signer) }
}

/// Which attestation would do.
fn expectation(policy: &VerificationPolicy, wanted: &Requirement, subject: &Subject<'_>) -> String {
    let predicate = policy.predicate.as_deref().unwrap_or("statement");
    match wanted.about {
        About::Artifact => format!("a `{predicate}` about sha256:{}", subject.artifact),
        About::Source => match commit(subject) {
            Some(commit) => format!("a `{predicate}` about gitCommit:{commit}"),
            None => format!("a `{predicate}` about the commit that the token names, and it names none"),
        },
    }
}

fn rejected(verdict: &Verdict) -> Unmet {
    let failed = verdict.checks.iter().find_map(|check| match &check.result {
        CheckResult::Failed { reason, actual, expected } => {
            Some((format!("{} {}: {actual}", reason.code(), check.name.name()), expected.clone()))
        }
        CheckResult::Passed | CheckResult::NotMade(_) => None,
    });
    let (actual, expected) = failed.unwrap_or_else(|| ("a check was not made".to_owned(), String::new()));
    Unmet::new(Lack::Untrusted, actual, expected)
}

fn by(verdict: &Verdict) -> String {
    verdict.signer.identity.clone().unwrap_or_else(|| "the expected key".to_owned())
}

/// A commit alone is in every fork: repository and ref must be those of the caller too (SLSA 1.2, source track).
fn source(payload: &[u8], subject: &Subject<'_>) -> Result<(), Unmet> {
    let insufficient = |actual: String, expected: String| Unmet::new(Lack::Insufficient, actual, expected);
    let (claims, known) = (subject.caller, says::read_json(payload));
    let statement = known.map_err(|why| insufficient(why, "one JSON object".to_owned()))?;
    let repository = claims.source_repository_uri.as_deref().unwrap_or_default();
    let reference = claims.source_repository_ref.as_deref().unwrap_or_default();
    let resource = says::text(&statement, &["predicate", "resourceUri"]);
    let expected = format!("git+{repository}");
    if repository.is_empty() || resource != expected {
        return Err(insufficient(format!("resource `{resource}`"), expected));
    }
    let subjects = statement.get("subject").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let of_commit = subjects.iter().filter(|one| {
        commit(subject).is_some_and(|commit| says::text(one, &["digest", "gitCommit"]) == commit)
    });
    let refs: Vec<&str> = of_commit.flat_map(refs).collect();
    if reference.is_empty() || !refs.contains(&reference) {
        return Err(insufficient(format!("sourceRefs {}", refs.join(", ")), format!("`{reference}`")));
    }
    Ok(())
}

fn refs(subject: &Value) -> impl Iterator<Item = &str> {
    let list = subject.get("annotations").and_then(|all| all.get("sourceRefs")).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}
