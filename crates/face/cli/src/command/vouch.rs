//! `chancery vouch`: the service says of a file that it passed verification, after it verified the attestations that its verifier
//! profile demands.

use std::path::PathBuf;

use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::id::ProfileName;
use chancery_core::vouched::{Kind, Vouched};
use serde_json::{Map, json};

use super::Context;
use super::said::{Going, Said};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::sign::{ask, brought};

/// What to vouch for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chancery vouch app.bin --profile acme-verifier --resource pkg:generic/acme/app@1.4.0 \\
    --attestation app.bin.sigstore.json --attestation app.bin.test-result.sigstore.json

The service verifies the attestations itself, as `[[attestations]]` of the profile say; a summary that something failed
is never signed. `[vouch]` of the profile says which levels that means.")]
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
    /// Where it goes, and how far the command goes.
    #[command(flatten)]
    going: Going,
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
    let short = if args.svr { "svr" } else { "vsa" };
    let files = std::slice::from_ref(&args.file);
    args.going.say(Said { files, profile: &args.profile, options, short, attestations }, context)
}
