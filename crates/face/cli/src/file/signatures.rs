//! The file of signatures beside a governance directory: header and signatures, passed from person to person.

use std::path::{Path, PathBuf};

use chancery_identity::sshsig::GOVERNANCE;
use chancery_policy::governance::header::Header;
use chancery_policy::governance::refused::GovernanceRefused;
use chancery_policy::governance::signed::SignatureSet;

use crate::catalogue::Code;
use crate::failure::Failure;
use crate::ssh;
use crate::trust::read_bounded;

/// Largest file in bytes: 64 signatures of RSA keys.
const MAX_FILE: usize = 1 << 20;

/// Where the signatures of a directory are.
#[derive(Debug)]
pub(crate) struct SignatureFile(PathBuf);

fn refused(error: &GovernanceRefused) -> Failure {
    Failure::new(Code::Governance, format!("{} {error}", error.code()))
}

impl SignatureFile {
    /// The named file, else `DIR.signatures`.
    pub(crate) fn new(directory: &Path, named: Option<&Path>) -> Self {
        Self(named.map_or_else(|| directory.with_extension("signatures"), Path::to_owned))
    }
    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
    /// What has been signed so far.
    pub(crate) fn read(&self) -> Result<SignatureSet, Failure> {
        let hint = "the people of root.toml sign first: chancery policy sign DIR --key SSH_KEY";
        let bytes = read_bounded(&self.0, MAX_FILE).map_err(|failure| failure.hint(hint))?;
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| Failure::new(Code::Governance, "the signatures are not text"))?;
        SignatureSet::parse(text.trim_end()).map_err(|error| refused(&error))
    }
    /// Signs a header and adds the signature to those over the same header; signatures over another are left behind.
    pub(crate) fn add(&self, header: &Header, key: &Path) -> Result<SignatureSet, Failure> {
        let text = header.canonical().map_err(|error| refused(&error))?;
        let signature = ssh::sign(key, GOVERNANCE, text.as_bytes())?;
        let known = if self.0.exists() { Some(self.read()?) } else { None };
        let mut signatures = match known {
            Some(set) if set.header() == text => set.signatures().to_vec(),
            Some(_) | None => Vec::new(),
        };
        signatures.push(signature);
        let set = SignatureSet::new(text, signatures).map_err(|error| refused(&error))?;
        let mut kept = set.canonical().map_err(|error| refused(&error))?;
        kept.push('\n');
        super::replacement::Replacement::whole(&self.0, kept.as_bytes())?;
        Ok(set)
    }
}
