//! Policy tests: `tests/*.toml` say who may do what, and the runner compares.
//!
//! ```toml
//! [[case]]
//! name = "a branch is refused"
//! profile = "dev"
//! issuer = "dev"
//! format = "sigstore"
//! family = "message"
//! depth = "structured"              # default
//! binding = "request"               # default
//! kind = "workload"                 # default
//! time = "2026-01-01T12:00:00Z"     # default
//! predicate = "https://cyclonedx.org/bom"   # none unless given
//! expect = "CH4012"                 # or "allowed", "pending"
//! [case.claims]
//! source_repository_identifier = "42"
//! source_repository_ref = "refs/heads/feature"
//! [case.counts]                     # windows that are not named are empty
//! 10m = "100"
//! [case.standing]                   # approvals and the like, see `test_standing`
//! approvers = 1
//! ```

use std::collections::BTreeMap;

use chancery_core::artifact::Artifact;
use chancery_core::caller::{AudienceBinding, Caller, CallerKind};
use chancery_core::claims::Claims;
use chancery_core::decision::Decision;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{IssuerName, ProfileName, RequestId};
use chancery_core::refusal::RefusalCode;
use chancery_core::time::Time;

use crate::decide::decide;
use crate::documents::Documents;
use crate::facts::Facts;
use crate::fields::Fields;
use crate::limit::{Counts, Window};
use crate::policy::Policy;
use crate::problem::{Problem, Problems, Report};
use crate::standing::Standing;
use crate::test_standing;

const MAX_CASES: usize = 10_000;
const NOON: &str = "2026-01-01T12:00:00Z";

/// What a case expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Allowed.
    Allowed,
    /// Waiting for approvals.
    Pending,
    /// Refused with this code.
    Refused(RefusalCode),
}

impl Expectation {
    /// What a decision amounts to.
    #[must_use]
    pub const fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Allowed(_) => Self::Allowed,
            Decision::Pending { .. } => Self::Pending,
            Decision::Refused(refusal) => Self::Refused(refusal.code),
        }
    }
    /// `allowed`, `pending` or the refusal's code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Pending => "pending",
            Self::Refused(code) => code.code(),
        }
    }
    fn parse(text: &str) -> Option<Self> {
        let codes = RefusalCode::ALL.into_iter().map(|(code, _)| Self::Refused(code));
        codes.chain([Self::Allowed, Self::Pending]).find(|expectation| expectation.name() == text)
    }
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file that it is in.
    pub file: String,
    /// What it is called.
    pub name: String,
    /// What must come out.
    pub expect: Expectation,
    profile: ProfileName,
    caller: Caller,
    format: FormatName,
    family: Family,
    depth: Depth,
    artifact: Artifact,
    predicate: Option<String>,
    time: Time,
    counts: BTreeMap<Window, u64>,
    standing: Standing,
}

/// What came out of a case.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The file that the case is in.
    pub file: String,
    /// What the case is called.
    pub name: String,
    /// What was expected.
    pub expect: Expectation,
    /// What was decided, with its trace.
    pub decision: Decision,
}

impl Outcome {
    /// Whether the decision is the expected one.
    #[must_use]
    pub fn passed(&self) -> bool {
        Expectation::of(&self.decision) == self.expect
    }
}

/// Reads every test file; every problem at once.
pub fn parse(documents: &Documents) -> Result<Vec<Case>, Problems> {
    let (mut cases, mut found): (Vec<Case>, Vec<Problem>) = (Vec::new(), Vec::new());
    for (_, path, text) in documents.in_folder("tests", "toml") {
        let mut report = Report::new(path);
        if let Some(mut fields) = Fields::parse(&mut report, text) {
            for mut table in fields.tables(&mut report, "case", MAX_CASES) {
                let case = read(&mut report, &mut table, path);
                table.finish(&mut report);
                cases.extend(case);
            }
            fields.finish(&mut report);
        }
        found.extend(report.into_found());
    }
    if found.is_empty() { Ok(cases) } else { Err(Problems::collect(found)) }
}

/// Decides every case.
#[must_use]
pub fn run(policy: &Policy, cases: &[Case]) -> Vec<Outcome> {
    let decided = cases.iter().map(|case| Outcome {
        file: case.file.clone(),
        name: case.name.clone(),
        expect: case.expect,
        decision: decide_case(policy, case),
    });
    decided.collect()
}

fn decide_case(policy: &Policy, case: &Case) -> Decision {
    let mut counts =
        policy.profile(&case.profile).map(|profile| Counts::zero(profile.limits())).unwrap_or_default();
    for (window, count) in &case.counts {
        counts.set(*window, *count);
    }
    let facts = Facts {
        profile: &case.profile,
        caller: &case.caller,
        format: case.format,
        family: case.family,
        depth: case.depth,
        artifact: &case.artifact,
        predicate: case.predicate.as_deref(),
        time: case.time,
        counts: &counts,
        standing: &case.standing,
    };
    decide(policy, &facts)
}

fn read(report: &mut Report, table: &mut Fields, path: &str) -> Option<Case> {
    let name = table.required(report, "name");
    let profile = named(report, table, "profile", |text| ProfileName::parse(text).ok());
    let format = named(report, table, "format", FormatName::from_name);
    let family = named(report, table, "family", Family::from_name);
    let expect = named(report, table, "expect", Expectation::parse);
    let depth = choice(report, table, "depth", "structured", |text| {
        [Depth::Digest, Depth::Structured, Depth::Artifact].into_iter().find(|depth| depth.name() == text)
    });
    let time = choice(report, table, "time", NOON, Time::parse_rfc3339);
    let caller = caller(report, table, time.unwrap_or(Time::from_seconds(0)));
    let artifact = artifact(report, table);
    let predicate = table.text(report, "predicate");
    let counts = counts(report, table);
    let standing = test_standing::read(report, table);
    Some(Case {
        file: path.to_owned(),
        name: name?,
        expect: expect?,
        profile: profile?,
        caller: caller?,
        format: format?,
        family: family?,
        depth: depth?,
        artifact,
        predicate,
        time: time?,
        counts,
        standing,
    })
}

fn named<T>(
    report: &mut Report,
    table: &mut Fields,
    key: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let text = table.required(report, key)?;
    let parsed = parse(&text);
    if parsed.is_none() {
        report.error(&table.name(key), "is not a known value");
    }
    parsed
}

fn choice<T>(
    report: &mut Report,
    table: &mut Fields,
    key: &str,
    default: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let text = table.text(report, key).unwrap_or_else(|| default.to_owned());
    let parsed = parse(&text);
    if parsed.is_none() {
        report.error(&table.name(key), "is not a known value");
    }
    parsed
}

fn caller(report: &mut Report, table: &mut Fields, time: Time) -> Option<Caller> {
    let issuer_name = named(report, table, "issuer", |text| IssuerName::parse(text).ok());
    let kind = choice(report, table, "kind", "workload", |text| match text {
        "human" => Some(CallerKind::Human),
        "workload" => Some(CallerKind::Workload),
        _ => None,
    });
    let binding = choice(report, table, "binding", "request", |text| match text {
        "sigstore" => Some(AudienceBinding::Sigstore),
        "fixed" => Some(AudienceBinding::Fixed),
        "session" => Some(AudienceBinding::Session(Sha256::of(b""))),
        "request" => Some(AudienceBinding::Request(RequestId::new(Sha256::of(b"")))),
        _ => None,
    });
    let claims = claims(report, table);
    Some(Caller {
        issuer_name: issuer_name?,
        kind: kind?,
        claims: claims?,
        binding: binding?,
        token_use: Sha256::of(b""),
        issued_at: time,
        expires_at: time.plus_seconds(300),
    })
}

/// Normalised names go where they belong, every other name is the issuer's own claim.
fn claims(report: &mut Report, table: &mut Fields) -> Option<Claims> {
    let Some(mut fields) = table.table(report, "claims") else { return Some(Claims::default()) };
    let field = table.name("claims");
    let mut object = serde_json::Map::new();
    let mut raw = serde_json::Map::new();
    let known = serde_json::to_value(Claims::default()).unwrap_or_default();
    for (key, value) in fields.drain_texts(report) {
        let name = key.strip_prefix("raw.").unwrap_or(&key);
        let normalised = name == key && name != "raw" && known.get(name).is_some();
        let target = if normalised { &mut object } else { &mut raw };
        target.insert(name.to_owned(), serde_json::Value::String(value));
    }
    object.insert("raw".to_owned(), serde_json::Value::Object(raw));
    let parsed = serde_json::from_value(serde_json::Value::Object(object));
    parsed.map_err(|_| report.error(&field, "is not a set of claims")).ok()
}

fn artifact(report: &mut Report, table: &mut Fields) -> Artifact {
    let name = table.text(report, "artifact").unwrap_or_else(|| "app.bin".to_owned());
    Artifact { digest: Sha256::of(name.as_bytes()), name, size: 1 }
}

fn counts(report: &mut Report, table: &mut Fields) -> BTreeMap<Window, u64> {
    let Some(mut fields) = table.table(report, "counts") else { return BTreeMap::new() };
    let mut out = BTreeMap::new();
    for (key, value) in fields.drain_texts(report) {
        match (Window::parse(&key), value.parse::<u64>()) {
            (Ok(window), Ok(count)) => drop(out.insert(window, count)),
            (Err(_), _) | (_, Err(_)) => {
                report.error(&fields.name(&key), "is not a window and a number in quotes")
            }
        }
    }
    out
}
