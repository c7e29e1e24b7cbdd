//! Container registries: the client of the distribution protocol (OCI distribution specification 1.1).
//!
//! ```text
//! GET  /v2/<path>/manifests/<digest or tag>        the manifest, hashed here
//! GET  /v2/<path>/referrers/<digest>               what refers to it; 404 where the registry is older
//! GET  /v2/<path>/manifests/sha256-<hex>           the index that stands in for it
//! POST /v2/<path>/blobs/uploads/ · PUT <location>  a blob
//! PUT  /v2/<path>/manifests/<digest or tag>        a manifest
//! ```
//! Everything that comes is bounded and hashed; nothing is believed because a list says so. Which registries may be
//! reached at all is [`reach`]'s to say.

mod attach;
mod challenge;
mod client;
pub mod credentials;
pub mod reach;
mod read;
mod serial;
mod transport;

pub use client::RegistryClient;
