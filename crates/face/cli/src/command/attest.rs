//! `chancery attest`: what the caller says about a file, signed as the claim that it is.

use std::path::PathBuf;

use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_format::sigstore::attach::SUFFIX;
use chancery_format::sigstore::predicate::{MAX_PREDICATE, Predicate};
use serde_json::{Map, json};

use super::Context;
use super::sign::{self, Job};
use crate::arguments::Mode;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::reader::Progress;
use crate::sign::patient::Waiting;
use crate::sign::prepare::{Signed, Wish};
use crate::trust::{self, read_bounded};

/// Short names of predicate types, as cosign has them where it has them.
const TYPES: [(&str, &str); 7] = [
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("link", "https://in-toto.io/Link/v1"),
    ("openvex", "https://openvex.dev/ns"),
    ("spdx", "https://spdx.dev/Document"),
    ("test-result", "https://in-toto.io/attestation/test-result/v0.1"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
    ("vulns", "https://in-toto.io/attestation/vulns/v0.1"),
];

/// What to say about which file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chancery attest app.bin --type cyclonedx --predicate sbom.json --profile acme-release
  chancery verify app.bin --bundle app.bin.cyclonedx.sigstore.json --policy acme-sbom

The result says that this job claimed it, not that it is true; provenance, which the service makes itself
from the job's token, comes with `chancery sign`.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// Files, or patterns such as `dist/*.exe`; the same is said about each.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// File with the predicate: one JSON object of at most 2 MiB, signed as it is written.
    #[arg(long, value_name = "FILE")]
    predicate: PathBuf,
    /// What it is: cyclonedx, link, openvex, spdx, test-result, vuln, vulns, or the URI of another type.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// The profile to sign under; it must allow the family `claimed-dsse`.
    #[arg(long, env = "CHANCERY_PROFILE", hide_env_values = true, value_name = "NAME")]
    profile: String,
    /// Name of the subject in the statement, instead of the file's.
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// Directory for results; otherwise beside the file.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace an attestation that is there.
    #[arg(long)]
    replace: bool,
    /// Show the decision and what would be signed; change nothing.
    #[arg(long)]
    dry_run: bool,
    /// How long to wait.
    #[command(flatten)]
    waiting: Waiting,
    /// Whom to trust when the results are verified.
    #[command(flatten)]
    trust: trust::Source,
}

/// Signs the claim about every file; the worst outcome is the command's.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let predicate = predicate(args)?;
    let mut options = Map::from_iter([
        ("family".to_owned(), json!(Family::ClaimedDsse.name())),
        ("predicate".to_owned(), json!(predicate.text())),
        ("predicate_type".to_owned(), json!(predicate.kind())),
    ]);
    options.extend(args.subject.as_ref().map(|subject| ("subject".to_owned(), json!(subject))));
    let wish = Wish {
        format: Some(FormatName::Sigstore),
        options,
        signed: if args.replace { Signed::Replace } else { Signed::Refuse },
        suffix: Some(format!(".{}{SUFFIX}", short(&args.kind))),
        output: args.output.clone(),
        progress: if context.terminal.shows_progress() { Progress::Shown } else { Progress::Hidden },
    };
    let patience = args.waiting.patience();
    let (files, profile, mode) = (&args.files, &args.profile, Mode::of(&args.dry_run));
    let (trust, attestations) = (&args.trust, Vec::new());
    sign::carry_out(&Job { files, profile, wish, mode, patience, attestations, trust }, context)
}

fn predicate(args: &Args) -> Result<Predicate, Failure> {
    let bytes = read_bounded(&args.predicate, MAX_PREDICATE)?;
    let refuse = |why: String| {
        Failure::new(Code::Artifact, format!("`{}` cannot be attested: {why}", args.predicate.display()))
    };
    let text = String::from_utf8(bytes).map_err(|error| refuse(error.to_string()))?;
    let known = TYPES.iter().find(|(name, _)| *name == args.kind).map(|(_, uri)| *uri);
    if known.is_none() && !args.kind.contains(':') {
        let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        return Err(Failure::new(Code::Usage, format!("no predicate type `{}`", args.kind))
            .because(&args.kind, format!("{}, or a URI", names.join(", "))));
    }
    let kind = known.unwrap_or(&args.kind).to_owned();
    Predicate::new(kind, text).map_err(|error| refuse(error.to_string()))
}

/// A word for the file's name: the short name, or what is left of a URI's last parts.
fn short(kind: &str) -> String {
    if TYPES.iter().any(|(name, _)| *name == kind) {
        return kind.to_owned();
    }
    let parts = kind.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
    let words: Vec<&str> = parts.filter(|part| part.chars().any(|c| c.is_ascii_alphanumeric())).collect();
    let last = words.len().saturating_sub(2);
    words.get(last..).unwrap_or_default().join("-").chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_the_type() {
        for (kind, expected) in [
            ("cyclonedx", "cyclonedx"),
            ("https://cyclonedx.org/bom", "cyclonedx.org-bom"),
            ("https://in-toto.io/attestation/scai/v0.3", "scai-v0.3"),
            ("urn:x", "urn-x"),
            ("x:/../..", "x"),
        ] {
            assert_eq!(short(kind), expected, "{kind}");
        }
    }
}
