//! `chancery policy sign`: one of the root's people signs a version, with the words of what it changes before their eyes.

use std::path::PathBuf;

use chancery_api::policy::{PolicyInForce, SignedPolicy};
use chancery_core::id::PolicyVersion;
use chancery_policy::governance::header::Header;
use chancery_policy::governance::signed::SignatureSet;
use serde_json::json;

use super::Context;
use super::policy::{Answer, Directory, load};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::signatures::SignatureFile;
use crate::ssh;

/// What is signed, and as what.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery policy sign governance --key ~/.ssh/id_ed25519\n  \
    chancery policy sign governance --ledger log2026.sign.example --key ~/.ssh/id_ed25519   # before the first start")]
pub(crate) struct Args {
    /// Which documents.
    #[command(flatten)]
    directory: Directory,
    /// Who signs.
    #[command(flatten)]
    key: ssh::Key,
    /// Where signatures are collected; DIR.signatures unless given.
    #[arg(long, value_name = "FILE")]
    signatures: Option<PathBuf>,
    /// Sign as the first version, in the ledger of this origin, without asking a service.
    #[arg(long, value_name = "ORIGIN")]
    ledger: Option<String>,
    /// Show the bytes to sign, for `ssh-keygen -Y sign -n governance@chancery`; sign nothing.
    #[arg(long)]
    print: bool,
}

/// The place after a version, as its own signatures tell it.
pub(super) fn after(current: &SignedPolicy, version: PolicyVersion) -> Result<Header, Failure> {
    let set = SignatureSet::parse(&current.signatures);
    let header = set.and_then(|set| Header::parse(set.header())).map_err(|error| {
        Failure::new(Code::Answer, "the policy in force cannot be read").because(error.to_string(), "")
    })?;
    let sequence = header.sequence.saturating_add(1);
    Ok(Header { ledger: header.ledger, previous: Some(header.version), sequence, version })
}

/// The place after a version.
fn next(current: &PolicyInForce, version: PolicyVersion) -> Header {
    Header {
        ledger: current.ledger.clone(),
        previous: Some(current.version),
        sequence: current.sequence.saturating_add(1),
        version,
    }
}

/// Signs.
pub(super) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Answer, Failure> {
    let (documents, policy) = load(&args.directory.path, context)?;
    let version = documents.version();
    let header = match &args.ledger {
        Some(ledger) => Header { ledger: ledger.clone(), previous: None, sequence: 1, version },
        None => next(&context.server()?.get("/v1/policy")?.json()?, version),
    };
    if args.print {
        let text = header.canonical().map_err(|error| Failure::error(error.to_string()))?;
        return Ok((json!({"schema": "chancery.policy-sign/1", "header": text}), text, Exit::Ok));
    }
    let file = SignatureFile::new(&args.directory.path, args.signatures.as_deref());
    let set = file.add(&header, args.key.named()?)?;
    let have = set.signatures().len();
    let need = policy.root().map_or(0, chancery_policy::governance::root::RootDocument::threshold);
    let text = format!(
        "✓ version {version} is signed as number {} in {}\n  {have} signatures in {}; the root asks for {need} people\n",
        header.sequence,
        header.ledger,
        file.path().display()
    );
    let value = json!({
        "schema": "chancery.policy-sign/1", "version": version, "sequence": header.sequence, "ledger": header.ledger,
        "signatures": have, "threshold": need, "file": file.path().display().to_string(),
    });
    Ok((value, text, Exit::Ok))
}
