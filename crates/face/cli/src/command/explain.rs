//! `chancery explain`: what exactly was signed, by what, under which policy, who approved, and how it would be revoked.

use std::path::{Path, PathBuf};

use chancery_audit::story::{self, Story};
use chancery_core::digest::Sha256;
use serde_json::{Value, json};

use super::Context;
use crate::audit::unreadable;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::reader;
use crate::host::ArchivePlace;
use crate::terminal::{Shape, printable};

/// What is to be explained.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chancery explain app.bin --data-dir /var/lib/chancery
  chancery explain 229c1f… --ledger copy/ledger --evidence copy/evidence
It tells what ledger and evidence say; chancery audit checks it. Nothing is revoked.")]
pub(crate) struct Args {
    /// A file as it was before it was signed; or the SHA-256 of it, of a signature or a certificate; or the id of a
    /// request or a statement.
    #[arg(value_name = "FILE|DIGEST")]
    what: String,
    /// Data directory of a service, stopped or running; it is only read.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["ledger", "evidence"])]
    data_dir: Option<PathBuf>,
    /// Copy of the ledger, as `chancery ledger export` makes it.
    #[arg(long, value_name = "DIR", requires = "evidence")]
    ledger: Option<PathBuf>,
    /// Copy of the evidence, as `chancery evidence export` makes it.
    #[arg(long, value_name = "DIR", requires = "ledger")]
    evidence: Option<PathBuf>,
}

/// Tells the story of every signature that is meant.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let place = match (&args.data_dir, &args.ledger, &args.evidence) {
        (Some(directory), _, _) => ArchivePlace::DataDir(directory.clone()),
        (None, Some(ledger), Some(evidence)) => {
            ArchivePlace::Copies { ledger: ledger.clone(), evidence: evidence.clone() }
        }
        (None, _, _) => {
            return Err(Failure::new(Code::Usage, "no ledger is named")
                .because("neither", "--data-dir DIR, or --ledger DIR with --evidence DIR")
                .hint("chancery explain FILE --data-dir DIR"));
        }
    };
    let digest = match Sha256::parse_hex(&args.what) {
        Ok(digest) => digest,
        Err(_) => {
            let path = Path::new(&args.what);
            reader::digest(&mut reader::open(path)?, path)?
        }
    };
    let archive = context.host.archive(&place)?;
    let stories =
        story::tell(archive.ledger.as_ref(), archive.evidence.as_ref(), digest).map_err(unreadable)?;
    if stories.is_empty() {
        return Err(Failure::new(Code::Unknown, format!("the ledger holds nothing about {digest}"))
            .hint("give the file as it was before it was signed, or the id of its request"));
    }
    match context.terminal.shape() {
        Shape::Json => {
            let all: Vec<Value> = stories.iter().map(document).collect();
            let value =
                json!({"schema": "chancery.explain/1", "digest": digest.to_string(), "signatures": all});
            context.terminal.json(&value);
        }
        Shape::Text => {
            let text: String = stories.iter().map(text).collect();
            context.terminal.result(&text);
        }
    }
    Ok(Exit::Ok)
}

/// Serial number in lower-case hexadecimal, and the hash of the key: how trust.json names a certificate and a key.
fn certificate(story: &Story) -> Option<(String, String)> {
    let certificate = story.certificate.as_ref()?;
    let serial = certificate.serial().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Some((serial, Sha256::of(certificate.spki()).to_string()))
}

fn text(story: &Story) -> String {
    let intent = &story.intent;
    let mut out = match &story.result {
        Some((index, time, outcome)) => {
            let at = outcome.timestamp.unwrap_or(*time);
            format!("✓ signed at {at}, entries {} (intent) and {index} (result)\n", story.index)
        }
        None => format!("✗ intended at {}, entry {}, and not signed\n", story.time, story.index),
    };
    let mut line = |name: &str, value: String| out.push_str(&format!("  {name:<10}{}\n", printable(&value)));
    if let Some((index, why)) = &story.closed {
        line("ended", format!("entry {index}: {why}"));
    }
    let name = story.statement.as_ref().map_or("(request not kept)", |statement| &statement.artifact.name);
    line("what", format!("{name}, sha256 {}", intent.artifact));
    line("as", format!("{} of family {}, depth {:?}", intent.format, intent.family, intent.depth));
    line("bytes", format!("sha256 {}", intent.to_be_signed));
    for (claim, value) in &intent.claims {
        line("by", format!("{claim} {value}"));
    }
    line("request", intent.request.to_string());
    let policy = story.policy.as_ref();
    let named = policy
        .map_or(String::new(), |(index, policy)| format!(", number {} in entry {index}", policy.sequence));
    line("policy", format!("profile {} of version {}{named}", intent.profile, intent.policy));
    let people: Vec<&str> = story.approvers.iter().map(|person| person.as_str()).collect();
    line("approved", if people.is_empty() { "by nobody".to_owned() } else { people.join(", ") });
    line("key", format!("{} ({})", intent.key, intent.environment));
    if let Some((serial, spki)) = certificate(story) {
        line("revoke", format!("this signature: certificate {serial} in `revocations` of trust.json"));
        line("", format!("or the artifact: {}", intent.artifact));
        line("", format!("or the key {spki}: {} signatures in this ledger", story.with_key));
        line("", "gates follow with their next trust.json; nothing was revoked now".to_owned());
        line("stop", format!("chancery freeze set --profile {} --reason WHY --key SSH_KEY", intent.profile));
    }
    out
}

fn document(story: &Story) -> Value {
    let intent = &story.intent;
    let result = story.result.as_ref().map(|(index, time, outcome)| {
        json!({
            "index": index, "time": time.to_string(), "signature": outcome.signature.to_string(),
            "timestamp": outcome.timestamp.map(|time| time.to_string()),
        })
    });
    let closed = story.closed.as_ref().map(|(index, why)| json!({"index": index, "why": why}));
    let policy = story.policy.as_ref();
    let policy = policy.map(|(index, policy)| json!({"index": index, "sequence": policy.sequence}));
    let named = certificate(story);
    json!({
        "intent": {"index": story.index, "time": story.time.to_string()}, "result": result, "closed": closed,
        "artifact": {
            "sha256": intent.artifact.to_string(),
            "name": story.statement.as_ref().map(|statement| statement.artifact.name.clone()),
        },
        "format": intent.format.name(), "family": intent.family.name(), "depth": intent.depth,
        "to_be_signed": intent.to_be_signed.to_string(), "claims": intent.claims,
        "request": intent.request.to_string(), "statement": intent.statement.to_string(),
        "profile": intent.profile.as_str(), "environment": intent.environment.name(),
        "policy": {"version": intent.policy.to_string(), "event": policy},
        "approvers": story.approvers.iter().map(|person| person.as_str()).collect::<Vec<_>>(),
        "key": intent.key.as_str(),
        "revocation": named.map(|(serial, spki)| json!({
            "certificate_serial": serial, "key_sha256": spki, "artifact": intent.artifact.to_string(),
            "signatures_with_key": story.with_key, "done": false,
        })),
    })
}
