//! Object identifiers of CMS, Authenticode and RFC 3161, and how one is read and written.

use const_oid::ObjectIdentifier;

use crate::tlv::{self, Reader, TlvError};

/// id-data (RFC 5652 §4).
pub const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
/// id-signedData (RFC 5652 §5.1).
pub const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// id-contentType (RFC 5652 §11.1).
pub const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
/// id-messageDigest (RFC 5652 §11.2).
pub const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// id-signingTime (RFC 5652 §11.3): the signer's own claim, never trusted here.
pub const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
/// id-ct-TSTInfo (RFC 3161 §2.4.2).
pub const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// id-aa-signingCertificate (RFC 2634 §5.4), with SHA-1 hashes.
pub const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
/// id-aa-timeStampToken (RFC 3161 appendix A): an unsigned attribute.
pub const TIME_STAMP_TOKEN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
/// id-aa-signingCertificateV2 (RFC 5035 §3).
pub const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// SPC_INDIRECT_DATA: what Authenticode signs.
pub const SPC_INDIRECT_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.4");
/// SPC_NESTED_SIGNATURE: further Authenticode signatures, an unsigned attribute.
pub const SPC_NESTED_SIGNATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.4.1");
/// SPC_RFC3161: the RFC 3161 token of an Authenticode signature, an unsigned attribute.
pub const SPC_RFC3161: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.3.3.1");

/// The next element as an object identifier.
pub(crate) fn read(reader: &mut Reader<'_>) -> Result<ObjectIdentifier, TlvError> {
    let octets = reader.value(tlv::OID)?;
    ObjectIdentifier::from_bytes(octets).map_err(|_| TlvError::Value("OBJECT IDENTIFIER"))
}

/// An object identifier as an element.
pub(crate) fn write(oid: &ObjectIdentifier) -> Vec<u8> {
    tlv::write(tlv::OID, &[oid.as_bytes()])
}
