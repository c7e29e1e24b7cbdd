//! Every parser of hostile input as one function from bytes to “accepted”. The mutation test and the fuzz targets of
//! `fuzz` share this table.

use chancery_core::request::Request;
use chancery_core::time::Time;
use chancery_core::tuf::Role;
use chancery_format::archive::{self, Limits};
use chancery_format::seam::Options;
use chancery_format::sigstore::bundle::Bundle;
use chancery_format::sigstore::foreign::{Content, ForeignBundle};
use chancery_format::sigstore::foreign_statement;
use chancery_format::{notary, oci, pe, sigstore};
use chancery_identity::issuer::Issuers;
use chancery_identity::sshsig::key::SshPublicKey;
use chancery_identity::sshsig::signature::SshSignature;
use chancery_identity::{authenticate, discovery, issuers_toml, jwk};
use chancery_ledger::checkpoint::Checkpoint;
use chancery_ledger::event::Event;
use chancery_ledger::hashedrekord::HashedRekord;
use chancery_ledger::note::Note;
use chancery_ledger::proof::TlogProof;
use chancery_ledger::rekor::checkpoint::ForeignCheckpoint;
use chancery_ledger::rekor::entry::{self, Kind};
use chancery_ledger::rekor::pem as rekor_pem;
use chancery_ledger::tile;
use chancery_policy::documents::Documents;
use chancery_policy::governance::header::Header;
use chancery_policy::policy::Policy;
use chancery_policy::test_cases;
use chancery_verify::foreign::Instance;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::release::declaration::Declaration;
use chancery_verify::release::manifest::Manifest;
use chancery_verify::says::{self, Known};
use chancery_verify::trust_json;
use chancery_verify::trusted_root::TrustedRoot;
use chancery_verify::tuf::client;
use chancery_verify::tuf::envelope::Envelope;
use chancery_verify::tuf::role::{self, Root};
use chancery_x509::certificate::{Certificate, parse_pem_bundle};
use chancery_x509::crl::Crl;
use chancery_x509::request::CertificateRequest;
use chancery_x509::tsp::request::TimestampRequest;
use chancery_x509::tsp::response::{self, Response};
use chancery_x509::tsp::tst_info::TstInfo;
use chancery_x509::{cms, key, sct};

/// A parser: the name of its folder in `testdata/seeds` and of its fuzz target, and what it does with bytes.
pub type Parser = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const ALL: [Parser; 39] = [
    ("archive", archive_file),
    ("bundle", bundle),
    ("certificate", certificate),
    ("certificate_request", certificate_request),
    ("checkpoint", checkpoint),
    ("cms", signed_data),
    ("cosign", cosign),
    ("crl", crl),
    ("discovery", discovery_document),
    ("event", event),
    ("foreign_bundle", foreign_bundle),
    ("governance", governance),
    ("governance_header", governance_header),
    ("hashedrekord", hashedrekord),
    ("in_toto", in_toto),
    ("issuers", issuers),
    ("jwk_set", jwk_set),
    ("notary", envelope),
    ("note", note),
    ("oci_manifest", oci_manifest),
    ("oci_reference", oci_reference),
    ("pe", image),
    ("pem", pem),
    ("predicate", predicate),
    ("public_key", public_key),
    ("rekor", rekor),
    ("release", release),
    ("request", request),
    ("simple_signing", simple_signing),
    ("ssh_public_key", ssh_public_key),
    ("ssh_signature", ssh_signature),
    ("tile", tile_entries),
    ("timestamp_request", timestamp_request),
    ("timestamp_response", timestamp_response),
    ("tlog_proof", tlog_proof),
    ("token", token),
    ("trust", trust),
    ("trusted_root", trusted_root),
    ("tuf", tuf),
];

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// An archive with all that is in it: read, or said to be unread.
pub fn archive_file(bytes: &[u8]) -> bool {
    let found = archive::look(&mut std::io::Cursor::new(bytes), Limits::default());
    found.ok().flatten().is_some_and(|inside| inside.unread.is_empty())
}

/// A release manifest, which has one spelling, or a declaration.
pub fn release(bytes: &[u8]) -> bool {
    let text = text(bytes);
    if let Ok(manifest) = Manifest::parse(text) {
        assert_eq!(manifest.text().as_deref(), Ok(text));
        return true;
    }
    !text.is_empty() && Declaration::parse(text).is_ok()
}

/// A Sigstore bundle.
pub fn bundle(bytes: &[u8]) -> bool {
    let extracted = sigstore::extract::extract(&mut std::io::Cursor::new(bytes)).is_ok();
    Bundle::parse(bytes).is_ok() | extracted
}

/// What cosign wants signed: the statement that it becomes is one of the format's.
pub fn cosign(bytes: &[u8]) -> bool {
    let Ok(statement) = sigstore::cosign::read(bytes) else { return false };
    assert!(sigstore::statement::parse(&statement).is_ok());
    true
}

/// A Notary envelope of either kind; whatever is read gives a manifest.
pub fn envelope(bytes: &[u8]) -> bool {
    let extracted = notary::extract::extract(&mut std::io::Cursor::new(bytes)).is_ok();
    // Only what is named by SHA-256 has a place in a registry.
    assert!(extracted || notary::manifest::referrer(bytes).is_err());
    extracted
}

/// A manifest or an index of a registry, and what is added to one that others wrote.
pub fn oci_manifest(bytes: &[u8]) -> bool {
    let mut accepted = false;
    for media_type in oci::manifest::READABLE {
        accepted |= oci::manifest::parse(bytes, media_type).is_ok();
        let subject = chancery_core::digest::Sha256::of(b"subject");
        accepted |=
            matches!(oci::referrer::open(bytes, media_type, subject), oci::referrer::Holds::Bundle(_));
        let signature =
            oci::simple::Signature { payload: Vec::new(), signature: Vec::new(), timestamp: None };
        accepted |= oci::simple::add(Some((bytes, media_type)), &signature).is_ok();
    }
    accepted | oci::fallback::add(Some(bytes), &[]).is_ok()
}

/// A reference to an image.
pub fn oci_reference(bytes: &[u8]) -> bool {
    oci::reference::Reference::parse(text(bytes)).is_ok()
}

/// A simple signing payload, and one with its signature.
pub fn simple_signing(bytes: &[u8]) -> bool {
    oci::simple::parse(bytes).is_ok() | oci::simple::Signature::parse_json(bytes).is_ok()
}

/// A certificate, DER, and its transparency timestamps.
pub fn certificate(bytes: &[u8]) -> bool {
    Certificate::parse(bytes).map(|certificate| sct::read(&certificate).is_ok()).is_ok()
}

/// A certificate request, DER.
pub fn certificate_request(bytes: &[u8]) -> bool {
    CertificateRequest::parse(bytes).is_ok()
}

/// The text of a checkpoint.
pub fn checkpoint(bytes: &[u8]) -> bool {
    Checkpoint::parse_text(text(bytes)).is_ok()
}

/// A CMS SignedData.
pub fn signed_data(bytes: &[u8]) -> bool {
    cms::parse::parse(bytes).is_ok()
}

/// A certificate revocation list, DER.
pub fn crl(bytes: &[u8]) -> bool {
    Crl::parse(bytes).is_ok()
}

/// An issuer's discovery document.
pub fn discovery_document(bytes: &[u8]) -> bool {
    let issuers = registered();
    let issuer =
        issuers.as_ref().and_then(|issuers| issuers.find("https://token.actions.githubusercontent.com"));
    issuer.is_some_and(|issuer| discovery::key_address(issuer, bytes).is_ok())
}

/// An event leaf.
pub fn event(bytes: &[u8]) -> bool {
    Event::decode(text(bytes)).is_ok()
}

/// A bundle of another Sigstore, with the statement in it.
pub fn foreign_bundle(bytes: &[u8]) -> bool {
    let Ok(bundle) = ForeignBundle::parse(bytes) else { return false };
    if let Content::Dsse { payload, .. } = &bundle.content {
        drop(foreign_statement::parse(payload));
    }
    true
}

/// Governance documents in their canonical form, loaded and tested.
pub fn governance(bytes: &[u8]) -> bool {
    let Ok(documents) = Documents::parse(text(bytes)) else { return false };
    let cases = test_cases::parse(&documents).is_ok();
    Policy::load(&documents).is_ok() & cases
}

/// An entry of any kind, or a checkpoint, of another log.
pub fn rekor(bytes: &[u8]) -> bool {
    let kinds = [Kind::DsseV1, Kind::DsseV2, Kind::HashedRekordV1, Kind::HashedRekordV2, Kind::IntotoV1];
    let is_entry = kinds.into_iter().any(|kind| entry::parse(kind, bytes).is_ok());
    let is_checkpoint = ForeignCheckpoint::parse(text(bytes)).is_ok();
    is_entry | is_checkpoint | rekor_pem::public_key(text(bytes)).is_some()
}

/// The trusted root of another Sigstore.
pub fn trusted_root(bytes: &[u8]) -> bool {
    Instance::parse(text(bytes)).is_ok()
}

/// What the people of the root sign.
pub fn governance_header(bytes: &[u8]) -> bool {
    Header::parse(text(bytes)).is_ok()
}

/// A hashedrekord leaf.
pub fn hashedrekord(bytes: &[u8]) -> bool {
    HashedRekord::parse(text(bytes)).is_ok()
}

/// An in-toto statement.
pub fn in_toto(bytes: &[u8]) -> bool {
    sigstore::provenance::parse(bytes).is_ok()
}

/// `issuers.toml`.
pub fn issuers(bytes: &[u8]) -> bool {
    issuers_toml::load(text(bytes)).is_ok()
}

fn registered() -> Option<Issuers> {
    let document = "[issuer.github]\nurl = \"https://token.actions.githubusercontent.com\"\n\
        dialect = \"github\"\nalgorithms = [\"RS256\", \"ES256\"]\n";
    issuers_toml::load(document).ok()
}

/// A key set as an issuer publishes it.
pub fn jwk_set(bytes: &[u8]) -> bool {
    let issuers = registered();
    let issuer =
        issuers.as_ref().and_then(|issuers| issuers.find("https://token.actions.githubusercontent.com"));
    issuer.is_some_and(|issuer| jwk::KeySet::parse(issuer, text(bytes)).is_ok())
}

/// A signed note.
pub fn note(bytes: &[u8]) -> bool {
    Note::parse(text(bytes)).is_ok()
}

/// A PE image: to be signed, and with signatures.
pub fn image(bytes: &[u8]) -> bool {
    let values = serde_json::Map::new();
    let options = Options { values: &values, key: None };
    let prepared = pe::prepare::prepare(&mut &*bytes, &options).is_ok();
    pe::extract::extract(&mut std::io::Cursor::new(bytes)).is_ok() | prepared
}

/// Certificates in PEM.
pub fn pem(bytes: &[u8]) -> bool {
    parse_pem_bundle(text(bytes)).is_ok()
}

/// A SubjectPublicKeyInfo.
pub fn public_key(bytes: &[u8]) -> bool {
    key::parse(bytes).is_ok()
}

/// A signing request in its canonical form.
pub fn request(bytes: &[u8]) -> bool {
    Request::parse(text(bytes)).is_ok()
}

/// The line of an SSH public key.
pub fn ssh_public_key(bytes: &[u8]) -> bool {
    SshPublicKey::parse_line(text(bytes)).is_ok()
}

/// An SSH signature, armoured or binary, verified as if its own key were the one that is wanted.
pub fn ssh_signature(bytes: &[u8]) -> bool {
    let armoured = SshSignature::parse_armoured(text(bytes));
    let Ok(signature) = armoured.or_else(|_| SshSignature::parse(bytes)) else { return false };
    signature.verify(signature.key(), signature.namespace(), b"hello").is_ok()
}

/// A bundle of leaves.
pub fn tile_entries(bytes: &[u8]) -> bool {
    tile::entries(bytes, 256).is_ok()
}

/// A time stamping request.
pub fn timestamp_request(bytes: &[u8]) -> bool {
    TimestampRequest::parse(bytes).is_ok()
}

/// A time stamping response with what is in its token.
pub fn timestamp_response(bytes: &[u8]) -> bool {
    let Ok(Response::Granted { token }) = response::parse(bytes) else { return false };
    let Ok(signed) = cms::parse::parse(&token) else { return false };
    signed.content.is_some_and(|content| TstInfo::parse(&content.value).is_ok())
}

/// A proof file.
pub fn tlog_proof(bytes: &[u8]) -> bool {
    TlogProof::parse(text(bytes)).is_ok()
}

/// An identity token, before its signature is known to be right.
pub fn token(bytes: &[u8]) -> bool {
    registered().is_some_and(|issuers| authenticate::peek(text(bytes).trim_end(), &issuers).is_ok())
}

/// Trust documents: ours, Sigstore's, and verification policies.
pub fn trust(bytes: &[u8]) -> bool {
    let ours = trust_json::parse(text(bytes), None).is_ok();
    let root = TrustedRoot::parse(text(bytes)).is_ok();
    VerificationPolicy::parse_toml(text(bytes)).is_ok() | ours | root
}

/// Every condition that a policy can have on a predicate; and the rules about builders.
const CONDITIONS: [&str; 2] = [
    "predicate = \"https://slsa.dev/provenance/v1\"\nlevel = 1\n[[builders]]\nid = \"https://b/**\"\nlevel = 1\n\
     [materials]\nallow = [\"pkg:**\"]\ndeny = [\"pkg:x/**\"]\nmin_age = \"1d\"\n",
    "predicate = \"https://slsa.dev/verification_summary/v1\"\n[vsa]\nverifier = \"v\"\nresource = \"pkg:**\"\n\
     levels = [\"SLSA_BUILD_LEVEL_2\"]\nmax_age = \"9d\"\n",
];

/// A statement whose signature was verified, compared with what a policy demands of its predicate.
pub fn predicate(bytes: &[u8]) -> bool {
    let known = Known { at: Time::from_seconds(1_790_000_000), runner: None };
    let meets = |conditions: &str| {
        let policy = format!("environment = \"staging\"\nformats = [\"sigstore\"]\n{conditions}");
        VerificationPolicy::parse_toml(&policy).is_ok_and(|policy| policy.says.check(bytes, &known).is_ok())
    };
    let read =
        foreign_statement::parse(bytes).is_ok_and(|read| says::passed(&read.predicate_type, bytes).is_ok());
    let rules = says::builders(text(bytes)).is_ok_and(|rules| !rules.is_empty());
    CONDITIONS.iter().any(|conditions| meets(conditions)) & read | rules
}

/// TUF metadata of any role.
pub fn tuf(bytes: &[u8]) -> bool {
    Role::ALL.into_iter().any(|role| {
        let envelope = Envelope::parse(role, bytes, client::limit(role));
        envelope.is_ok_and(|envelope| match role {
            Role::Root => Root::read(envelope.signed()).is_ok(),
            Role::Snapshot | Role::Targets | Role::Timestamp => role::files(role, envelope.signed()).is_ok(),
        })
    })
}
