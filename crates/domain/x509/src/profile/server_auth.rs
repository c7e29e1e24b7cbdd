//! The leaf of a TLS server: EKU serverAuth, and the names that clients compare (RFC 9525 §6): hosts and addresses in
//! the subject alternative name, never the common name. Used for development servers only; no authority here issues it.

use std::net::IpAddr;

use crate::extension::{BasicConstraints, Criticality, Extension, KeyUsage, extended_key_usage};
use crate::name::Name;
use crate::oid;
use crate::profile::draft::{self, Issuance, ProfileError};
use crate::tlv;

/// What a server's leaf says beside its key.
#[derive(Debug, Clone, Copy)]
pub struct ServerAuth<'a> {
    /// Subject. Must not be empty.
    pub subject: &'a Name,
    /// Host names, ASCII.
    pub hosts: &'a [&'a str],
    /// Addresses.
    pub addresses: &'a [IpAddr],
}

/// Phase 1: the TBSCertificate of a server's leaf, DER. Errors when it names no subject, no host and no address, or a
/// host that is not a DNS name.
pub fn tbs(issuance: &Issuance<'_>, leaf: &ServerAuth<'_>) -> Result<Vec<u8>, ProfileError> {
    if leaf.subject.is_empty() || (leaf.hosts.is_empty() && leaf.addresses.is_empty()) {
        return Err(ProfileError::Subject);
    }
    let extensions: Vec<Extension> = vec![
        BasicConstraints::Leaf.to_extension(),
        KeyUsage::DIGITAL_SIGNATURE.to_extension(),
        extended_key_usage(&[oid::SERVER_AUTH], Criticality::Optional),
        alt_names(leaf)?,
    ];
    draft::write(issuance, leaf.subject, extensions)
}

/// RFC 5280 §4.2.1.6: dNSName is [2], iPAddress is [7] with 4 or 16 octets.
fn alt_names(leaf: &ServerAuth<'_>) -> Result<Extension, ProfileError> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    for host in leaf.hosts {
        let is_host = (1..=253).contains(&host.len())
            && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
        if !is_host {
            return Err(ProfileError::Uri(host.chars().filter(|c| !c.is_control()).take(80).collect()));
        }
        names.push(tlv::write(tlv::context_primitive(2), &[host.as_bytes()]));
    }
    for address in leaf.addresses {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        names.push(tlv::write(tlv::context_primitive(7), &[&octets]));
    }
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    Ok(Extension::new(oid::SUBJECT_ALT_NAME, Criticality::Optional, tlv::write(tlv::SEQUENCE, &names)))
}
