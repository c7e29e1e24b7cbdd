//! `chancery verify --release DIR`: the manifest's signature first, then everything in the directory against it.

use std::path::Path;

use chancery_core::digest::Sha256;
use chancery_core::verdict::Outcome;
use chancery_verify::release::declaration::Declaration;
use chancery_verify::release::finding::{Code as Wrong, Finding, Weight};
use chancery_verify::release::judge::{self, Strictness};
use chancery_verify::release::manifest::{Entry, FILE, MAX_MANIFEST, Manifest, Place};
use chancery_verify::verify;
use serde_json::{Value, json};

use super::{Against, Args, Expected};
use crate::catalogue::Code;
use crate::command::Context;
use crate::evidence::{self, Judged};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::release::directory::{self, Thing, Things};
use crate::release::{plan, shown};
use crate::report;
use crate::terminal::{Shape, printable};
use crate::trust::read_bounded;

/// What was found about a release.
#[derive(Default)]
struct Report {
    /// The verdict over the manifest.
    manifest: Option<Judged>,
    /// What the manifest says, where it is believed.
    release: Option<Manifest>,
    findings: Vec<Finding>,
    /// The verdict over each file's own signature.
    files: Vec<(String, Judged)>,
}

impl Report {
    fn exit(&self) -> Exit {
        let refused = self.findings.iter().filter(|finding| finding.weight == Weight::Refused);
        let found = refused.map(|finding| finding.code.outcome());
        let judged = self.manifest.iter().chain(self.files.iter().map(|(_, judged)| judged));
        let outcomes = found.chain(judged.map(|judged| judged.verdict.outcome()));
        let exits: Vec<Exit> = outcomes.map(Exit::of_outcome).collect();
        // INVARIANT: without a manifest that was verified and believed there is no success.
        if self.release.is_none() && exits.iter().all(|exit| *exit == Exit::Ok) {
            return Exit::Invalid;
        }
        Exit::worst(exits)
    }
}

/// Verifies a release.
pub(super) fn run(
    args: &Args,
    directory: &Path,
    expected: &Expected<'_>,
    context: &mut Context<'_, '_>,
) -> Result<Exit, Failure> {
    let Against::Policy { policy, trust, .. } = &expected.against else {
        return Err(Failure::new(Code::Usage, "a release is verified by a policy of the trust document")
            .hint("leave out --trusted-root, and give --policy NAME"));
    };
    let judging = verify::Context { trust, policy, at: expected.at };
    let declared = args.declare.as_deref().map(plan::read).transpose()?;
    let strictness = if args.strict || declared.as_ref().is_some_and(|declared| declared.strict) {
        Strictness::Refused
    } else {
        Strictness::Told
    };
    let report = judged(directory, (declared.as_ref(), strictness), &judging)?;
    Ok(show(&report, expected, context))
}

fn judged(
    directory: &Path,
    (declared, strictness): (Option<&Declaration>, Strictness),
    judging: &verify::Context<'_>,
) -> Result<Report, Failure> {
    let mut report = Report::default();
    let things = directory::things(directory)?;
    let place = directory::manifest(directory);
    if matches!(std::fs::symlink_metadata(&place), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
    {
        report.findings.push(wrong(Wrong::NoManifest, "", "a signed release.json"));
        return Ok(report);
    }
    let bytes = read_bounded(&place, MAX_MANIFEST)?;
    let signature = directory::manifest_signature(directory);
    let bundle = signature.exists().then_some(signature.as_path());
    let manifest = evidence::judge(&place, bundle, judging)?;
    let is_verified =
        manifest.verdict.outcome() == Outcome::Verified && manifest.digest == Sha256::of(&bytes);
    report.manifest = Some(manifest);
    // What nobody signed is not even read.
    if !is_verified {
        return Ok(report);
    }
    let text = String::from_utf8_lossy(&bytes);
    let release = match Manifest::parse(&text) {
        Ok(release) => release,
        Err(error) => {
            report.findings.push(wrong(Wrong::Malformed, &error.to_string(), "canonical chancery.release/1"));
            return Ok(report);
        }
    };
    report.findings = judge::judge(&release, declared, &directory::seen(&things)?, strictness);
    for entry in &release.files {
        if let Some(judged) = signature_of(entry, &things, judging)? {
            report.files.push((entry.path.to_string(), judged));
        }
    }
    report.release = Some(release);
    Ok(report)
}

fn wrong(code: Wrong, actual: &str, expected: &str) -> Finding {
    Finding {
        code,
        path: FILE.to_owned(),
        at: Vec::new(),
        actual: actual.to_owned(),
        expected: expected.to_owned(),
        weight: Weight::Refused,
    }
}

/// The verdict over a file's own signature, exactly where the manifest says that it is. A file that is not there is a finding
/// already.
fn signature_of(
    entry: &Entry,
    things: &Things,
    judging: &verify::Context<'_>,
) -> Result<Option<Judged>, Failure> {
    let Some(Thing::File(place)) = things.get(entry.path.as_str()) else { return Ok(None) };
    match entry.signature {
        Place::Embedded => evidence::judge_embedded(place, judging).map(Some),
        Place::Beside => {
            let named = entry.beside.first().and_then(|beside| things.get(beside.path.as_str()));
            let Some(Thing::File(bundle)) = named else { return Ok(None) };
            evidence::judge(place, Some(bundle), judging).map(Some)
        }
    }
}

fn show(report: &Report, expected: &Expected<'_>, context: &mut Context<'_, '_>) -> Exit {
    let exit = report.exit();
    if context.terminal.shape() == Shape::Json {
        context.terminal.json(&document(report, expected, exit));
        return exit;
    }
    let rejected = |judged: &&Judged| judged.verdict.outcome() != Outcome::Verified;
    if let Some(manifest) = report.manifest.as_ref().filter(rejected) {
        context.terminal.complain(&report::rejected(manifest, expected.about(FILE)));
    }
    for (path, judged) in report.files.iter().filter(|(_, judged)| rejected(&judged)) {
        context.terminal.complain(&report::rejected(judged, expected.about(path)));
    }
    for finding in &report.findings {
        context.terminal.complain(&shown::lines(finding));
    }
    match &report.release {
        Some(release) if exit == Exit::Ok => context.terminal.result(&accepted(release, report, expected)),
        Some(_) | None => context.terminal.complain("✗ the release is refused: do not use or promote it\n"),
    }
    exit
}

fn accepted(release: &Manifest, report: &Report, expected: &Expected<'_>) -> String {
    let name = release.name.as_deref().unwrap_or("release");
    let version = release.version.as_deref().unwrap_or_default();
    let mut text = format!("✓ {} {}  verified as a whole\n", printable(name), printable(version));
    text.push_str(&format!("  files     {}\n", release.files.len()));
    for variant in &release.variants {
        text.push_str(&format!("  variant   {}  {} files\n", printable(&variant.name), variant.files.len()));
    }
    let signer = report.manifest.as_ref().and_then(|judged| judged.verdict.signer.identity.as_deref());
    text.push_str(&format!("  signer    {}\n", printable(signer.unwrap_or_default())));
    text.push_str(&format!("  policy    {}\n", printable(expected.about(FILE).policy.unwrap_or_default())));
    text
}

fn document(report: &Report, expected: &Expected<'_>, exit: Exit) -> Value {
    let about = expected.about(FILE);
    let name = Exit::ALL.iter().find(|(known, ..)| *known == exit).map_or("", |(_, name, ..)| name);
    let result = if exit == Exit::Ok { Outcome::Verified.name() } else { name };
    let files: Vec<Value> =
        report.files.iter().map(|(path, judged)| report::json(judged, expected.about(path))).collect();
    let findings: Vec<Value> = report.findings.iter().map(shown::json).collect();
    let release = report.release.as_ref().map(|release| {
        json!({"name": release.name, "version": release.version, "variants": shown::variants(&release.variants)})
    });
    json!({
        "schema": "chancery.verify-release/1",
        "result": result,
        "exit_code": exit.code(),
        "policy": about.policy,
        "release": release,
        "manifest": report.manifest.as_ref().map(|judged| report::json(judged, about)),
        "findings": findings,
        "files": files,
    })
}
