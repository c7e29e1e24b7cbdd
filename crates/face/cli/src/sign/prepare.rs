//! A file becomes a statement: its format, one streaming pass, and where its signature will go.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use chancery_api::profile::Profile;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::StatementId;
use chancery_core::statement::Statement;
use chancery_format::detached;
use chancery_format::notary::envelope::Envelope;
use chancery_format::seam::{FormatError, Layout, Options};
use chancery_format::sigstore::bundle::{Bundle, Content, MAX_BUNDLE};
use chancery_format::sigstore::provenance;
use chancery_format::sigstore::statement::predicate_type;
use chancery_format::table;
use serde_json::{Map, Value, json};

use crate::catalogue::Code;
use crate::evidence;
use crate::failure::Failure;
use crate::file::reader::{self, Progress};
use crate::trust::read_bounded;

/// What is to be made of a file that is signed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    /// It is refused.
    Refuse,
    /// The old signature is dropped.
    Replace,
}

/// How the files are to be signed.
#[derive(Debug)]
pub(crate) struct Wish {
    /// The format, where it is named.
    pub(crate) format: Option<FormatName>,
    /// Format options as given.
    pub(crate) options: Map<String, Value>,
    /// What is to be made of a signed file.
    pub(crate) signed: Signed,
    /// What is appended to the name of a file for a detached signature, where it is not what the format appends.
    pub(crate) suffix: Option<String>,
    /// Where results go; beside the input, or into it, unless given.
    pub(crate) output: Option<PathBuf>,
    /// Whether a person waits.
    pub(crate) progress: Progress,
}

/// A file that can be asked about.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The file as named.
    pub(crate) input: PathBuf,
    /// Where the signature, or the signed file, goes.
    pub(crate) output: PathBuf,
    /// What is asked for.
    pub(crate) statement: Statement,
    /// Its id.
    pub(crate) id: StatementId,
    /// Where the signature goes in it.
    pub(crate) layout: Layout,
    /// The file as it was hashed: size, time and number.
    seen: Seen,
}

/// Enough to notice that a file was written to or exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    node: (u64, u64),
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            node: (metadata.dev(), metadata.ino()),
        }
    }
}

impl Prepared {
    /// Errors when the file is not the one that was hashed any more.
    pub(crate) fn check_unchanged(&self) -> Result<(), Failure> {
        let metadata =
            std::fs::metadata(&self.input).map_err(|error| Failure::file("read", &self.input, &error))?;
        if Seen::of(&metadata) == self.seen { Ok(()) } else { Err(changed(&self.input)) }
    }
}

/// The artifact changed under our hands.
pub(crate) fn changed(path: &Path) -> Failure {
    Failure::new(Code::Changed, format!("`{}` changed while it was being signed", path.display()))
        .hint("let the build finish writing, then sign again; nothing was written")
}

/// Prepares one file.
pub(crate) fn prepare(path: &Path, wish: &Wish, profile: &Profile) -> Result<Prepared, Failure> {
    let mut file = reader::open(path)?;
    let name = evidence::base_name(path)?;
    let format = match wish.format {
        Some(format) => format,
        None => evidence::detect(&mut file, path)?,
    };
    let options = options(format, wish, profile);
    let key = key(format, &options, profile);
    let hooks = table::of(format).map_err(|error| refused(path, error))?;
    let before = metadata(&file, path)?;
    let mut outcome = None;
    let read = reader::stream(&mut file, wish.progress, |reader| {
        outcome = Some((hooks.prepare)(reader, &Options { values: &options, key }));
        Ok(())
    });
    read.map_err(|error| Failure::file("read", path, &error))?;
    let prepared = match outcome {
        Some(Ok(prepared)) => prepared,
        Some(Err(error)) => return Err(refused(path, error)),
        None => return Err(Failure::new(Code::Unexpected, "the file was not read")),
    };
    let seen = metadata(&file, path)?;
    if seen != before || seen.size != prepared.size {
        return Err(changed(path));
    }
    let statement = prepared.statement(format, &name, Depth::Structured);
    let id = statement.id().map_err(|error| Failure::new(Code::Artifact, error.to_string()))?;
    let output = output(path, &statement, wish, &name);
    if wish.signed == Signed::Refuse && format.is_detached() {
        check_beside(&output, &statement)?;
    }
    Ok(Prepared { input: path.to_owned(), output, statement, id, layout: prepared.layout, seen })
}

fn metadata(file: &File, path: &Path) -> Result<Seen, Failure> {
    file.metadata().map(|found| Seen::of(&found)).map_err(|error| Failure::file("read", path, &error))
}

fn output(path: &Path, statement: &Statement, wish: &Wish, name: &str) -> PathBuf {
    let place = wish.output.as_ref().map_or_else(|| path.to_owned(), |directory| directory.join(name));
    match (&wish.suffix, detached::suffix(statement)) {
        (_, None) => place,
        (Some(named), Some(_)) => evidence::beside(&place, named),
        (None, Some(suffix)) => evidence::beside(&place, suffix),
    }
}

/// The options as given, with the family that the profile allows where there is only one, and `replace`.
pub(crate) fn options(format: FormatName, wish: &Wish, profile: &Profile) -> Map<String, Value> {
    let mut options = wish.options.clone();
    match format {
        FormatName::Sigstore => {
            let allowed = profile.formats.get(&format).map(|rule| &rule.families);
            let only_messages = allowed.is_some_and(|families| {
                families.contains_key(&Family::Message) && !families.contains_key(&Family::ProvenanceDsse)
            });
            if only_messages && options.is_empty() {
                options.insert("family".into(), json!(Family::Message.name()));
            }
        }
        FormatName::Pe if wish.signed == Signed::Replace => {
            options.insert("replace".into(), json!(true));
        }
        FormatName::Fulcio | FormatName::Notary | FormatName::Oci | FormatName::Pe => {}
    }
    options
}

fn key(
    format: FormatName,
    options: &Map<String, Value>,
    profile: &Profile,
) -> Option<chancery_core::algorithm::KeyAlgorithm> {
    profile.formats.get(&format)?.families.get(&family(format, options))?.algorithm
}

/// The family of signed bytes that a format needs with these options.
pub(crate) fn family(format: FormatName, options: &Map<String, Value>) -> Family {
    match format {
        FormatName::Fulcio => Family::Certificate,
        FormatName::Notary => Family::Notary,
        FormatName::Pe => Family::Cms,
        FormatName::Sigstore => {
            let named = options.get("family").and_then(Value::as_str).and_then(Family::from_name);
            named.unwrap_or(Family::ProvenanceDsse)
        }
        FormatName::Oci => Family::ProvenanceDsse,
    }
}

/// A bundle that is there already may stay when it is about this very artifact: then the same request gives it again.
fn check_beside(output: &Path, statement: &Statement) -> Result<(), Failure> {
    match std::fs::symlink_metadata(output) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Ok(_) | Err(_) => {}
    }
    let bytes = read_bounded(output, MAX_BUNDLE)?;
    let about = match statement.format {
        FormatName::Notary => Envelope::parse(&bytes)
            .ok()
            .and_then(|envelope| Sha256::parse_hex(envelope.target.digest.strip_prefix("sha256:")?).ok())
            .map(|digest| (digest, None)),
        FormatName::Fulcio | FormatName::Oci | FormatName::Pe | FormatName::Sigstore => {
            Bundle::parse(&bytes).ok().and_then(|bundle| subject(&bundle.content))
        }
    };
    let asked = (statement.artifact.digest, predicate_type(statement));
    if about == Some(asked) { Ok(()) } else { Err(already_signed(output)) }
}

/// The artifact, and what is said about it.
fn subject(content: &Content) -> Option<(Sha256, Option<String>)> {
    match content {
        Content::Message { digest, .. } => Some((*digest, None)),
        Content::Dsse(envelope) => {
            let parsed = provenance::parse(&envelope.payload).ok()?;
            parsed.subjects.first().map(|subject| (subject.digest, Some(parsed.predicate_type.clone())))
        }
    }
}

/// The file, or the signature beside it, is there already.
pub(crate) fn already_signed(path: &Path) -> Failure {
    Failure::new(
        Code::AlreadySigned,
        format!("`{}` is there already, with another signature", path.display()),
    )
    .hint("say --replace to replace it, or --output DIR to write elsewhere")
}

fn refused(path: &Path, error: FormatError) -> Failure {
    match error {
        FormatError::AlreadySigned => {
            Failure::new(Code::AlreadySigned, format!("`{}` is signed already", path.display()))
                .hint("say --replace to drop the old signature")
        }
        FormatError::Io(error) => Failure::file("read", path, &error),
        FormatError::Changed => changed(path),
        FormatError::Ambiguous(_)
        | FormatError::Malformed { .. }
        | FormatError::Option { .. }
        | FormatError::Parts(_)
        | FormatError::Statement(_)
        | FormatError::Unsupported(_) => {
            Failure::new(Code::Artifact, format!("`{}` cannot be signed: {error}", path.display()))
        }
    }
}
