//! Under which authorities issuers prove who they are: those that the machine trusts, and those of the configuration.
//! Read before the sandbox closes.

use std::path::Path;

use anyhow::Context as _;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Loads the authorities. What the machine has and cannot be read is left out: an issuer under it is then refused.
/// Errors when the file of the configuration cannot be used.
pub(crate) fn load(own: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (_, ignored) = roots.add_parsable_certificates(found.certs);
    if ignored > 0 || !found.errors.is_empty() {
        say_incomplete(ignored, found.errors.len());
    }
    if let Some(path) = own {
        let unusable = || format!("cannot use the certificates in `{}`", path.display());
        let mut count: usize = 0;
        for certificate in CertificateDer::pem_file_iter(path).with_context(unusable)? {
            roots.add(certificate.with_context(unusable)?).with_context(unusable)?;
            count = count.saturating_add(1);
        }
        anyhow::ensure!(count > 0, "`{}` holds no certificate", path.display());
    }
    Ok(roots)
}

fn say_incomplete(ignored: usize, errors: usize) {
    tracing::warn!(ignored, errors, "some of the machine's authorities cannot be used for issuers");
}
