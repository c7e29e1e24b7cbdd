//! People with SSH keys: signs as OpenSSH and security keys do, without either. Knows nothing of the code under test.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::{DigestAlgorithm, Sha256};

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// What a security key says besides: flags (1 is presence, 4 verification) and counter.
#[derive(Debug, Clone, Copy)]
pub struct Touch {
    /// Flags of the authenticator data.
    pub flags: u8,
    /// Counter of the authenticator data.
    pub counter: u32,
}

/// An SSH key that lives as long as the test.
pub struct SshTestKey {
    kind: &'static str,
    pair: Pair,
    /// What a security key is made for; `ssh:` unless changed.
    pub application: String,
    /// What a security key says with the next signature.
    pub touch: Touch,
}

impl std::fmt::Debug for SshTestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SshTestKey({})", self.kind)
    }
}

/// What is signed: set apart from the armour, so that a test can lie in one of them.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// Hash of the message.
    pub hash: DigestAlgorithm,
    /// The message.
    pub message: &'a [u8],
}

/// An SSH string.
#[must_use]
pub fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

/// A positive mpint.
#[must_use]
pub fn mpint(magnitude: &[u8]) -> Vec<u8> {
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    let trimmed: Vec<u8> = magnitude.iter().copied().skip(zeros).collect();
    let needs_zero = trimmed.first().is_some_and(|first| *first >= 0x80);
    string(&if needs_zero { [vec![0], trimmed].concat() } else { trimmed })
}

/// Armour as `ssh-keygen` writes it: lines of 70.
#[must_use]
pub fn armour(blob: &[u8]) -> String {
    let mut out = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    for (index, character) in STANDARD.encode(blob).chars().enumerate() {
        if index > 0 && index.is_multiple_of(70) {
            out.push('\n');
        }
        out.push(character);
    }
    out.push_str("\n-----END SSH SIGNATURE-----\n");
    out
}

impl SshTestKey {
    /// The types that can be made here.
    pub const KINDS: [&'static str; 5] = [
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    ];

    /// Makes a key of one of [`Self::KINDS`].
    ///
    /// # Panics
    /// When the provider fails.
    #[must_use]
    #[expect(clippy::expect_used, reason = "test fixture")]
    pub fn generate(kind: &'static str) -> Self {
        let pair = match kind {
            "ecdsa-sha2-nistp256" | "sk-ecdsa-sha2-nistp256@openssh.com" => {
                Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("p256"))
            }
            "ecdsa-sha2-nistp384" => {
                Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("p384"))
            }
            _ => Pair::Ed25519(Ed25519KeyPair::generate().expect("ed25519")),
        };
        Self { kind, pair, application: "ssh:".to_owned(), touch: Touch { flags: 1, counter: 7 } }
    }
    /// An Ed25519 key, the common case.
    #[must_use]
    pub fn ed25519() -> Self {
        Self::generate("ssh-ed25519")
    }
    /// The public key as SSH encodes it.
    #[must_use]
    pub fn blob(&self) -> Vec<u8> {
        let mut out = string(self.kind.as_bytes());
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let curve = if self.kind.contains("384") { "nistp384" } else { "nistp256" };
                out.extend([string(curve.as_bytes()), string(pair.public_key().as_ref())].concat());
            }
            Pair::Ed25519(pair) => out.extend(string(pair.public_key().as_ref())),
        }
        if self.is_security_key() {
            out.extend(string(self.application.as_bytes()));
        }
        out
    }
    /// `type base64`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.kind, STANDARD.encode(self.blob()))
    }
    /// An armoured signature with sha512, as `ssh-keygen -Y sign` makes it.
    #[must_use]
    pub fn sign(&self, namespace: &str, message: &[u8]) -> String {
        armour(&self.sign_binary(Wish { namespace, hash: DigestAlgorithm::Sha512, message }))
    }
    /// A binary signature.
    #[must_use]
    pub fn sign_binary(&self, wish: Wish<'_>) -> Vec<u8> {
        let said =
            [string(wish.namespace.as_bytes()), string(b""), string(wish.hash.name().as_bytes())].concat();
        let signed = [b"SSHSIG", said.as_slice(), &string(&wish.hash.hash(wish.message))].concat();
        let inner = [string(self.kind.as_bytes()), self.raw(&signed)].concat();
        [b"SSHSIG\0\0\0\x01", string(&self.blob()).as_slice(), &said, &string(&inner)].concat()
    }

    fn is_security_key(&self) -> bool {
        self.kind.starts_with("sk-")
    }
    fn raw(&self, signed: &[u8]) -> Vec<u8> {
        if !self.is_security_key() {
            return string(&self.value(signed));
        }
        let tail = [&[self.touch.flags][..], &self.touch.counter.to_be_bytes()].concat();
        let (application, message) = (Sha256::of(self.application.as_bytes()), Sha256::of(signed));
        let data = [application.as_bytes(), tail.as_slice(), message.as_bytes()].concat();
        [string(&self.value(&data)), tail].concat()
    }
    #[expect(clippy::expect_used, reason = "test fixture")]
    fn value(&self, data: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let fixed = pair.sign(&SystemRandom::new(), data).expect("ecdsa");
                let (r, s) = fixed.as_ref().split_at(fixed.as_ref().len() / 2);
                [mpint(r), mpint(s)].concat()
            }
            Pair::Ed25519(pair) => pair.sign(data).as_ref().to_vec(),
        }
    }
}
