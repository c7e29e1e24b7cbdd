//! What is said about files: `attest` and `vouch` put a statement beside each, alike but for what it says.

use std::path::PathBuf;

use chancery_core::format::FormatName;
use chancery_format::sigstore::attach::SUFFIX;
use serde_json::{Map, Value};

use super::Context;
use super::sign::{self, Job};
use crate::arguments::Mode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::reader::Progress;
use crate::sign::patient::Waiting;
use crate::sign::prepare::{Signed, Wish};
use crate::trust;

/// Where it goes, and how far the command goes.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Going {
    /// Directory for results; otherwise beside the file.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace the same kind of statement that is there.
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

/// What is said.
pub(crate) struct Said<'a> {
    /// About which files.
    pub(crate) files: &'a [PathBuf],
    /// Under which profile.
    pub(crate) profile: &'a str,
    /// The statement, as options of its format.
    pub(crate) options: Map<String, Value>,
    /// Names it between the file's name and the bundle's ending: `cyclonedx`.
    pub(crate) short: &'a str,
    /// What is shown for it.
    pub(crate) attestations: Vec<String>,
}

impl Going {
    /// Has it signed; the worst outcome is the command's.
    pub(crate) fn say(&self, said: Said<'_>, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
        let Said { files, profile, options, short, attestations } = said;
        let wish = Wish {
            format: Some(FormatName::Sigstore),
            options,
            signed: if self.replace { Signed::Replace } else { Signed::Refuse },
            suffix: Some(format!(".{short}{SUFFIX}")),
            output: self.output.clone(),
            progress: if context.terminal.shows_progress() { Progress::Shown } else { Progress::Hidden },
        };
        let (mode, patience, trust) = (Mode::of(&self.dry_run), self.waiting.patience(), &self.trust);
        sign::carry_out(&Job { files, profile, wish, mode, patience, attestations, trust }, context)
    }
}
