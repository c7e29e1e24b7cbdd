//! The self-signed certificate of a development server, for `localhost`, `127.0.0.1` and `::1`; made anew at each start,
//! its key never leaves the process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::time::Time;
use chancery_x509::certificate::{assemble, write_pem};
use chancery_x509::name::{Attribute, Name};
use chancery_x509::profile::draft::{Issuance, Issuer};
use chancery_x509::profile::server_auth::{self, ServerAuth};
use chancery_x509::serial::Serial;
use chancery_x509::validity::Validity;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

/// Life in seconds: 90 days.
const LIFE: i64 = 90 * 86_400;

/// A certificate with its key.
pub struct DevCertificate {
    /// DER.
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// A certificate that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("development certificate could not be made: {0}")]
pub struct DevCertificateError(String);

impl std::fmt::Debug for DevCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DevCertificate([hidden])")
    }
}

impl DevCertificate {
    /// Makes key and certificate.
    pub fn generate(now: Time) -> Result<Self, DevCertificateError> {
        let failed = |error: &dyn std::fmt::Display| DevCertificateError(error.to_string());
        let random = SystemRandom::new();
        let scheme = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(scheme, &random).map_err(|error| failed(&error))?;
        let key = Zeroizing::new(key.as_ref().to_vec());
        let pair = EcdsaKeyPair::from_pkcs8(scheme, &key).map_err(|error| failed(&error))?;
        let spki = pair.public_key().as_der().map_err(|error| failed(&error))?;
        let tbs = tbs(spki.as_ref().to_vec(), now)?;
        let signature = pair.sign(&random, &tbs).map_err(|error| failed(&error))?;
        let certificate = assemble(&tbs, KeyAlgorithm::EcdsaP256, signature.as_ref());
        let certificate = certificate.map_err(|error| failed(&error))?.as_der().to_vec();
        Ok(Self { certificate, key })
    }
    /// What a client must trust, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        write_pem("CERTIFICATE", &self.certificate)
    }
    pub(crate) fn into_rustls(self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from(self.certificate);
        (vec![certificate], PrivatePkcs8KeyDer::from(self.key.to_vec()).into())
    }
}

fn tbs(spki: Vec<u8>, now: Time) -> Result<Vec<u8>, DevCertificateError> {
    let failed = |error: &dyn std::fmt::Display| DevCertificateError(error.to_string());
    let key = PublicKey { algorithm: KeyAlgorithm::EcdsaP256, spki };
    let subject = Name::build(&[
        (Attribute::Organization, "Chancery development, DO NOT TRUST"),
        (Attribute::CommonName, "localhost"),
    ]);
    let subject = subject.map_err(|error| failed(&error))?;
    let issuer = Issuer::itself(&subject, &key).map_err(|error| failed(&error))?;
    let mut number = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut number).map_err(|error| failed(&error))?;
    number[0] = (number[0] & 0x3f) | 0x40;
    let serial = Serial::new(&number).map_err(|error| failed(&error))?;
    let from = now.plus_seconds(-300);
    let validity = Validity::new(from, from.plus_seconds(LIFE)).map_err(|error| failed(&error))?;
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: &key };
    let hosts = ["localhost", "dev.localhost"];
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let leaf = ServerAuth { subject: &subject, hosts: &hosts, addresses: &addresses };
    server_auth::tbs(&issuance, &leaf).map_err(|error| failed(&error))
}
