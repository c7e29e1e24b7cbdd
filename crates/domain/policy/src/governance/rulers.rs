//! Root and roster together, as a policy is loaded with them: one key is one person's in both.

use super::root::{self, RootDocument};
use super::roster::{self, ProfileKeys, Roster};
use crate::documents::Documents;
use crate::problem::Report;

/// Who rules. Without a `roster.toml` nobody holds a role; without people in `root.toml` nobody is root.
#[derive(Debug, Default)]
pub(crate) struct Rulers {
    pub(crate) root: Option<RootDocument>,
    pub(crate) roster: Roster,
}

/// Reads both files; problems go to the report of their file.
pub(crate) fn read(
    of_root: &mut Report,
    of_roster: &mut Report,
    documents: &Documents,
    profiles: &ProfileKeys,
) -> Rulers {
    let root = documents.file(root::FILE).filter(|text| !root::is_placeholder(text));
    let root = root.and_then(|text| root::read(of_root, text));
    let Some(text) = documents.file(roster::FILE) else { return Rulers { root, roster: Roster::default() } };
    let roster = roster::read(of_roster, text, profiles).unwrap_or_default();
    let other = root.as_ref().and_then(|root| root.owners().contradiction(roster.owners()));
    if let Some((in_root, here)) = other {
        of_roster.error("people", format!("a key of `{here}` is `{in_root}`'s in root.toml"));
    }
    Rulers { root, roster }
}
