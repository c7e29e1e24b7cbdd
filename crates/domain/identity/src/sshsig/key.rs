//! SSH public keys: `ssh-ed25519 AAAAC3Nza… alice@laptop`, as in `~/.ssh/id_ed25519.pub`.
//!
//! ```text
//! 00 00 00 0b "ssh-ed25519"         00 00 00 20 <32 bytes>
//! 00 00 00 13 "ecdsa-sha2-nistp256" 00 00 00 08 "nistp256" 00 00 00 41 04 <x> <y>
//! 00 00 00 07 "ssh-rsa"             <mpint e> <mpint n>
//! 00 00 00 1a "sk-ssh-ed25519@openssh.com" 00 00 00 20 <32 bytes> 00 00 00 04 "ssh:"
//! ```

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use chancery_core::digest::Sha256;

use super::wire::{Malformed, Reader};
use crate::rsa::RsaNumbers;
use crate::small_order;

/// Longest public key in bytes: RSA of 8192 bits needs 1,039.
const MAX_KEY: usize = 2048;
/// Longest line in bytes, with its comment.
const MAX_LINE: usize = 4096;
/// Longest application name of a security key in bytes.
const MAX_APPLICATION: usize = 255;
/// Shortest RSA modulus in bits.
const LEAST_RSA: usize = 3072;

/// Text or bytes that are not a public key that may sign here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSshKey {
    /// A security key whose application is a web site's, not SSH's.
    #[error("security key was made for `{0}`, not for ssh")]
    Application(String),
    /// Not `type base64`, or a comment with control characters.
    #[error("not one line `type base64 comment`")]
    Line,
    /// The bytes are not a key of their type.
    #[error("public key is malformed")]
    Malformed(#[source] Malformed),
    /// The type before the base64 is not the one within.
    #[error("public key says `{inside}` inside, `{outside}` outside")]
    Mismatch {
        /// Type within the bytes.
        inside: String,
        /// Type at the start of the line.
        outside: String,
    },
    /// Longer than any key.
    #[error("public key of {0} bytes; at most 2048, and its line 4096")]
    Size(usize),
    /// DSA, a certificate, a curve that is not offered …
    #[error("key type `{0}` is not accepted")]
    Type(String),
    /// A point that is not on its curve, RSA under 3072 bits, a broken modulus or exponent.
    #[error("public key is weak or invalid")]
    Weak,
}

/// The key types that may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SshKeyType {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// Ed25519.
    Ed25519,
    /// RSA of 3072 to 8192 bits; signs as `rsa-sha2-256` or `rsa-sha2-512`.
    Rsa,
    /// ECDSA on P-256 in a security key.
    SkEcdsaP256,
    /// Ed25519 in a security key.
    SkEd25519,
}

impl SshKeyType {
    /// Every type.
    pub const ALL: [Self; 6] =
        [Self::EcdsaP256, Self::EcdsaP384, Self::Ed25519, Self::Rsa, Self::SkEcdsaP256, Self::SkEd25519];

    /// The name on the wire: `ssh-ed25519`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::Ed25519 => "ssh-ed25519",
            Self::Rsa => "ssh-rsa",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
        }
    }
    /// Whether it lives in a security key, which signs its flags with the message.
    #[must_use]
    pub const fn is_security_key(self) -> bool {
        match self {
            Self::SkEcdsaP256 | Self::SkEd25519 => true,
            Self::EcdsaP256 | Self::EcdsaP384 | Self::Ed25519 | Self::Rsa => false,
        }
    }
    fn parse(name: &str) -> Result<Self, InvalidSshKey> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| InvalidSshKey::Type(name.chars().take(80).collect()))
    }
}

impl fmt::Display for SshKeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What verifies.
#[derive(Clone)]
pub(super) enum Material {
    Ecdsa { key: ParsedPublicKey, coordinate: usize },
    Ed25519(ParsedPublicKey),
    Rsa(RsaNumbers),
}

/// A public key that may sign. Two are equal when their bytes are, whatever their comments.
#[derive(Clone)]
pub struct SshPublicKey {
    blob: Vec<u8>,
    kind: SshKeyType,
    application: String,
    pub(super) material: Material,
}

impl SshPublicKey {
    /// Reads `type base64` with an optional comment; one newline at the end is allowed, options before the type are not.
    pub fn parse_line(line: &str) -> Result<Self, InvalidSshKey> {
        if line.len() > MAX_LINE {
            return Err(InvalidSshKey::Size(line.len()));
        }
        let line = line.strip_suffix('\n').unwrap_or(line);
        if line.chars().any(char::is_control) {
            return Err(InvalidSshKey::Line);
        }
        let mut words = line.splitn(3, ' ');
        let (Some(outside), Some(encoded)) = (words.next(), words.next()) else {
            return Err(InvalidSshKey::Line);
        };
        if encoded.is_empty() {
            return Err(InvalidSshKey::Line);
        }
        let kind = SshKeyType::parse(outside)?;
        let key = Self::parse(&STANDARD.decode(encoded).map_err(|_| InvalidSshKey::Line)?)?;
        if key.kind != kind {
            let (inside, outside) = (key.kind.name().to_owned(), outside.to_owned());
            return Err(InvalidSshKey::Mismatch { inside, outside });
        }
        Ok(key)
    }
    /// Reads the bytes that are base64 in a line, and that a signature carries.
    pub fn parse(blob: &[u8]) -> Result<Self, InvalidSshKey> {
        if blob.len() > MAX_KEY {
            return Err(InvalidSshKey::Size(blob.len()));
        }
        let mut reader = Reader::new(blob);
        let kind = SshKeyType::parse(reader.text().map_err(InvalidSshKey::Malformed)?)?;
        let material = match kind {
            SshKeyType::EcdsaP256 | SshKeyType::SkEcdsaP256 => {
                ecdsa(&mut reader, "nistp256", 32, &ECDSA_P256_SHA256_FIXED)?
            }
            SshKeyType::EcdsaP384 => ecdsa(&mut reader, "nistp384", 48, &ECDSA_P384_SHA384_FIXED)?,
            SshKeyType::Ed25519 | SshKeyType::SkEd25519 => ed25519(&mut reader)?,
            SshKeyType::Rsa => rsa(&mut reader)?,
        };
        let application = if kind.is_security_key() { application(&mut reader)? } else { String::new() };
        reader.finish().map_err(InvalidSshKey::Malformed)?;
        Ok(Self { blob: blob.to_vec(), kind, application, material })
    }
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> SshKeyType {
        self.kind
    }
    /// The key as SSH encodes it.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }
    /// `SHA256:` and 43 characters, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::of(&self.blob).as_bytes()))
    }
    /// SHA-256 of the point or modulus: the same for every type and application that one private key is listed under.
    #[must_use]
    pub fn pair(&self) -> Sha256 {
        match &self.material {
            Material::Ecdsa { key, .. } | Material::Ed25519(key) => Sha256::of(key.as_ref()),
            Material::Rsa(numbers) => Sha256::of(numbers.modulus()),
        }
    }
    /// `type base64`, without a comment.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.kind, STANDARD.encode(&self.blob))
    }
    /// The application of a security key, `ssh:` and more; empty for others.
    pub(super) fn application(&self) -> &str {
        &self.application
    }
}

impl PartialEq for SshPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.blob == other.blob
    }
}
impl Eq for SshPublicKey {}

impl fmt::Debug for SshPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshPublicKey({} {})", self.kind, self.fingerprint())
    }
}

/// RFC 5656 §3.1: the curve's name again, then an uncompressed point (SEC 1 §2.3.3).
fn ecdsa(
    reader: &mut Reader<'_>,
    curve: &str,
    coordinate: usize,
    algorithm: &'static dyn VerificationAlgorithm,
) -> Result<Material, InvalidSshKey> {
    let named = reader.text().map_err(InvalidSshKey::Malformed)?;
    let point = reader.string().map_err(InvalidSshKey::Malformed)?;
    let is_uncompressed =
        point.first() == Some(&4) && point.len() == coordinate.saturating_mul(2).saturating_add(1);
    if named != curve || !is_uncompressed {
        return Err(InvalidSshKey::Malformed(Malformed));
    }
    let key = ParsedPublicKey::new(algorithm, point).map_err(|_| InvalidSshKey::Weak)?;
    Ok(Material::Ecdsa { key, coordinate })
}

/// RFC 8709 §4.
fn ed25519(reader: &mut Reader<'_>) -> Result<Material, InvalidSshKey> {
    let point = reader.string().map_err(InvalidSshKey::Malformed)?;
    let point = <[u8; 32]>::try_from(point).map_err(|_| InvalidSshKey::Malformed(Malformed))?;
    if small_order::is_weak(point) {
        return Err(InvalidSshKey::Weak);
    }
    ParsedPublicKey::new(&ED25519, point).map(Material::Ed25519).map_err(|_| InvalidSshKey::Weak)
}

/// RFC 4253 §6.6: exponent first.
fn rsa(reader: &mut Reader<'_>) -> Result<Material, InvalidSshKey> {
    let e = reader.positive().map_err(InvalidSshKey::Malformed)?;
    let n = reader.positive().map_err(InvalidSshKey::Malformed)?;
    let numbers = RsaNumbers::parse(n, e, LEAST_RSA);
    let usable = numbers.filter(|numbers| numbers.key(&RSA_PKCS1_2048_8192_SHA256).is_some());
    usable.map(Material::Rsa).ok_or(InvalidSshKey::Weak)
}

/// OpenSSH `PROTOCOL.u2f`: applications of SSH keys start with `ssh:`; any other belongs to a web site, which could have
/// its own bytes signed.
fn application(reader: &mut Reader<'_>) -> Result<String, InvalidSshKey> {
    let application = reader.text().map_err(InvalidSshKey::Malformed)?;
    if application.len() > MAX_APPLICATION || !application.starts_with("ssh:") {
        return Err(InvalidSshKey::Application(application.chars().take(80).collect()));
    }
    Ok(application.to_owned())
}
