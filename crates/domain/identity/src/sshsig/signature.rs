//! One SSHSIG: what it says, and whether a key really made it over a message in a namespace.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaParameters};
use chancery_core::digest::{DigestAlgorithm, Sha256};

use super::armour;
use super::key::{InvalidSshKey, Material, SshKeyType, SshPublicKey};
use super::wire::{Malformed, Reader, write_string};

/// Longest signature in bytes, armoured or not.
pub const MAX_SIGNATURE: usize = 8192;
/// Longest namespace in bytes.
const MAX_NAMESPACE: usize = 128;
const MAGIC: &[u8] = b"SSHSIG";
/// FIDO CTAP 2.1 §6.1, authenticator data: bit 0 is user presence, bit 2 user verification.
const PRESENCE: u8 = 0x01;
const VERIFICATION: u8 = 0x04;

/// Why something is not a signature, or not the one that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSshSignature {
    /// Not `-----BEGIN SSH SIGNATURE-----` with base64 lines of one length.
    #[error("not an armoured ssh signature")]
    Armour,
    /// A hash other than sha256 and sha512.
    #[error("message hash `{0}` is not sha256 or sha512")]
    Hash(String),
    /// The key in it may not sign here.
    #[error("signature holds an unusable key")]
    Key(#[source] InvalidSshKey),
    /// The bytes are not an SSHSIG.
    #[error("ssh signature is malformed")]
    Malformed(#[source] Malformed),
    /// Made for another purpose.
    #[error("signature is for the namespace `{actual}`, not `{expected}`")]
    Namespace {
        /// As signed.
        actual: String,
        /// As demanded.
        expected: String,
    },
    /// Made by another key.
    #[error("signature was made by the key `{0}`")]
    OtherKey(String),
    /// A security key that nobody touched.
    #[error("security key was not touched")]
    Presence,
    /// The reserved field is not empty.
    #[error("signature uses a reserved field")]
    Reserved,
    /// A scheme that is not the key's, or SHA-1.
    #[error("scheme `{0}` does not belong to the key, or is not accepted")]
    Scheme(String),
    /// Larger than any signature.
    #[error("signature of {0} bytes; at most 8192")]
    Size(usize),
    /// The key did not sign this message.
    #[error("signature does not verify")]
    Untrue,
    /// Another version of the format.
    #[error("version {0} of ssh signatures is not known")]
    Version(u32),
}

/// How the signature itself is made.
#[derive(Debug, Clone, Copy)]
enum Scheme {
    Ecdsa,
    Ed25519,
    Rsa(&'static RsaParameters),
}

/// What a security key adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Authenticator {
    flags: u8,
    counter: u32,
}

/// A well-formed signature. Nothing in it is believed before [`SshSignature::verify`].
#[derive(Debug, Clone)]
pub struct SshSignature {
    key: SshPublicKey,
    namespace: String,
    hash: DigestAlgorithm,
    scheme: Scheme,
    raw: Vec<u8>,
    authenticator: Option<Authenticator>,
}

/// Whether the security key also asked for a PIN or a finger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// No security key: the signature says nothing about a person.
    NotShown,
    /// Somebody touched the security key.
    Touched,
    /// Somebody touched it and was verified by it.
    Verified,
}

/// A signature that was checked: this key signed this message in this namespace. Born in [`SshSignature::verify`].
#[derive(Debug, Clone)]
pub struct VerifiedSignature {
    key: SshPublicKey,
    message: Sha256,
    presence: Presence,
}

impl VerifiedSignature {
    /// The key that signed.
    #[must_use]
    pub const fn key(&self) -> &SshPublicKey {
        &self.key
    }
    /// SHA-256 of the message.
    #[must_use]
    pub const fn message(&self) -> Sha256 {
        self.message
    }
    /// What a security key showed about a person.
    #[must_use]
    pub const fn presence(&self) -> Presence {
        self.presence
    }
}

impl SshSignature {
    /// Reads the armoured form, as `ssh-keygen -Y sign` writes it.
    pub fn parse_armoured(text: &str) -> Result<Self, InvalidSshSignature> {
        if text.len() > MAX_SIGNATURE {
            return Err(InvalidSshSignature::Size(text.len()));
        }
        Self::parse(&armour::strip(text).ok_or(InvalidSshSignature::Armour)?)
    }
    /// Reads the binary form.
    pub fn parse(blob: &[u8]) -> Result<Self, InvalidSshSignature> {
        if blob.len() > MAX_SIGNATURE {
            return Err(InvalidSshSignature::Size(blob.len()));
        }
        let mut reader = Reader::new(blob);
        if reader.take(MAGIC.len()).map_err(InvalidSshSignature::Malformed)? != MAGIC {
            return Err(InvalidSshSignature::Malformed(Malformed));
        }
        match reader.number().map_err(InvalidSshSignature::Malformed)? {
            1 => {}
            other => return Err(InvalidSshSignature::Version(other)),
        }
        let key = reader.string().map_err(InvalidSshSignature::Malformed)?;
        let key = SshPublicKey::parse(key).map_err(InvalidSshSignature::Key)?;
        let namespace = reader.text().map_err(InvalidSshSignature::Malformed)?;
        if !(1..=MAX_NAMESPACE).contains(&namespace.len()) {
            return Err(InvalidSshSignature::Malformed(Malformed));
        }
        if !reader.string().map_err(InvalidSshSignature::Malformed)?.is_empty() {
            return Err(InvalidSshSignature::Reserved);
        }
        let hash = hash(reader.text().map_err(InvalidSshSignature::Malformed)?)?;
        let inner = reader.string().map_err(InvalidSshSignature::Malformed)?;
        reader.finish().map_err(InvalidSshSignature::Malformed)?;
        let (scheme, raw, authenticator) = signature(&key, inner)?;
        Ok(Self { key, namespace: namespace.to_owned(), hash, scheme, raw, authenticator })
    }
    /// The key that it says made it.
    #[must_use]
    pub const fn key(&self) -> &SshPublicKey {
        &self.key
    }
    /// The namespace that it says it is for.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
    /// Checks that `key` signed `message` for `namespace`; a security key must have been touched.
    pub fn verify(
        &self,
        key: &SshPublicKey,
        namespace: &str,
        message: &[u8],
    ) -> Result<VerifiedSignature, InvalidSshSignature> {
        if self.key != *key {
            return Err(InvalidSshSignature::OtherKey(self.key.fingerprint()));
        }
        if self.namespace != namespace {
            let (actual, expected) = (self.namespace.clone(), namespace.to_owned());
            return Err(InvalidSshSignature::Namespace { actual, expected });
        }
        let presence = self.presence()?;
        let signed = self.signed(message);
        if !self.is_true(key, &signed) {
            return Err(InvalidSshSignature::Untrue);
        }
        Ok(VerifiedSignature { key: key.clone(), message: Sha256::of(message), presence })
    }

    fn presence(&self) -> Result<Presence, InvalidSshSignature> {
        match self.authenticator {
            None => Ok(Presence::NotShown),
            Some(Authenticator { flags, .. }) if flags & PRESENCE == 0 => Err(InvalidSshSignature::Presence),
            Some(Authenticator { flags, .. }) if flags & VERIFICATION == 0 => Ok(Presence::Touched),
            Some(_) => Ok(Presence::Verified),
        }
    }
    /// The bytes under the signature.
    fn signed(&self, message: &[u8]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        write_string(&mut out, self.namespace.as_bytes());
        write_string(&mut out, b"");
        write_string(&mut out, self.hash.name().as_bytes());
        write_string(&mut out, &self.hash.hash(message));
        let Some(Authenticator { flags, counter }) = self.authenticator else { return out };
        let application = Sha256::of(self.key.application().as_bytes());
        let message = digest::digest(&digest::SHA256, &out);
        [application.as_bytes(), &[flags][..], &counter.to_be_bytes(), message.as_ref()].concat()
    }
    fn is_true(&self, key: &SshPublicKey, signed: &[u8]) -> bool {
        match (&key.material, self.scheme) {
            (Material::Ecdsa { key, .. }, Scheme::Ecdsa) | (Material::Ed25519(key), Scheme::Ed25519) => {
                key.verify_sig(signed, &self.raw).is_ok()
            }
            (Material::Rsa(numbers), Scheme::Rsa(parameters)) => {
                numbers.key(parameters).is_some_and(|key| key.verify_sig(signed, &self.raw).is_ok())
            }
            (Material::Ecdsa { .. } | Material::Ed25519(_) | Material::Rsa(_), _) => false,
        }
    }
}

fn hash(name: &str) -> Result<DigestAlgorithm, InvalidSshSignature> {
    match name {
        "sha256" => Ok(DigestAlgorithm::Sha256),
        "sha512" => Ok(DigestAlgorithm::Sha512),
        other => Err(InvalidSshSignature::Hash(other.chars().take(80).collect())),
    }
}

/// Reads the inner signature, which must be of its key's scheme; ECDSA as r and s of full length.
fn signature(
    key: &SshPublicKey,
    inner: &[u8],
) -> Result<(Scheme, Vec<u8>, Option<Authenticator>), InvalidSshSignature> {
    let mut reader = Reader::new(inner);
    let name = reader.text().map_err(InvalidSshSignature::Malformed)?;
    let scheme = scheme(key.kind(), name)?;
    let value = reader.string().map_err(InvalidSshSignature::Malformed)?;
    let raw = match &key.material {
        Material::Ecdsa { coordinate, .. } => points(value, *coordinate)?,
        Material::Ed25519(_) => exact(value, 64)?,
        Material::Rsa(numbers) => exact(value, numbers.modulus().len())?,
    };
    let mut authenticator = None;
    if key.kind().is_security_key() {
        let flags = reader.byte().map_err(InvalidSshSignature::Malformed)?;
        let counter = reader.number().map_err(InvalidSshSignature::Malformed)?;
        authenticator = Some(Authenticator { flags, counter });
    }
    reader.finish().map_err(InvalidSshSignature::Malformed)?;
    Ok((scheme, raw, authenticator))
}

/// `ssh-rsa` as the name of a scheme means SHA-1 and is none.
fn scheme(kind: SshKeyType, name: &str) -> Result<Scheme, InvalidSshSignature> {
    let refused = || InvalidSshSignature::Scheme(name.chars().take(80).collect());
    match (kind, name) {
        (SshKeyType::Rsa, "rsa-sha2-256") => Ok(Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA256)),
        (SshKeyType::Rsa, "rsa-sha2-512") => Ok(Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA512)),
        (SshKeyType::Rsa, _) => Err(refused()),
        (SshKeyType::EcdsaP256 | SshKeyType::EcdsaP384 | SshKeyType::SkEcdsaP256, _)
            if name == kind.name() =>
        {
            Ok(Scheme::Ecdsa)
        }
        (SshKeyType::Ed25519 | SshKeyType::SkEd25519, _) if name == kind.name() => Ok(Scheme::Ed25519),
        (
            SshKeyType::EcdsaP256
            | SshKeyType::EcdsaP384
            | SshKeyType::SkEcdsaP256
            | SshKeyType::Ed25519
            | SshKeyType::SkEd25519,
            _,
        ) => Err(refused()),
    }
}

fn exact(value: &[u8], size: usize) -> Result<Vec<u8>, InvalidSshSignature> {
    if value.len() == size { Ok(value.to_vec()) } else { Err(InvalidSshSignature::Malformed(Malformed)) }
}

/// RFC 5656 §3.1.2: two mpints; the provider wants both at full length.
fn points(value: &[u8], coordinate: usize) -> Result<Vec<u8>, InvalidSshSignature> {
    let mut reader = Reader::new(value);
    let mut out = Vec::with_capacity(coordinate.saturating_mul(2));
    for _ in 0..2 {
        let number = reader.positive().map_err(InvalidSshSignature::Malformed)?;
        let padding =
            coordinate.checked_sub(number.len()).ok_or(InvalidSshSignature::Malformed(Malformed))?;
        out.resize(out.len().saturating_add(padding), 0);
        out.extend_from_slice(number);
    }
    reader.finish().map_err(InvalidSshSignature::Malformed)?;
    Ok(out)
}
