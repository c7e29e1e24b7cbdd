//! `chancery policy simulate`: recorded requests, decided anew under other documents.

use std::path::{Path, PathBuf};

use chancery_audit::simulate::{Attesting, Replayed, Simulation, Tried};
use chancery_audit::source::Unreadable;
use chancery_core::decision::{Decision, in_words};
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;
use chancery_verify::gates::Gates;
use chancery_verify::snapshot::TrustSnapshot;
use serde_json::{Value, json};

use super::Context;
use super::audit::service_host;
use super::policy::{Answer, Directory, load};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::{Archive, ArchivePlace};
use crate::terminal::printable;
use crate::trust;

/// Leaves that are read at a time.
const STRETCH: u64 = 1024;
/// Differences that people are shown.
const SHOWN: usize = 50;

/// What is replayed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chancery policy simulate governance --data-dir /var/lib/chancery")]
pub(crate) struct Args {
    /// The documents to try.
    #[command(flatten)]
    directory: Directory,
    /// Data directory of a service, stopped or running; it is only read.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The service's host in tokens; what its configuration says unless given.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

/// Replays.
pub(super) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Answer, Failure> {
    let (documents, policy) = load(&args.directory.path, context)?;
    let text = documents.file("issuers.toml").unwrap_or_default();
    let issuers = chancery_identity::issuers_toml::load(text)
        .map_err(|error| Failure::new(Code::Governance, error.to_string()))?;
    let host = service_host(args.host.as_deref(), Some(&args.data_dir))?;
    let archive = context.host.archive(&ArchivePlace::DataDir(args.data_dir.clone()))?;
    let gates = gates(&documents)?;
    let trust = demands(&policy).then(|| trusted(&args.data_dir, context)).transpose()?;
    let attesting = trust.as_ref().map(|trust| Attesting { gates: &gates, trust });
    let tried = Tried { policy: &policy, issuers: &issuers, host: &host, attesting };
    let replayed = replay(&mut Simulation::new(tried), &archive)?;
    let different: Vec<&Replayed> =
        replayed.iter().filter(|one| !matches!(one.decision, Some(Decision::Allowed(_)))).collect();
    let mut lines = format!(
        "{} signatures replayed under version {}: {} would be different\n",
        replayed.len(),
        documents.version(),
        different.len()
    );
    for one in different.iter().take(SHOWN) {
        let line = format!("  entry {}  {}  {}  {}\n", one.index, one.time, one.profile, words(one));
        lines.push_str(&printable(line.trim_end_matches('\n')));
        lines.push('\n');
    }
    let more = different.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push_str(&format!("  and {more} more\n"));
    }
    lines.push_str("what was refused then is not replayed: no evidence of it is kept\n");
    let list: Vec<Value> = different
        .iter()
        .map(|one| json!({"index": one.index, "profile": one.profile, "decision": words(one)}))
        .collect();
    let value = json!({
        "schema": "chancery.policy-simulate/1", "version": documents.version(), "replayed": replayed.len(),
        "different": list,
    });
    Ok((value, lines, Exit::Ok))
}

fn gates(documents: &Documents) -> Result<Gates, Failure> {
    Gates::load(documents.files(), []).map_err(|error| Failure::new(Code::Governance, error.to_string()))
}

fn demands(policy: &Policy) -> bool {
    policy.profiles().any(|profile| !profile.attestations().is_empty())
}

/// Attestations that came then are judged by the service's own trust document.
fn trusted(data_dir: &Path, context: &mut Context<'_, '_>) -> Result<TrustSnapshot, Failure> {
    let source = trust::Source::default().or_file(Some(data_dir.join("trust.json")));
    Ok(trust::load(&source, trust::Reach::Offline, context)?.snapshot)
}

fn replay(simulation: &mut Simulation<'_>, archive: &Archive) -> Result<Vec<Replayed>, Failure> {
    let unreadable = |error: Unreadable| Failure::new(Code::Unreadable, error.to_string());
    let size = archive.ledger.size().map_err(unreadable)?;
    let mut replayed = Vec::new();
    let mut from = 0;
    while from < size {
        let to = from.saturating_add(STRETCH).min(size);
        for (index, leaf) in (from..).zip(archive.ledger.leaves(from, to).map_err(unreadable)?) {
            let Some(text) = leaf.as_deref().and_then(|leaf| std::str::from_utf8(leaf).ok()) else {
                continue;
            };
            replayed.extend(simulation.leaf(index, text, archive.evidence.as_ref()).map_err(unreadable)?);
        }
        from = to;
    }
    Ok(replayed)
}

fn words(one: &Replayed) -> String {
    match &one.decision {
        None => "its evidence is gone".to_owned(),
        Some(Decision::Allowed(_)) => "allowed".to_owned(),
        Some(Decision::Pending { missing, .. }) => format!("would wait: {}", in_words(missing)),
        Some(Decision::Refused(refusal)) => format!("would be refused: {refusal}"),
    }
}
