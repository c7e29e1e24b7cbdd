//! An Ed25519 SSH key that signs in this process: what development installations and the demo give to their people, and
//! what the command line reads from an unencrypted key file. Every other key signs through `ssh-keygen`.
//!
//! ```text
//! -----BEGIN OPENSSH PRIVATE KEY-----                    OpenSSH PROTOCOL.key
//! "openssh-key-v1\0"  string "none"  string "none"  string ""  00 00 00 01
//! string public key
//! string { check  check  string "ssh-ed25519"  string public(32)  string seed(32)‖public(32)  string comment  01 02 03 … }
//! -----END OPENSSH PRIVATE KEY-----
//! ```

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::DigestAlgorithm;
use zeroize::Zeroizing;

use super::key::SshPublicKey;
use super::wire::{Malformed, Reader, write_string};

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";
const KIND: &[u8] = b"ssh-ed25519";
/// Largest key file that is looked at, in bytes.
pub const MAX_FILE: usize = 8192;
/// OpenSSH pads what it keeps to the cipher's block, 8 for none.
const BLOCK: usize = 8;

/// A key file that cannot be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// Not an OpenSSH private key file.
    #[error("not an openssh private key")]
    Malformed,
    /// Encrypted, or of another kind: `ssh-keygen` can use it.
    #[error("the key is encrypted or not ed25519")]
    Foreign,
}

impl From<Malformed> for UnusableKey {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// A private key in memory; wiped when dropped.
pub struct SecretKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey([hidden])")
    }
}

impl SecretKey {
    /// The key of a seed of 32 random bytes. `None` only if the provider fails.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
        Some(Self { seed: Zeroizing::new(seed), pair })
    }
    /// Reads an unencrypted key file, strictly.
    pub fn parse(text: &str) -> Result<Self, UnusableKey> {
        if text.len() > MAX_FILE {
            return Err(UnusableKey::Malformed);
        }
        let inner = text.trim_end().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let encoded: Zeroizing<String> =
            Zeroizing::new(inner.ok_or(UnusableKey::Malformed)?.split('\n').collect());
        let bytes = STANDARD.decode(encoded.as_bytes()).map_err(|_| UnusableKey::Malformed)?;
        let bytes = Zeroizing::new(bytes);
        let mut reader = Reader::new(&bytes);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(UnusableKey::Malformed);
        }
        let (cipher, kdf, options) = (reader.string()?, reader.string()?, reader.string()?);
        if cipher != b"none" || kdf != b"none" || !options.is_empty() {
            return Err(UnusableKey::Foreign);
        }
        if reader.number()? != 1 {
            return Err(UnusableKey::Foreign);
        }
        let (public, private) = (reader.string()?, reader.string()?);
        reader.finish()?;
        private_part(public, private)
    }
    /// The key file, as `ssh-keygen` writes it.
    #[must_use]
    pub fn to_openssh(&self, comment: &str) -> Zeroizing<String> {
        let blob = self.public_blob();
        let mut kept = Zeroizing::new(Vec::new());
        // The two numbers tell a decryption that worked; nothing is encrypted here.
        kept.extend_from_slice(&[0x63, 0x68, 0x61, 0x6e, 0x63, 0x68, 0x61, 0x6e]);
        write_string(&mut kept, KIND);
        write_string(&mut kept, self.pair.public_key().as_ref());
        let both = Zeroizing::new([self.seed.as_slice(), self.pair.public_key().as_ref()].concat());
        write_string(&mut kept, &both);
        write_string(&mut kept, comment.as_bytes());
        for (padding, _) in (1_u8..).zip(0..kept.len().next_multiple_of(BLOCK).saturating_sub(kept.len())) {
            kept.push(padding);
        }
        let mut bytes = Zeroizing::new(MAGIC.to_vec());
        for part in [b"none".as_slice(), b"none", b""] {
            write_string(&mut bytes, part);
        }
        bytes.extend_from_slice(&1_u32.to_be_bytes());
        write_string(&mut bytes, &blob);
        write_string(&mut bytes, &kept);
        Zeroizing::new(format!("{BEGIN}{}{END}\n", lines(&Zeroizing::new(STANDARD.encode(bytes.as_slice())))))
    }
    /// `ssh-ed25519 AAAA…`, without a comment.
    #[must_use]
    pub fn public_line(&self) -> String {
        format!("ssh-ed25519 {}", STANDARD.encode(self.public_blob()))
    }
    /// The public key. `None` only if it is not a usable one.
    #[must_use]
    pub fn public(&self) -> Option<SshPublicKey> {
        SshPublicKey::parse_line(&self.public_line()).ok()
    }
    /// An armoured signature, byte for byte what `ssh-keygen -Y sign` makes of the same key.
    #[must_use]
    pub fn sign(&self, namespace: &str, message: &[u8]) -> String {
        let hash = DigestAlgorithm::Sha512;
        let mut said = Vec::new();
        for part in [namespace.as_bytes(), b"", hash.name().as_bytes()] {
            write_string(&mut said, part);
        }
        let mut signed = [b"SSHSIG".as_slice(), &said].concat();
        write_string(&mut signed, &hash.hash(message));
        let mut inner = Vec::new();
        write_string(&mut inner, KIND);
        write_string(&mut inner, self.pair.sign(&signed).as_ref());
        let mut blob = b"SSHSIG\0\0\0\x01".to_vec();
        write_string(&mut blob, &self.public_blob());
        blob.extend_from_slice(&said);
        write_string(&mut blob, &inner);
        format!(
            "-----BEGIN SSH SIGNATURE-----\n{}-----END SSH SIGNATURE-----\n",
            lines(&STANDARD.encode(blob))
        )
    }
    fn public_blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        write_string(&mut blob, KIND);
        write_string(&mut blob, self.pair.public_key().as_ref());
        blob
    }
}

/// Lines of 70, each with its end.
fn lines(encoded: &str) -> String {
    let mut out = String::with_capacity(encoded.len().saturating_add(encoded.len() / 70).saturating_add(1));
    for (index, character) in encoded.chars().enumerate() {
        if index > 0 && index.is_multiple_of(70) {
            out.push('\n');
        }
        out.push(character);
    }
    out.push('\n');
    out
}

fn private_part(public: &[u8], private: &[u8]) -> Result<SecretKey, UnusableKey> {
    let mut reader = Reader::new(private);
    if reader.number()? != reader.number()? {
        return Err(UnusableKey::Malformed);
    }
    if reader.string()? != KIND {
        return Err(UnusableKey::Foreign);
    }
    let (_, both, _comment) = (reader.string()?, reader.string()?, reader.string()?);
    let seed = both.first_chunk::<32>().ok_or(UnusableKey::Malformed)?;
    let key = SecretKey::from_seed(*seed).ok_or(UnusableKey::Malformed)?;
    // A file whose halves disagree would sign as somebody else than it says.
    let same_public = key.public_blob() == public && both.get(32..) == Some(key.pair.public_key().as_ref());
    if same_public { Ok(key) } else { Err(UnusableKey::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sshsig::APPROVAL;
    use crate::sshsig::signature::SshSignature;

    #[test]
    fn what_it_writes_it_reads_and_what_it_signs_verifies() {
        let key = SecretKey::from_seed([7; 32]).unwrap();
        let file = key.to_openssh("dev root");
        let again = SecretKey::parse(&file).unwrap();
        assert_eq!(again.public_line(), key.public_line());
        let signature = SshSignature::parse_armoured(&again.sign(APPROVAL, b"message")).unwrap();
        assert!(signature.verify(&key.public().unwrap(), APPROVAL, b"message").is_ok());
        assert!(signature.verify(&key.public().unwrap(), APPROVAL, b"massage").is_err());
        for at in 0..file.len() {
            let mut bytes = file.as_bytes().to_vec();
            bytes[at] ^= 1;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            if let Ok(read) = SecretKey::parse(&text) {
                assert_eq!(read.public_line(), key.public_line(), "byte {at}");
            }
        }
    }

    #[test]
    fn openssh_reads_the_file() {
        let key = SecretKey::from_seed([9; 32]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, key.to_openssh("x").as_bytes()).unwrap();
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
        std::fs::set_permissions(&path, permissions).unwrap();
        let mut command = std::process::Command::new("ssh-keygen");
        let Ok(output) = command.arg("-y").arg("-f").arg(&path).output() else {
            println!("not compared: ssh-keygen is absent");
            return;
        };
        let line = String::from_utf8(output.stdout).unwrap();
        assert!(line.starts_with(&key.public_line()), "{line}{}", String::from_utf8_lossy(&output.stderr));
    }
}
