//! Revocations in a trust snapshot: what no longer counts, by the trusted time of the signature.

use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_x509::certificate::Certificate;

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Target {
    /// An artifact, by the SHA-256 of its bytes before it was signed.
    Artifact(Sha256),
    /// A certificate, by its serial number in lower-case hexadecimal, and the SHA-256 of its issuer's name (DER).
    Certificate {
        /// Serial number, two digits per byte.
        serial: String,
        /// SHA-256 of the issuer's name, DER.
        issuer: Sha256,
    },
    /// A signer, by the exact SAN URI.
    Identity(String),
    /// A key, by the SHA-256 of its SubjectPublicKeyInfo.
    Key(Sha256),
}

/// One revocation. It hits signatures whose trusted time lies in `from..=until`; an absent bound is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// What.
    pub target: Target,
    /// The first moment that it hits: the time of the compromise.
    pub from: Option<Time>,
    /// The last moment that it hits.
    pub until: Option<Time>,
    /// Why, in words.
    pub why: String,
}

/// What a signature is made of, as far as it can be revoked.
#[derive(Debug, Clone, Copy)]
pub struct InUse<'a> {
    /// The artifact's digests: as signed, and as named in the statement.
    pub artifacts: &'a [Sha256],
    /// The certificates, signer first.
    pub certificates: &'a [CertificateId],
    /// The signer's SAN URI.
    pub identity: Option<&'a str>,
}

/// What identifies a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateId {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the issuer's name, DER.
    pub issuer: Sha256,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub key: Sha256,
}

impl CertificateId {
    /// What identifies this certificate.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        Self {
            serial: certificate.serial().to_string(),
            issuer: Sha256::of(certificate.issuer().as_der()),
            key: Sha256::of(certificate.spki()),
        }
    }
}

impl Revocation {
    /// Whether it hits something in use at any of the trusted times.
    #[must_use]
    pub fn hits(&self, used: &InUse<'_>, times: &[Time]) -> bool {
        let open = |at: &Time| {
            self.from.is_none_or(|from| from <= *at) && self.until.is_none_or(|until| *at <= until)
        };
        times.iter().any(open) && self.target.is(used)
    }
}

impl Target {
    fn is(&self, used: &InUse<'_>) -> bool {
        match self {
            Self::Artifact(digest) => used.artifacts.contains(digest),
            Self::Certificate { serial, issuer } => {
                used.certificates.iter().any(|known| known.serial == *serial && known.issuer == *issuer)
            }
            Self::Identity(identity) => used.identity == Some(identity.as_str()),
            Self::Key(key) => used.certificates.iter().any(|known| known.key == *key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_by_target_and_time() {
        let ids = [CertificateId { serial: "01".into(), issuer: Sha256::of(b"i"), key: Sha256::of(b"k") }];
        let artifacts = [Sha256::of(b"a")];
        let used = InUse { artifacts: &artifacts, certificates: &ids, identity: Some("https://x") };
        let [before, start, inside, end, after] = [1, 2, 3, 4, 5].map(Time::from_seconds);
        let targets = [
            (Target::Artifact(Sha256::of(b"a")), true),
            (Target::Artifact(Sha256::of(b"b")), false),
            (Target::Certificate { serial: "01".into(), issuer: Sha256::of(b"i") }, true),
            (Target::Certificate { serial: "01".into(), issuer: Sha256::of(b"j") }, false),
            (Target::Identity("https://x".into()), true),
            (Target::Identity("https://y".into()), false),
            (Target::Key(Sha256::of(b"k")), true),
            (Target::Key(Sha256::of(b"l")), false),
        ];
        for (target, expected) in targets {
            let revocation =
                Revocation { target: target.clone(), from: Some(start), until: Some(end), why: "x".into() };
            let hits = [before, start, inside, end, after].map(|at| revocation.hits(&used, &[at]));
            assert_eq!(hits, [false, expected, expected, expected, false], "{target:?}");
            assert_eq!(revocation.hits(&used, &[before, inside]), expected);
        }
    }
}
