//! PEM as entries of Rekor v1 and key files hold it: one block, of a certificate or of a public key (RFC 7468).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::entry::Verifier;

/// Longest text in bytes.
const MAX_TEXT: usize = 32 << 10;

/// SubjectPublicKeyInfo (DER) of exactly one `PUBLIC KEY` block.
#[must_use]
pub fn public_key(text: &str) -> Option<Vec<u8>> {
    match read(text.as_bytes())? {
        Verifier::PublicKey(der) => Some(der),
        Verifier::Certificate(_) => None,
    }
}

/// Reads exactly one block with nothing but white space around it.
pub(super) fn read(text: &[u8]) -> Option<Verifier> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?.trim();
    let block = |label: &str| {
        let body = text.strip_prefix("-----BEGIN ")?.strip_prefix(label)?.strip_prefix("-----")?;
        let body = body.strip_suffix("-----")?.strip_suffix(label)?.strip_suffix("-----END ")?;
        let base64: String = body.split_ascii_whitespace().collect();
        STANDARD.decode(base64).ok().filter(|der| !der.is_empty())
    };
    block("CERTIFICATE").map(Verifier::Certificate).or_else(|| block("PUBLIC KEY").map(Verifier::PublicKey))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_is_read_and_nothing_else() {
        let good = b"-----BEGIN PUBLIC KEY-----\nAQID\nBAU=\n-----END PUBLIC KEY-----\n";
        assert_eq!(read(good), Some(Verifier::PublicKey(vec![1, 2, 3, 4, 5])));
        let certificate = b"-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----";
        assert_eq!(read(certificate), Some(Verifier::Certificate(vec![1, 2, 3])));
        for bad in [
            "-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PUBLIC KEY-----\nAQID\n-----END CERTIFICATE-----\n",
            "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
            "x-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----\n",
            "",
        ] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(read(&[good.as_slice(), good.as_slice()].concat()), None);
        assert_eq!(read(&vec![b' '; MAX_TEXT + 1]), None);
    }
}
