//! What flags expect instead of a policy: a plain trusted root, and who must have signed.
//!
//! For what another Sigstore made, above all the public one. Whoever keeps the trusted root decides whom to trust (T13).

use std::path::{Path, PathBuf};

use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::Verdict;
use chancery_format::sigstore::attach::SUFFIX;
use chancery_format::sigstore::foreign::MAX_BUNDLE;
use chancery_verify::foreign::{Context, Digests, Expected, Hashing, Instance, Signer};
use chancery_verify::verify;
use chancery_x509::key::VerifyingKey;

use crate::catalogue::Code;
use crate::evidence::{self, Judged};
use crate::failure::Failure;
use crate::file::reader;
use crate::host::Host;
use crate::mirror::Store;
use crate::trust::read_bounded;

/// Largest trusted root in bytes.
const MAX_ROOT: usize = chancery_verify::trusted_root::MAX_SIZE;
/// Largest key file in bytes.
const MAX_KEY: usize = 16 << 10;

/// Whom to trust and who must have signed, for what another Sigstore made.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "For signatures of another Sigstore, the public one too")]
pub(crate) struct Flags {
    /// Its trusted_root.json, instead of a trust document and a policy; `sigstore:NAME` is what `trust refresh` keeps.
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// Who must have signed: the exact URI or e-mail address in the certificate.
    #[arg(long, value_name = "NAME", requires = "trusted_root", requires = "certificate_oidc_issuer")]
    certificate_identity: Option<String>,
    /// Who must have vouched for the signer: the exact OIDC issuer in the certificate.
    #[arg(long, value_name = "URL", requires = "trusted_root", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// Public key (PEM) that must have signed, instead of an identity.
    #[arg(long, value_name = "FILE", requires = "trusted_root", conflicts_with = "certificate_identity")]
    key: Option<PathBuf>,
    /// Predicate type that the signed statement must have; without it SLSA provenance v1 or a plain signature.
    #[arg(long, value_name = "TYPE", requires = "trusted_root")]
    predicate: Option<String>,
    /// How many different logs must hold the signature.
    #[arg(long, value_name = "N", requires = "trusted_root", value_parser = clap::value_parser!(u8).range(1..=4))]
    logs: Option<u8>,
    /// How many different time stamping authorities and logs must say when it was made.
    #[arg(long, value_name = "N", requires = "trusted_root", value_parser = clap::value_parser!(u8).range(1..=8))]
    times: Option<u8>,
}

/// A trusted root, and what is expected.
#[derive(Debug)]
pub(crate) struct Against {
    /// Whom to trust.
    pub(crate) instance: Instance,
    /// Who must have signed.
    pub(crate) expected: Expected,
    /// Where the trusted root lies.
    pub(crate) place: String,
}

impl Flags {
    /// What is expected; `None` where no trusted root is named.
    pub(crate) fn against(&self, host: &dyn Host) -> Result<Option<Against>, Failure> {
        let Some(named) = &self.trusted_root else { return Ok(None) };
        let place = named.display().to_string();
        let path = &kept(named, host)?;
        let refused = |error: &dyn std::fmt::Display| {
            Failure::new(Code::Trust, format!("trusted root `{place}`: {error}"))
        };
        let text = String::from_utf8(read_bounded(path, MAX_ROOT)?).map_err(|error| refused(&error))?;
        let instance = Instance::parse(&text).map_err(|error| refused(&error))?;
        let mut expected = Expected::of(self.signer()?);
        expected.predicate.clone_from(&self.predicate);
        expected.logs = usize::from(self.logs.unwrap_or(1));
        expected.times = usize::from(self.times.unwrap_or(1));
        Ok(Some(Against { instance, expected, place }))
    }

    fn signer(&self) -> Result<Signer, Failure> {
        match (&self.certificate_identity, &self.certificate_oidc_issuer, &self.key) {
            (Some(identity), Some(issuer), None) if !identity.is_empty() && !issuer.is_empty() => {
                Ok(Signer::Identity { issuer: issuer.clone(), identity: identity.clone() })
            }
            (None, None, Some(path)) => {
                let bytes = read_bounded(path, MAX_KEY)?;
                read_key(&bytes).map(Signer::Key).ok_or_else(|| {
                    Failure::new(Code::Usage, format!("`{}` holds no public key", path.display()))
                        .because("something else", "-----BEGIN PUBLIC KEY-----, ECDSA, Ed25519 or RSA")
                })
            }
            _ => Err(crate::command::verify::no_expectation(
                "give --certificate-identity and --certificate-oidc-issuer, or --key",
            )),
        }
    }
}

/// The file that is meant: as it was named, or what `chancery trust refresh` keeps under a name.
fn kept(named: &Path, host: &dyn Host) -> Result<PathBuf, Failure> {
    let Some(name) = named.to_str().and_then(|text| text.strip_prefix("sigstore:")) else {
        return Ok(named.to_owned());
    };
    let store = Store::of(name, host)?;
    if store.exists() {
        return Ok(store.path("trusted_root.json"));
    }
    Err(Failure::new(Code::Trust, format!("nothing is kept as `{name}`"))
        .hint("fetch it once: chancery trust init --mirror URL --root root.json --name NAME"))
}

/// What is judged: a file, or an artifact that is elsewhere, by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// A file.
    File(&'a Path),
    /// `sha256:229c…` where no file has that name.
    Digest(Sha256),
}

impl<'a> Subject<'a> {
    /// What a word of the command line means.
    pub(crate) fn of(word: &'a Path) -> Self {
        let hex = word.to_str().and_then(|text| text.strip_prefix("sha256:"));
        let digest = hex.and_then(|hex| Sha256::parse_hex(hex).ok()).filter(|_| !word.exists());
        digest.map_or(Self::File(word), Self::Digest)
    }
}

/// The signature of an artifact that is not here has to be named.
pub(crate) fn named(bundle: Option<&Path>) -> Result<&Path, Failure> {
    bundle.ok_or_else(|| {
        Failure::new(Code::Usage, "a digest has no signature beside it").hint("give --bundle FILE")
    })
}

impl Against {
    /// Judges what was made by another Sigstore: its bundle is the one that is named, or lies beside the file.
    pub(crate) fn judge(
        &self,
        subject: &Subject<'_>,
        bundle: Option<&Path>,
        at: Time,
    ) -> Result<Judged, Failure> {
        let (bundle, digests) = match subject {
            Subject::Digest(digest) => (read_bounded(named(bundle)?, MAX_BUNDLE)?, Digests::only(*digest)),
            Subject::File(path) => {
                let mut file = reader::open(path)?;
                let place = bundle.map_or_else(|| evidence::beside(path, SUFFIX), Path::to_path_buf);
                let bundle = read_bounded(&place, MAX_BUNDLE)?;
                let digests = reader::digests(&mut file, path, Hashing::for_bundle(&bundle))?;
                (bundle, digests)
            }
        };
        let context = Context { instance: &self.instance, expected: &self.expected, at };
        let verdict = verify::foreign(&digests, &bundle, &context);
        Ok(Judged { digest: digests.sha256(), format: FormatName::Sigstore, verdict })
    }
}

impl Against {
    /// Judges a bundle about an image, by the digest of its manifest.
    pub(crate) fn judge_image(&self, manifest: Sha256, bundle: &[u8], at: Time) -> Verdict {
        let expected = Expected { format: FormatName::Oci, ..self.expected.clone() };
        let context = Context { instance: &self.instance, expected: &expected, at };
        verify::foreign(&Digests::only(manifest), bundle, &context)
    }
}

fn read_key(bytes: &[u8]) -> Option<VerifyingKey> {
    let text = std::str::from_utf8(bytes).ok()?;
    VerifyingKey::parse(&chancery_ledger::rekor::pem::public_key(text)?).ok()
}
