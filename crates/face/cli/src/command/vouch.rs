//! `chancery vouch`: the service says of a file that it passed verification, after it verified the attestations that its verifier
//! profile demands.

use std::path::PathBuf;

use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::ProfileName;
use chancery_core::vouched::{Kind, Vouched};
use chancery_format::sigstore::attach::SUFFIX;
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
use crate::sign::{ask, brought};
use crate::trust;

/// What to vouch for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chancery vouch app.bin --profile acme-verifier --resource pkg:generic/acme/app@1.4.0 \\
    --attestation app.bin.sigstore.json --attestation app.bin.test-result.sigstore.json

The service verifies the attestations itself, as `[[attestations]]` of the profile say; a summary that something failed
is never signed. `[vouch]` of the profile says which levels that means.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// The file that was verified.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The verifier's profile.
    #[arg(long, env = "CHANCERY_PROFILE", hide_env_values = true, value_name = "NAME")]
    profile: String,
    /// What the file is, as the profile's `resources` have it: `pkg:generic/acme/app@1.4.0`.
    #[arg(long, value_name = "URI")]
    resource: String,
    /// An attestation that the profile demands: a Sigstore bundle. Once for each.
    #[arg(long, required = true, value_name = "FILE")]
    attestation: Vec<PathBuf>,
    /// An in-toto Simple Verification Result instead of a SLSA summary.
    #[arg(long)]
    svr: bool,
    /// Directory for results; otherwise beside the file.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace a summary that is there.
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

/// Asks for the summary.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let name =
        ProfileName::parse(&args.profile).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let attestations = brought::read(&args.attestation)?;
    let vouch = ask::profile(&context.server()?, &name)?.vouch.ok_or_else(|| {
        Failure::new(Code::NoVerifier, format!("profile `{name}` vouches for nothing"))
            .because("no `[vouch]`", "a verifier's profile")
    })?;
    let said = Vouched {
        inputs: attestations.iter().map(|text| Sha256::of(text.as_bytes())).collect(),
        kind: if args.svr { Kind::Svr } else { Kind::Vsa },
        levels: vouch.levels,
        policy: vouch.policy.digest(),
        resource: args.resource.clone(),
        verifier: vouch.verifier,
    };
    let options = Map::from_iter([
        ("family".to_owned(), json!(Family::VerifierDsse.name())),
        ("vouch".to_owned(), json!(said)),
    ]);
    let suffix = if args.svr { "svr" } else { "vsa" };
    let wish = Wish {
        format: Some(FormatName::Sigstore),
        options,
        signed: if args.replace { Signed::Replace } else { Signed::Refuse },
        suffix: Some(format!(".{suffix}{SUFFIX}")),
        output: args.output.clone(),
        progress: if context.terminal.shows_progress() { Progress::Shown } else { Progress::Hidden },
    };
    let patience = args.waiting.patience();
    let (files, profile, mode) = (&[args.file.clone()][..], &args.profile, Mode::of(&args.dry_run));
    sign::carry_out(&Job { files, profile, wish, mode, patience, attestations, trust: &args.trust }, context)
}
