//! The options of the PE format, as a profile or the command line gives them.
//!
//! ```toml
//! digest_algorithm = "sha384"            # default: the digest of the key's scheme, else sha256
//! program_name = "Acme Agent"
//! url = "https://acme.example/"
//! replace = true                          # drop the signatures that are there; default false
//! ```

use chancery_core::digest::DigestAlgorithm;
use serde_json::Value;

use crate::pe::statement::{ProgramName, Url};
use crate::seam::{FormatError, Options};

/// What to do with an image that is signed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Present {
    /// Leave it alone: an error.
    Refuse,
    /// Drop the old certificate table.
    Replace,
}

/// Parsed options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PeOptions {
    pub(super) digest_algorithm: DigestAlgorithm,
    pub(super) program_name: Option<ProgramName>,
    pub(super) url: Option<Url>,
    pub(super) present: Present,
}

impl PeOptions {
    pub(super) fn parse(options: &Options<'_>) -> Result<Self, FormatError> {
        let of_key = options.key.and_then(|key| key.digest());
        let mut parsed = Self {
            digest_algorithm: of_key.unwrap_or(DigestAlgorithm::Sha256),
            program_name: None,
            url: None,
            present: Present::Refuse,
        };
        for (name, value) in options.values {
            parsed
                .set(name, value)
                .map_err(|expected| FormatError::Option { name: name.clone(), expected })?;
        }
        // One digest for image, attributes and signature: a verifier reads the signature's from the signer info.
        if of_key.is_some_and(|digest| digest != parsed.digest_algorithm) {
            let expected = "the digest of the key's signature scheme";
            return Err(FormatError::Option { name: "digest_algorithm".to_owned(), expected });
        }
        Ok(parsed)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), &'static str> {
        match name {
            "digest_algorithm" => {
                let known: Option<DigestAlgorithm> = serde::Deserialize::deserialize(value).ok();
                self.digest_algorithm = known.ok_or("`sha256`, `sha384` or `sha512`")?;
            }
            "program_name" => {
                let name = value.as_str().and_then(ProgramName::parse);
                self.program_name = Some(name.ok_or("1 to 128 printable characters")?);
            }
            "url" => {
                let url = value.as_str().and_then(Url::parse);
                self.url = Some(url.ok_or("an http or https URL of at most 512 printable characters")?);
            }
            "replace" => {
                let replace = value.as_bool().ok_or("true or false")?;
                self.present = if replace { Present::Replace } else { Present::Refuse };
            }
            _ => return Err("one of `digest_algorithm`, `program_name`, `replace`, `url`"),
        }
        Ok(())
    }
}
