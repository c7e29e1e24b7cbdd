//! Throw-away certificates, right ones and wrong ones: every field is the test's choice and nothing is checked.
//!
//! The DER is written here by hand, independently of the product's own writer, so that both are not wrong alike.

use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::digest::Sha256;
use chancery_core::time::Time;

use crate::keys::TestKey;

/// Extended key usages as DER object identifiers.
pub mod purpose {
    /// codeSigning.
    pub const CODE_SIGNING: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 3];
    /// timeStamping.
    pub const TIME_STAMPING: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8];
    /// clientAuth.
    pub const CLIENT_AUTH: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
    /// serverAuth.
    pub const SERVER_AUTH: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy)]
pub enum Usage<'a> {
    /// An authority: basicConstraints CA, keyCertSign.
    Authority,
    /// A leaf with these purposes, in a critical extension.
    Leaf(&'a [&'a [u8]]),
    /// A leaf of a TLS peer: its purpose and its DNS names.
    Tls(&'a [u8], &'a [&'a str]),
    /// A leaf with these purposes, in an extension that is not critical.
    LeafNotCritical(&'a [&'a [u8]]),
}

/// A certificate to be made.
#[derive(Debug, Clone, Copy)]
pub struct CertificateSpec<'a> {
    /// Common name of the subject.
    pub subject: &'a str,
    /// Common name of the issuer.
    pub issuer: &'a str,
    /// Serial number, 1 to 127.
    pub serial: u8,
    /// First moment of validity, before 2050.
    pub not_before: Time,
    /// Last moment of validity, before 2050.
    pub not_after: Time,
    /// What it is for.
    pub usage: Usage<'a>,
}

impl CertificateSpec<'_> {
    /// The certificate over `key`, signed by `issuer`, DER.
    #[must_use]
    pub fn issue(&self, key: &PublicKey, issuer: &TestKey) -> Vec<u8> {
        let algorithm = signature_algorithm(issuer.public_key().algorithm);
        let validity = tlv(0x30, &[&utc_time(self.not_before), &utc_time(self.not_after)]);
        let tbs = tlv(
            0x30,
            &[
                &[0xa0, 3, 2, 1, 2],
                &[2, 1, self.serial],
                &algorithm,
                &name(self.issuer),
                &validity,
                &name(self.subject),
                &key.spki,
                &tlv(0xa3, &[&tlv(0x30, &[&self.extensions(key)])]),
            ],
        );
        let signature = tlv(3, &[&[0], &issuer.sign(&tbs)]);
        tlv(0x30, &[&tbs, &algorithm, &signature])
    }
    fn extensions(&self, key: &PublicKey) -> Vec<u8> {
        let hash = Sha256::of(&key.spki);
        let (identifier, _rest) = hash.as_bytes().split_at(20);
        let mut out = extension(&[0x55, 0x1d, 0x0e], Critical::No, &tlv(4, &[identifier]));
        let purposes = |list: &[&[u8]]| tlv(0x30, list);
        let key_usage =
            |bits: u8, unused: u8| extension(&[0x55, 0x1d, 0x0f], Critical::Yes, &[3, 2, unused, bits]);
        match self.usage {
            Usage::Authority => {
                out.extend(extension(&[0x55, 0x1d, 0x13], Critical::Yes, &[0x30, 3, 1, 1, 0xff]));
                out.extend(key_usage(0x06, 1));
            }
            Usage::Leaf(list) => {
                out.extend(key_usage(0x80, 7));
                out.extend(extension(&[0x55, 0x1d, 0x25], Critical::Yes, &purposes(list)));
            }
            Usage::Tls(purpose, names) => {
                out.extend(key_usage(0x80, 7));
                out.extend(extension(&[0x55, 0x1d, 0x25], Critical::No, &purposes(&[purpose])));
                // subjectAltName, dNSName (RFC 5280 §4.2.1.6).
                let names: Vec<Vec<u8>> = names.iter().map(|name| tlv(0x82, &[name.as_bytes()])).collect();
                let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
                out.extend(extension(&[0x55, 0x1d, 0x11], Critical::No, &tlv(0x30, &names)));
            }
            Usage::LeafNotCritical(list) => {
                out.extend(key_usage(0x80, 7));
                out.extend(extension(&[0x55, 0x1d, 0x25], Critical::No, &purposes(list)));
            }
        }
        out
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Critical {
    No,
    Yes,
}

fn extension(oid: &[u8], critical: Critical, value: &[u8]) -> Vec<u8> {
    let flag: &[u8] = if critical == Critical::Yes { &[1, 1, 0xff] } else { &[] };
    tlv(0x30, &[&tlv(6, &[oid]), flag, &tlv(4, &[value])])
}

fn name(common_name: &str) -> Vec<u8> {
    let text = tlv(0x0c, &[common_name.as_bytes()]);
    tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[6, 3, 0x55, 4, 3], &text])])])
}

fn utc_time(time: Time) -> Vec<u8> {
    let digits: String = time.to_string().chars().filter(char::is_ascii_digit).skip(2).collect();
    tlv(0x17, &[digits.as_bytes(), b"Z"])
}

fn signature_algorithm(algorithm: KeyAlgorithm) -> Vec<u8> {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => tlv(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]),
        KeyAlgorithm::EcdsaP384 => tlv(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]]),
        KeyAlgorithm::Ed25519 => tlv(0x30, &[&[6, 3, 0x2b, 0x65, 0x70]]),
        KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
            tlv(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b], &[5, 0]])
        }
    }
}

/// One DER element, for tests that need another one than the product would write.
///
/// # Panics
/// When the parts are longer than 65535 bytes together.
#[must_use]
#[expect(clippy::expect_used, reason = "test fixture")]
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let length = u16::try_from(value.len()).expect("short element");
    let [high, low] = length.to_be_bytes();
    let header = match (high, low) {
        (0, low) if low < 0x80 => vec![tag, low],
        (0, low) => vec![tag, 0x81, low],
        (high, low) => vec![tag, 0x82, high, low],
    };
    [header, value].concat()
}
