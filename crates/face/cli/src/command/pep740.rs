//! `chancery pep740`: what a Python package index serves beside a distribution, made from its bundle. Nothing is signed here
//! and nothing judged: `chancery verify --bundle FILE.slsa.attestation` judges.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chancery_format::sigstore::bundle::{Bundle, MAX_BUNDLE};
use chancery_format::sigstore::{attach, pep740};
use chancery_x509::certificate::Certificate;
use chancery_x509::fulcio;
use serde_json::json;

use super::Context;
use crate::catalogue::Code;
use crate::evidence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::replacement::Replacement;
use crate::file::selection;
use crate::terminal::{Shape, printable};
use crate::trust::read_bounded;

/// Of what.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Distributions, or patterns such as `dist/*.whl`; each with its FILE.sigstore.json beside it.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The bundle of the one FILE, where it does not lie beside it.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Write FILE.provenance too: the attestation under its publisher, as an index serves it.
    #[arg(long)]
    provenance: bool,
}

/// Makes them; a distribution that has none leaves all files as they were.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let files = selection::files(&args.files)?;
    if args.bundle.is_some() && files.len() > 1 {
        return Err(Failure::new(Code::Usage, "--bundle belongs to one file")
            .because(format!("{} files", files.len()), "1"));
    }
    let mut made = Vec::new();
    for file in &files {
        made.extend(outputs(file, args)?);
    }
    let whole = |(path, text): &(PathBuf, String)| Replacement::of(path, text.as_bytes());
    for replacement in made.iter().map(whole).collect::<Result<Vec<_>, Failure>>()? {
        replacement.put(Permissions::from_mode(0o644))?;
    }
    let names: Vec<String> = made.iter().map(|(path, _)| path.display().to_string()).collect();
    match context.terminal.shape() {
        Shape::Json => context.terminal.document("chancery.pep740/1", json!({ "written": names })),
        Shape::Text => {
            let lines: String = names.iter().map(|name| format!("{}\n", printable(name))).collect();
            context.terminal.result(&lines);
        }
    }
    Ok(Exit::Ok)
}

/// What there is to write for one distribution.
fn outputs(file: &Path, args: &Args) -> Result<Vec<(PathBuf, String)>, Failure> {
    let beside = evidence::beside(file, attach::SUFFIX);
    let place = args.bundle.as_deref().unwrap_or(&beside);
    let bundle = read_bounded(place, MAX_BUNDLE)?;
    let refuse = |error: &dyn std::error::Error| {
        let why = error.source().map_or_else(String::new, |source| format!(": {source}"));
        Failure::new(Code::Artifact, format!("`{}`: {error}{why}", place.display()))
            .hint("chancery sign FILE makes provenance about the distribution under its own name")
    };
    let name = evidence::base_name(file)?;
    let attestation = pep740::of_bundle(&bundle, &name).map_err(|error| refuse(&error))?;
    let mut out = vec![(evidence::beside(file, pep740::SUFFIX), attestation.clone())];
    if args.provenance {
        let leaf = Bundle::parse(&bundle).map_err(|error| refuse(&error))?.certificate;
        let leaf = Certificate::parse(&leaf).map_err(|error| refuse(&error))?;
        let claims = fulcio::claims(&leaf).map_err(|error| refuse(&error))?;
        let object = pep740::provenance_object(&claims, &[attestation]);
        out.push((evidence::beside(file, ".provenance"), object.to_string()));
    }
    Ok(out)
}
