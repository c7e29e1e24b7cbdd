//! Object identifiers that this crate knows, as the contents octets of their DER form.

/// An object identifier: the contents octets of its DER form, without tag and length.
pub type Oid = [u8];

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $dotted:literal;)*) => {
        $(
            $(#[$doc])*
            #[doc = concat!("\n\n`", $dotted, "`")]
            pub const $name: &Oid = const_oid::ObjectIdentifier::new_unwrap($dotted).as_bytes();
        )*
    };
}

oids! {
    /// Elliptic curve key.
    EC_PUBLIC_KEY = "1.2.840.10045.2.1";
    /// Curve P-256.
    P256 = "1.2.840.10045.3.1.7";
    /// Curve P-384.
    P384 = "1.3.132.0.34";
    /// RSA key, and RSA PKCS#1 v1.5 in CMS where the digest is named elsewhere.
    RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
    /// Ed25519 key and signature.
    ED25519 = "1.3.101.112";
    /// ECDSA with SHA-256.
    ECDSA_SHA256 = "1.2.840.10045.4.3.2";
    /// ECDSA with SHA-384.
    ECDSA_SHA384 = "1.2.840.10045.4.3.3";
    /// ECDSA with SHA-512.
    ECDSA_SHA512 = "1.2.840.10045.4.3.4";
    /// RSA PKCS#1 v1.5 with SHA-256.
    RSA_SHA256 = "1.2.840.113549.1.1.11";
    /// RSA PKCS#1 v1.5 with SHA-384.
    RSA_SHA384 = "1.2.840.113549.1.1.12";
    /// RSA PKCS#1 v1.5 with SHA-512.
    RSA_SHA512 = "1.2.840.113549.1.1.13";
    /// SHA-256.
    SHA256 = "2.16.840.1.101.3.4.2.1";
    /// SHA-384.
    SHA384 = "2.16.840.1.101.3.4.2.2";
    /// SHA-512.
    SHA512 = "2.16.840.1.101.3.4.2.3";
    /// Name attribute: common name (CN).
    COMMON_NAME = "2.5.4.3";
    /// Name attribute: serial number.
    SERIAL_NUMBER = "2.5.4.5";
    /// Name attribute: country (C).
    COUNTRY = "2.5.4.6";
    /// Name attribute: locality (L).
    LOCALITY = "2.5.4.7";
    /// Name attribute: state or province (ST).
    STATE = "2.5.4.8";
    /// Name attribute: street.
    STREET = "2.5.4.9";
    /// Name attribute: organization (O).
    ORGANIZATION = "2.5.4.10";
    /// Name attribute: organizational unit (OU).
    ORGANIZATIONAL_UNIT = "2.5.4.11";
    /// Name attribute: domain component (DC).
    DOMAIN_COMPONENT = "0.9.2342.19200300.100.1.25";
    /// Name attribute: user id (UID).
    USER_ID = "0.9.2342.19200300.100.1.1";
    /// Extension: subject key identifier (RFC 5280 §4.2.1.2).
    SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
    /// Extension: key usage (§4.2.1.3).
    KEY_USAGE = "2.5.29.15";
    /// Extension: subject alternative name (§4.2.1.6).
    SUBJECT_ALT_NAME = "2.5.29.17";
    /// Extension: basic constraints (§4.2.1.9).
    BASIC_CONSTRAINTS = "2.5.29.19";
    /// CRL extension: number (§5.2.3).
    CRL_NUMBER = "2.5.29.20";
    /// CRL entry extension: reason (§5.3.1).
    CRL_REASON = "2.5.29.21";
    /// Extension: name constraints (§4.2.1.10).
    NAME_CONSTRAINTS = "2.5.29.30";
    /// Extension: CRL distribution points (§4.2.1.13).
    CRL_DISTRIBUTION_POINTS = "2.5.29.31";
    /// Extension: authority key identifier (§4.2.1.1).
    AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
    /// Extension: policy constraints (§4.2.1.11).
    POLICY_CONSTRAINTS = "2.5.29.36";
    /// Extension: extended key usage (§4.2.1.12).
    EXTENDED_KEY_USAGE = "2.5.29.37";
    /// Purpose: any.
    ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0";
    /// Purpose: TLS server.
    SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
    /// Purpose: code signing.
    CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
    /// Purpose: timestamping (RFC 3161 §2.3).
    TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
    /// Purpose: OCSP responses.
    OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
    /// Extension: list of signed certificate timestamps (RFC 6962 §3.3).
    SCT_LIST = "1.3.6.1.4.1.11129.2.4.2";
    /// Extension: poison of a precertificate (RFC 6962 §3.1).
    PRECERT_POISON = "1.3.6.1.4.1.11129.2.4.3";
    /// Marks authorities of development installations: never trusted where `dev` is not.
    ///
    /// It lies in the arc that RFC 5612 sets apart for examples, where it can collide with nobody's product. A UUID arc
    /// (`2.25.…`) would need more than 31 bits per component, and clients written in Go refuse such certificates.
    DEV_MARKER = "1.3.6.1.4.1.32473.2026.1";
    /// Marks identity leaves over a key that a Sigstore client holds: what it signs, this service never saw. In the arc of
    /// [`DEV_MARKER`].
    CLIENT_KEY_MARKER = "1.3.6.1.4.1.32473.2026.2";
}

/// Dotted text of an identifier: `2.5.4.3`; hexadecimal where it has components of more than 32 bits.
#[must_use]
pub fn dotted(oid: &Oid) -> String {
    match const_oid::ObjectIdentifier::from_bytes(oid) {
        Ok(known) => known.to_string(),
        Err(_) => {
            use std::fmt::Write as _;
            oid.iter().fold(String::from("0x"), |mut text, byte| {
                // Writing to a String does not fail.
                let _ignored = write!(text, "{byte:02x}");
                text
            })
        }
    }
}

/// Whether the octets are one well-formed, minimal object identifier (X.690 §8.19).
#[must_use]
pub fn is_well_formed(oid: &Oid) -> bool {
    let ends = oid.last().is_some_and(|byte| byte & 0x80 == 0);
    let mut at_start = true;
    let minimal = oid.iter().all(|byte| {
        let padded = at_start && *byte == 0x80;
        at_start = byte & 0x80 == 0;
        !padded
    });
    ends && minimal && oid.len() <= 64
}
