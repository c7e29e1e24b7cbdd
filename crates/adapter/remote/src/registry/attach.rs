//! Writing: signatures beside their subject, read back until they are there.
//!
//! ```text
//! bundle, envelope   blob → manifest that refers to the subject → (where the registry does not list it) tag sha256-<hex>
//! simple             blob → manifest under tag sha256-<hex>.sig
//! ```
//! Another writer that does not know of us may overwrite a tag between our reading and our writing, and we its; so what
//! was written is read back, and written again onto what is there then.

use std::time::Duration;

use chancery_core::digest::Sha256;
use chancery_core::port::registry::{Attach, Beside, MAX_MANIFEST, Manifest, Place, RegistryError};
use chancery_format::notary;
use chancery_format::oci::fallback;
use chancery_format::oci::manifest::{IMAGE, INDEX, InvalidManifest};
use chancery_format::oci::reference::{At, Repository, fallback_tag, simple_tag};
use chancery_format::oci::referrer::{EMPTY, Referrer};
use chancery_format::oci::simple::{self, Signature, Stamp};
use reqwest::{Method, StatusCode};

use super::client::RegistryClient;
use super::transport::{Answer, Right, Wanted};

/// How often a tag is written before its other writers win.
const ATTEMPTS: u32 = 8;
/// Pause before a tag is written again; grows with each attempt.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest answer to a write in bytes.
const MAX_ANSWER: usize = 64 << 10;

impl RegistryClient {
    /// Puts every signature beside the subject.
    pub(super) async fn put_beside(
        &self,
        repository: &Repository,
        attach: &Attach,
        subject: &Manifest,
    ) -> Result<Vec<Place>, RegistryError> {
        let size = u64::try_from(subject.bytes.len()).unwrap_or(u64::MAX);
        if size != attach.size || subject.media_type != attach.media_type {
            let what =
                format!("the manifest has {size} bytes of {}, not what was signed", subject.media_type);
            return Err(RegistryError::Invalid(what));
        }
        let referrers = self.put_referrers(repository, attach).await?;
        let mut referrers = referrers.into_iter();
        let mut places = Vec::with_capacity(attach.signatures.len());
        for beside in &attach.signatures {
            places.push(match beside {
                Beside::Bundle { .. } | Beside::Envelope { .. } => referrers
                    .next()
                    .ok_or_else(|| RegistryError::Invalid("a signature without a place".to_owned()))?,
                Beside::Simple { payload, signature, timestamp } => {
                    let signature = Signature {
                        payload: payload.clone(),
                        signature: signature.clone(),
                        timestamp: timestamp.clone().map(Stamp),
                    };
                    self.put_simple(repository, attach.subject, &signature).await?
                }
            });
        }
        Ok(places)
    }

    async fn put_referrers(
        &self,
        repository: &Repository,
        attach: &Attach,
    ) -> Result<Vec<Place>, RegistryError> {
        let fresh = attach.signatures.iter().filter_map(|beside| fresh(attach, beside).transpose());
        let fresh = fresh.collect::<Result<Vec<Fresh<'_>>, RegistryError>>()?;
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        let is_named = fresh.iter().any(|one| one.name.is_some());
        let known = if is_named { self.known(repository, attach.subject).await? } else { Vec::new() };
        let mut unlisted = Vec::new();
        let mut places = Vec::with_capacity(fresh.len());
        for Fresh { name, referrer, blob } in fresh {
            if let Some(place) = known.iter().find(|known| Some(known.0) == name) {
                places.push(place.1.clone());
                continue;
            }
            self.put_blob(repository, EMPTY).await?;
            self.put_blob(repository, blob).await?;
            let at = At::Digest(referrer.digest());
            let answer = self.put_manifest(repository, &at, IMAGE, referrer.manifest.clone()).await?;
            let manifest = format!("sha256:{}", referrer.digest());
            // The registry says that it took notice of the subject (distribution specification, "Pushing Manifests with
            // Subject").
            let tag = if answer.header("oci-subject").is_some() {
                self.manifest_at(repository, &at).await?;
                None
            } else {
                unlisted.push(referrer);
                Some(fallback_tag(attach.subject))
            };
            places.push(Place { manifest, tag });
        }
        if !unlisted.is_empty() {
            self.list(repository, attach.subject, &unlisted).await?;
        }
        Ok(places)
    }

    /// Signatures that are there already, by their hash, each one confirmed in its bundle.
    async fn known(
        &self,
        repository: &Repository,
        subject: Sha256,
    ) -> Result<Vec<(Sha256, Place)>, RegistryError> {
        let mut found = Vec::new();
        let listed = self.listed(repository, subject).await?.unwrap_or_default();
        let tagged = self.tagged(repository, subject).await?;
        let tag = Some(fallback_tag(subject));
        let all =
            listed.iter().map(|entry| (entry, None)).chain(tagged.iter().map(|entry| (entry, tag.clone())));
        for ((digest, named), tag) in all {
            // ATTACK: whoever may write here could name our signature on something else, so that ours stays away.
            if let Some(name) = named
                && self.signature_in(repository, subject, *digest).await? == Some(*name)
            {
                found.push((*name, Place { manifest: format!("sha256:{digest}"), tag }));
            }
        }
        Ok(found)
    }

    /// Adds referrers to the tag that lists them, until it does.
    async fn list(
        &self,
        repository: &Repository,
        subject: Sha256,
        referrers: &[Referrer],
    ) -> Result<(), RegistryError> {
        let at = At::Tag(fallback_tag(subject));
        for attempt in 0..ATTEMPTS {
            let there = self.there(repository, &at).await?;
            let bytes = there.as_ref().map(|manifest| manifest.bytes.as_slice());
            let Some(index) = fallback::add(bytes, referrers).map_err(invalid)? else { return Ok(()) };
            self.put_manifest(repository, &at, INDEX, index).await?;
            let written = self.there(repository, &at).await?;
            if written.is_some_and(|written| fallback::lists(&written.bytes, referrers)) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE.saturating_mul(attempt.saturating_add(1))).await;
        }
        Err(RegistryError::Unavailable(format!("others overwrite tag `{at}` all the time")))
    }

    async fn put_simple(
        &self,
        repository: &Repository,
        subject: Sha256,
        signature: &Signature,
    ) -> Result<Place, RegistryError> {
        let tag = simple_tag(subject);
        let at = At::Tag(tag.clone());
        for attempt in 0..ATTEMPTS {
            let there = self.there(repository, &at).await?;
            let existing =
                there.as_ref().map(|manifest| (manifest.bytes.as_slice(), manifest.media_type.as_str()));
            let added = simple::add(existing, signature).map_err(invalid)?;
            let Some(tagged) = added else {
                let digest = there.map(|manifest| manifest.digest.to_string()).unwrap_or_default();
                return Ok(Place { manifest: format!("sha256:{digest}"), tag: Some(tag) });
            };
            self.put_blob(repository, &signature.payload).await?;
            self.put_blob(repository, &tagged.config).await?;
            self.put_manifest(repository, &at, IMAGE, tagged.manifest).await?;
            let written = self.there(repository, &at).await?;
            if let Some(written) = written
                && simple::holds(&written.bytes, &written.media_type, signature)
            {
                return Ok(Place { manifest: format!("sha256:{}", written.digest), tag: Some(tag) });
            }
            tokio::time::sleep(PAUSE.saturating_mul(attempt.saturating_add(1))).await;
        }
        Err(RegistryError::Unavailable(format!("others overwrite tag `{tag}` all the time")))
    }

    async fn there(&self, repository: &Repository, at: &At) -> Result<Option<Manifest>, RegistryError> {
        match self.manifest_at(repository, at).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(RegistryError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn put_manifest(
        &self,
        repository: &Repository,
        at: &At,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<Answer, RegistryError> {
        if bytes.len() > MAX_MANIFEST {
            return Err(RegistryError::Invalid("the list of signatures is larger than 4 MiB".to_owned()));
        }
        let path = format!("/v2/{}/manifests/{at}", repository.path());
        let answer = self.write(repository, Method::PUT, &path, (media_type, Some(bytes))).await?;
        match answer.status {
            StatusCode::CREATED | StatusCode::OK | StatusCode::ACCEPTED => Ok(answer),
            _ => Err(answer.unexpected(&format!("{repository} {at}"))),
        }
    }

    /// Puts a blob where it is not there yet.
    async fn put_blob(&self, repository: &Repository, bytes: &[u8]) -> Result<(), RegistryError> {
        let digest = Sha256::of(bytes);
        let path = format!("/v2/{}/blobs/sha256:{digest}", repository.path());
        let answer = self.write(repository, Method::HEAD, &path, ("", None)).await?;
        if answer.status == StatusCode::OK {
            return Ok(());
        }
        let path = format!("/v2/{}/blobs/uploads/", repository.path());
        let begun = self.write(repository, Method::POST, &path, ("", None)).await?;
        if begun.status != StatusCode::ACCEPTED {
            return Err(begun.unexpected("an upload"));
        }
        let location = begun.header("location").unwrap_or_default();
        let separator = if location.contains('?') { '&' } else { '?' };
        let place = format!("{location}{separator}digest=sha256:{digest}");
        let kind = "application/octet-stream";
        let answer = self.write(repository, Method::PUT, &place, (kind, Some(bytes.to_vec()))).await?;
        match answer.status {
            StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            _ => Err(answer.unexpected("an upload")),
        }
    }

    async fn write(
        &self,
        repository: &Repository,
        method: Method,
        path: &str,
        (kind, body): (&str, Option<Vec<u8>>),
    ) -> Result<Answer, RegistryError> {
        let headers = if body.is_some() { vec![("content-type", kind.to_owned())] } else { Vec::new() };
        let right = Right::Push;
        let wanted = Wanted { method, path, headers: &headers, body, limit: MAX_ANSWER, right };
        self.transport.send(repository, &wanted).await
    }
}

/// A referrer that is to be there.
struct Fresh<'a> {
    /// The signature by its hash, where the same signature may come in other bytes: a bundle's proof grows with the ledger.
    name: Option<Sha256>,
    referrer: Referrer,
    blob: &'a [u8],
}

/// What refers to the subject, made from a signature; `None` for those that lie under a tag of their own.
fn fresh<'a>(attach: &Attach, beside: &'a Beside) -> Result<Option<Fresh<'a>>, RegistryError> {
    match beside {
        Beside::Bundle { json, predicate_type, signature } => {
            let name = Sha256::of(signature);
            let referrer = Referrer::of_bundle(attach, json, predicate_type, name);
            Ok(Some(Fresh { name: Some(name), referrer, blob: json }))
        }
        // The same envelope has the same manifest, and is put there once because of that.
        Beside::Envelope { bytes } => {
            let referrer = notary::manifest::referrer(bytes)
                .map_err(|error| RegistryError::Invalid(format!("an envelope: {error}")))?;
            Ok(Some(Fresh { name: None, referrer, blob: bytes }))
        }
        Beside::Simple { .. } => Ok(None),
    }
}

fn invalid(error: InvalidManifest) -> RegistryError {
    RegistryError::Invalid(format!("what is there already: {error}"))
}
