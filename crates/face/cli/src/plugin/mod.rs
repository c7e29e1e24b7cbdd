//! Names of this binary under which other tools start it. The name of the file decides, not an argument.
//!
//! ```text
//! sigstore-kms-chancery     cosign --key chancery://PROFILE[/FAMILY]
//! notation-chancery         notation: whole envelopes, with timestamp
//! notation-chancery-raw     notation: signatures for envelopes that notation builds
//! ```
//! A plugin has no flags: the service comes from `CHANCERY_SERVER` and `CHANCERY_CA`, the job's token from the CI. What it is
//! given to sign is read, becomes a statement, and is asked for like anything else; what comes back must be a signature over
//! exactly what was given.

mod desk;
mod kms;
mod kms_content;
mod notation;
mod notation_raw;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::host::Host;
use crate::terminal::Streams;

/// A plugin of another tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plugin {
    /// cosign's, for keys.
    SigstoreKms,
    /// notation's, for envelopes.
    Notation,
    /// notation's, for signatures.
    NotationRaw,
}

impl Plugin {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::SigstoreKms, Self::Notation, Self::NotationRaw];

    /// The name of its file.
    pub(crate) const fn file_name(self) -> &'static str {
        match self {
            Self::SigstoreKms => "sigstore-kms-chancery",
            Self::Notation => "notation-chancery",
            Self::NotationRaw => "notation-chancery-raw",
        }
    }
    /// The plugin that a program's name asks for.
    pub(crate) fn named(program: &OsStr) -> Option<Self> {
        let name = Path::new(program).file_name()?;
        Self::ALL.into_iter().find(|plugin| name == plugin.file_name())
    }
}

/// Runs a plugin on what it was given; answers with its exit code.
pub(crate) fn run(
    plugin: Plugin,
    arguments: &[OsString],
    given: &mut dyn std::io::Read,
    (host, streams): (&dyn Host, Streams<'_>),
) -> u8 {
    match plugin {
        Plugin::SigstoreKms => kms::run(arguments, given, host, streams),
        Plugin::Notation | Plugin::NotationRaw => notation::run(plugin, arguments, given, (host, streams)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_file_decides() {
        for plugin in Plugin::ALL {
            assert_eq!(Plugin::named(OsStr::new(plugin.file_name())), Some(plugin));
            let path = format!("/opt/x/{}", plugin.file_name());
            assert_eq!(Plugin::named(OsStr::new(&path)), Some(plugin));
        }
        for other in ["chancery", "notation", "notation-chancery-rawer", "notation-chancery/chancery", ""] {
            assert_eq!(Plugin::named(OsStr::new(other)), None, "{other}");
        }
    }
}
