//! Reading: manifests, blobs, and everything that refers to a subject.

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;
use chancery_core::port::registry::{
    MAX_MANIFEST, MAX_REFERRERS, Manifest, Referrer, Referring, RegistryError,
};
use chancery_format::notary::envelope::MAX_ENVELOPE;
use chancery_format::oci::manifest::{self, Descriptor, INDEX, Parsed, READABLE};
use chancery_format::oci::reference::{At, Repository, fallback_tag, parse_digest};
use chancery_format::oci::referrer::{self, Holds, SIGNATURE};
use chancery_format::sigstore::bundle::{Bundle, MAX_BUNDLE};
use reqwest::{Method, StatusCode};

use super::client::RegistryClient;
use super::transport::{Answer, Right, Wanted};

/// Manifests that a list names, each with the signature that the list says it holds.
pub(super) type Entries = BTreeMap<Sha256, Option<Sha256>>;

/// Most pages of a list of referrers.
const MAX_PAGES: usize = 16;

impl RegistryClient {
    /// A manifest; one that is asked for by digest has it.
    pub(super) async fn manifest_at(
        &self,
        repository: &Repository,
        at: &At,
    ) -> Result<Manifest, RegistryError> {
        let path = format!("/v2/{}/manifests/{at}", repository.path());
        let answer = self.get(repository, &path, READABLE.join(", "), MAX_MANIFEST).await?;
        if answer.status != StatusCode::OK {
            return Err(answer.unexpected(&format!("{repository} {at}")));
        }
        let media_type = answer.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        let found = Sha256::of(&answer.body);
        match at {
            At::Digest(asked) if *asked != found => Err(RegistryError::Another { asked: *asked, found }),
            At::Digest(_) | At::Tag(_) => Ok(Manifest { digest: found, media_type, bytes: answer.body }),
        }
    }

    /// A blob by its digest.
    pub(super) async fn blob(
        &self,
        repository: &Repository,
        digest: Sha256,
        limit: usize,
    ) -> Result<Vec<u8>, RegistryError> {
        let path = format!("/v2/{}/blobs/sha256:{digest}", repository.path());
        let answer = self.get(repository, &path, "*/*".to_owned(), limit).await?;
        if answer.status != StatusCode::OK {
            return Err(answer.unexpected(&format!("{repository} sha256:{digest}")));
        }
        let found = Sha256::of(&answer.body);
        if found == digest { Ok(answer.body) } else { Err(RegistryError::Another { asked: digest, found }) }
    }

    /// Everything that refers to a subject: what the registry lists, and what the tag lists that stands in for it. Older
    /// clients leave signatures there although the registry has learnt to list meanwhile.
    pub(super) async fn referrers_of(
        &self,
        repository: &Repository,
        subject: Sha256,
    ) -> Result<Vec<Referrer>, RegistryError> {
        let mut digests = self.listed(repository, subject).await?.unwrap_or_default();
        digests.extend(self.tagged(repository, subject).await?);
        if digests.len() > MAX_REFERRERS {
            return Err(RegistryError::Invalid(format!("more than {MAX_REFERRERS} referrers")));
        }
        let mut referrers = Vec::with_capacity(digests.len());
        for digest in digests.into_keys() {
            let content = self.open(repository, subject, digest).await?;
            referrers.push(Referrer { digest, content });
        }
        Ok(referrers)
    }

    /// What the registry lists by itself; `None` where it cannot.
    pub(super) async fn listed(
        &self,
        repository: &Repository,
        subject: Sha256,
    ) -> Result<Option<Entries>, RegistryError> {
        let mut path = format!("/v2/{}/referrers/sha256:{subject}", repository.path());
        let mut found = Entries::new();
        for page in 0..MAX_PAGES {
            let answer = self.get(repository, &path, INDEX.to_owned(), MAX_MANIFEST).await?;
            match answer.status.as_u16() {
                200 => found.extend(entries(&answer.body)?),
                // What registries say that do not know the path.
                400 | 404 | 405 | 501 if page == 0 => return Ok(None),
                _ => return Err(answer.unexpected("referrers")),
            }
            match next(&answer) {
                Some(next) if found.len() <= MAX_REFERRERS => path = next,
                Some(_) | None => return Ok(Some(found)),
            }
        }
        Err(RegistryError::Invalid(format!("more than {MAX_PAGES} pages of referrers")))
    }

    /// What the tag lists that stands in for the registry's own list.
    pub(super) async fn tagged(
        &self,
        repository: &Repository,
        subject: Sha256,
    ) -> Result<Entries, RegistryError> {
        match self.manifest_at(repository, &At::Tag(fallback_tag(subject))).await {
            Ok(index) => entries(&index.bytes),
            Err(RegistryError::NotFound(_)) => Ok(Entries::new()),
            Err(error) => Err(error),
        }
    }

    /// The hash of the signature in a referrer that is a bundle.
    pub(super) async fn signature_in(
        &self,
        repository: &Repository,
        subject: Sha256,
        digest: Sha256,
    ) -> Result<Option<Sha256>, RegistryError> {
        match self.open(repository, subject, digest).await? {
            Referring::Bundle(json) => {
                Ok(Bundle::parse(&json).ok().map(|bundle| Sha256::of(bundle.content.signature())))
            }
            Referring::Envelope(_) | Referring::Other(_) | Referring::Unusable(_) => Ok(None),
        }
    }

    async fn open(
        &self,
        repository: &Repository,
        subject: Sha256,
        digest: Sha256,
    ) -> Result<Referring, RegistryError> {
        let unusable = |error: &RegistryError| Ok(Referring::Unusable(error.to_string()));
        let manifest = match self.manifest_at(repository, &At::Digest(digest)).await {
            Ok(manifest) => manifest,
            Err(error) if is_about_content(&error) => return unusable(&error),
            Err(error) => return Err(error),
        };
        type Made = fn(Vec<u8>) -> Referring;
        let (blob, limit, made): (Sha256, usize, Made) =
            match referrer::open(&manifest.bytes, &manifest.media_type, subject) {
                Holds::Other(other) => return Ok(other),
                Holds::Bundle(blob) => (blob, MAX_BUNDLE, Referring::Bundle),
                Holds::Envelope(blob) => (blob, MAX_ENVELOPE, Referring::Envelope),
            };
        match self.blob(repository, blob, limit).await {
            Ok(bytes) => Ok(made(bytes)),
            Err(error) if is_about_content(&error) => unusable(&error),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn get(
        &self,
        repository: &Repository,
        path: &str,
        accept: String,
        limit: usize,
    ) -> Result<Answer, RegistryError> {
        let headers = [("accept", accept)];
        let right = Right::Pull;
        let wanted = Wanted { method: Method::GET, path, headers: &headers, body: None, limit, right };
        self.transport.send(repository, &wanted).await
    }
}

/// Whether trying again would give the same: then it is said of that referrer alone, and the others still count.
const fn is_about_content(error: &RegistryError) -> bool {
    matches!(error, RegistryError::NotFound(_) | RegistryError::Another { .. } | RegistryError::Invalid(_))
}

fn entries(index: &[u8]) -> Result<Entries, RegistryError> {
    match manifest::parse(index, INDEX) {
        Ok(Parsed::Index { manifests }) => {
            let named = |entry: &Descriptor| parse_digest(entry.annotations.get(SIGNATURE)?).ok();
            Ok(manifests.into_iter().map(|entry| (entry.digest, named(&entry))).collect())
        }
        Ok(Parsed::Image { .. }) => {
            Err(RegistryError::Invalid("its list of referrers is no index".to_owned()))
        }
        Err(error) => Err(RegistryError::Invalid(format!("its list of referrers: {error}"))),
    }
}

/// `Link: </v2/…>; rel="next"` (RFC 8288).
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let (target, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.contains("rel=\"next\"").then(|| target.to_owned())
}
