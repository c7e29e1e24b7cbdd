//! `chancery attest`: what the caller says about a file, signed as the claim that it is.

use std::path::PathBuf;

use chancery_core::family::Family;
use chancery_format::sigstore::predicate::{MAX_PREDICATE, Predicate};
use serde_json::{Map, json};

use super::Context;
use super::said::{Going, Said};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::trust::read_bounded;

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
    /// Where it goes, and how far the command goes.
    #[command(flatten)]
    going: Going,
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
    let (files, profile, short) = (&args.files, &args.profile, &short(&args.kind));
    args.going.say(Said { files, profile, options, short, attestations: Vec::new() }, context)
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
