//! A file and what signs it, judged: the one way from paths to a verdict.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::verdict::Verdict;
use chancery_format::detached;
use chancery_format::seam::{FormatError, SAMPLE, Sample};
use chancery_format::sigstore::bundle::MAX_BUNDLE;
use chancery_format::table;
use chancery_verify::notary::Named;
use chancery_verify::verify::{self, Context, Evidence};

use crate::catalogue::Code;
use crate::failure::Failure;
use crate::file::reader;
use crate::trust::read_bounded;

/// A judged file.
#[derive(Debug)]
pub(crate) struct Judged {
    /// SHA-256 of the file as it lies there.
    pub(crate) digest: Sha256,
    /// The format whose signature was judged.
    pub(crate) format: FormatName,
    /// What came out.
    pub(crate) verdict: Verdict,
}

/// Which format a file is, as its content and name say.
pub(crate) fn detect(file: &mut File, path: &Path) -> Result<FormatName, Failure> {
    let unreadable = |error: std::io::Error| Failure::file("read", path, &error);
    let size = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    let sample = u64::try_from(SAMPLE).unwrap_or(u64::MAX);
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    file.by_ref().take(sample).read_to_end(&mut head).map_err(unreadable)?;
    file.seek(SeekFrom::Start(size.saturating_sub(sample))).map_err(unreadable)?;
    file.by_ref().take(sample).read_to_end(&mut tail).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let name = base_name(path)?;
    table::detect(&Sample { head: &head, tail: &tail, name: &name }).map_err(|error| {
        Failure::new(Code::Artifact, format!("`{}`: {error}", path.display()))
            .hint("name the format with --format")
    })
}

/// The name that a statement gives to a file.
pub(crate) fn base_name(path: &Path) -> Result<String, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| Failure::new(Code::Artifact, format!("`{}` has no name in UTF-8", path.display())))
}

/// Where a detached signature lies.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Judges a file. A signature file that is named, or that lies beside the file, is what counts; otherwise the signature
/// inside.
pub(crate) fn judge(path: &Path, bundle: Option<&Path>, context: &Context<'_>) -> Result<Judged, Failure> {
    let mut file = reader::open(path)?;
    let found = match bundle {
        Some(named) => Some(detached_at(named)?),
        None => beside_for(path, &context.policy.formats)?,
    };
    if let Some(found) = found {
        return detached_signature(file, path, &found, context);
    }
    match detect(&mut file, path)? {
        FormatName::Pe => image(file, path, context),
        FormatName::Fulcio | FormatName::Notary | FormatName::Oci | FormatName::Sigstore => {
            let digest = reader::digest(&mut file, path)?;
            let verdict = verify::verify(&Evidence::Unsigned { artifact: digest }, context);
            Ok(Judged { digest, format: FormatName::Sigstore, verdict })
        }
    }
}

/// Judges the signature inside a file, whatever lies beside it.
pub(crate) fn judge_embedded(path: &Path, context: &Context<'_>) -> Result<Judged, Failure> {
    image(reader::open(path)?, path, context)
}

/// Judges an artifact that is elsewhere, by its digest.
pub(crate) fn judge_digest(
    artifact: Sha256,
    bundle: &Path,
    context: &Context<'_>,
) -> Result<Judged, Failure> {
    let Detached { format, bytes } = detached_at(bundle)?;
    if format != FormatName::Sigstore {
        return Err(Failure::new(Code::Usage, "an envelope names the size of its artifact too")
            .because("a digest", "the file itself"));
    }
    let verdict = verify::verify(&Evidence::Sigstore { artifact, bundle: &bytes }, context);
    Ok(Judged { digest: artifact, format, verdict })
}

/// Judges a signature inside a file. The file is read for its own digest and for the image's: the same open file.
pub(crate) fn image(mut file: File, path: &Path, context: &Context<'_>) -> Result<Judged, Failure> {
    let digest = reader::digest(&mut file, path)?;
    file.seek(SeekFrom::Start(0)).map_err(|error| Failure::file("read", path, &error))?;
    let format = table::of(FormatName::Pe).map_err(|error| unreadable(path, &error))?;
    let extracted = (format.extract)(&mut file);
    let evidence = Evidence::Pe { artifact: digest, extracted: extracted.as_ref() };
    let verdict = verify::verify(&evidence, context);
    Ok(Judged { digest, format: FormatName::Pe, verdict })
}

/// A detached signature as it was read.
struct Detached {
    format: FormatName,
    bytes: Vec<u8>,
}

fn detached_signature(
    mut file: File,
    path: &Path,
    found: &Detached,
    context: &Context<'_>,
) -> Result<Judged, Failure> {
    let digest = reader::digest(&mut file, path)?;
    let size = file.metadata().map_err(|error| Failure::file("read", path, &error))?.len();
    let named = Named { artifact: digest, size, media_type: None };
    let evidence = match found.format {
        FormatName::Notary => Evidence::Notary { named, envelope: &found.bytes },
        FormatName::Fulcio | FormatName::Oci | FormatName::Pe | FormatName::Sigstore => {
            Evidence::Sigstore { artifact: digest, bundle: &found.bytes }
        }
    };
    Ok(Judged { digest, format: found.format, verdict: verify::verify(&evidence, context) })
}

fn detached_at(path: &Path) -> Result<Detached, Failure> {
    let bytes = read_bounded(path, MAX_BUNDLE)?;
    let format = detached::format_of(&path.to_string_lossy(), &bytes);
    Ok(Detached { format, bytes })
}

/// The signature beside a file: of several, one whose format the policy accepts. A failed look-up is never "unsigned":
/// only a file that is not there is.
fn beside_for(path: &Path, accepted: &[FormatName]) -> Result<Option<Detached>, Failure> {
    let mut there = Vec::new();
    for (suffix, format) in detached::SUFFIXES {
        let beside = beside(path, suffix);
        match std::fs::symlink_metadata(&beside) {
            Ok(_) => there.push((beside, format)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::file("read", &beside, &error)),
        }
    }
    let wanted = there.iter().find(|(_, format)| accepted.contains(format));
    wanted.or_else(|| there.first()).map(|(place, _)| detached_at(place)).transpose()
}

fn unreadable(path: &Path, error: &FormatError) -> Failure {
    Failure::new(Code::Artifact, format!("`{}`: {error}", path.display()))
}
