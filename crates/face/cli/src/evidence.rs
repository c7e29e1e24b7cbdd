//! A file and what signs it, judged: the one way from paths to a verdict.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::verdict::Verdict;
use chancery_format::seam::{FormatError, SAMPLE, Sample};
use chancery_format::sigstore::attach::SUFFIX;
use chancery_format::sigstore::bundle::MAX_BUNDLE;
use chancery_format::table;
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

/// Judges a file. A bundle that is named, or that lies beside the file, is what counts; otherwise the signature inside.
pub(crate) fn judge(path: &Path, bundle: Option<&Path>, context: &Context<'_>) -> Result<Judged, Failure> {
    let mut file = reader::open(path)?;
    let found = match bundle {
        Some(named) => Some(read_bounded(named, MAX_BUNDLE)?),
        None => bundle_beside(path)?,
    };
    if let Some(bundle) = found {
        let digest = reader::digest(&mut file, path)?;
        let verdict = verify::verify(&Evidence::Sigstore { artifact: digest, bundle: &bundle }, context);
        return Ok(Judged { digest, format: FormatName::Sigstore, verdict });
    }
    match detect(&mut file, path)? {
        FormatName::Pe => image(file, path, context),
        FormatName::Sigstore => {
            let digest = reader::digest(&mut file, path)?;
            let verdict = verify::verify(&Evidence::Unsigned { artifact: digest }, context);
            Ok(Judged { digest, format: FormatName::Sigstore, verdict })
        }
    }
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

/// A failed look-up is never "unsigned": only a file that is not there is.
fn bundle_beside(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let beside = beside(path, SUFFIX);
    match std::fs::symlink_metadata(&beside) {
        Ok(_) => read_bounded(&beside, MAX_BUNDLE).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file("read", &beside, &error)),
    }
}

fn unreadable(path: &Path, error: &FormatError) -> Failure {
    Failure::new(Code::Artifact, format!("`{}`: {error}", path.display()))
}
