//! The client of registries against a strict one: what is attached is there, survives others, and is found again.

use std::path::Path;
use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::port::registry::{Attach, Beside, Referring, Registry as _, RegistryError};
use chancery_core::time::Time;
use chancery_remote::registry::RegistryClient;
use chancery_remote::registry::credentials::Keychain;
use chancery_remote::registry::reach::{Allowed, Rule};
use chancery_testkit::distribution::{Demands, Distribution, Lists};
use serde_json::Value;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

fn client() -> RegistryClient {
    RegistryClient::new(Allowed::Loopback, Keychain::default())
}

fn digest(descriptor: &Value) -> Sha256 {
    Sha256::parse_hex(descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap()).unwrap()
}

/// A bundle is stored as it is; only its signature is ever looked for, so any of these will do.
fn bundle(text: &str) -> Beside {
    Beside::Bundle {
        json: format!("{{\"bundle\":\"{text}\"}}").into_bytes(),
        signature: text.as_bytes().to_vec(),
        predicate_type: "https://sigstore.dev/cosign/sign/v1".into(),
    }
}

fn simple(text: &str) -> Beside {
    Beside::Simple { payload: b"{}".to_vec(), signature: text.as_bytes().to_vec(), timestamp: None }
}

fn attach(repository: &str, image: &Value, signatures: Vec<Beside>) -> Attach {
    Attach {
        repository: repository.to_owned(),
        subject: digest(image),
        size: image["size"].as_u64().unwrap(),
        media_type: IMAGE.to_owned(),
        signatures,
        created: Time::from_seconds(1_700_000_000),
    }
}

async fn bundles(client: &RegistryClient, repository: &str, image: &Value) -> Vec<String> {
    let found = client.referrers(repository, digest(image)).await.unwrap();
    let mut texts: Vec<String> = found
        .into_iter()
        .filter_map(|referrer| match referrer.content {
            Referring::Bundle(json) => Some(String::from_utf8(json).unwrap()),
            Referring::Envelope(_) | Referring::Other(_) | Referring::Unusable(_) => None,
        })
        .collect();
    texts.sort();
    texts
}

#[tokio::test]
async fn signatures_are_found_where_registries_list_them_and_where_they_do_not() {
    for (lists, tagged) in [(Lists::Referrers, false), (Lists::Nothing, true)] {
        let registry = Distribution::start(lists, Demands::Nothing);
        let repository = registry.repository("acme/app");
        let image = registry.image("acme/app", "amd64");
        let client = client();
        let wish = attach(&repository, &image, vec![bundle("one"), simple("sig"), bundle("two")]);
        let places = client.attach(&wish).await.unwrap();
        let hex = digest(&image).to_string();
        assert_eq!(places.len(), 3, "{lists:?}");
        assert_eq!(places[0].tag, tagged.then(|| format!("sha256-{hex}")));
        assert_eq!(places[1].tag, Some(format!("sha256-{hex}.sig")));
        let found = bundles(&client, &repository, &image).await;
        assert_eq!(found, ["{\"bundle\":\"one\"}", "{\"bundle\":\"two\"}"], "{lists:?}");
        let index = registry.tagged("acme/app", &format!("sha256-{hex}"));
        assert_eq!(index.is_some(), tagged);
        if let Some(index) = index {
            let entry = &index["manifests"][0];
            assert_eq!(entry["artifactType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
            assert_eq!(entry["annotations"]["dev.sigstore.bundle.content"], "dsse-envelope");
        }
        let layers = registry.tagged("acme/app", &format!("sha256-{hex}.sig")).unwrap();
        assert_eq!(layers["layers"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_at_once_all_survive_on_a_registry_without_the_referrers_api() {
    let registry = Distribution::start(Lists::Nothing, Demands::Nothing);
    let repository = registry.repository("app");
    let image = registry.image("app", "amd64");
    let client = Arc::new(client());
    let mut running = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (text, client) = (format!("{number:02}"), Arc::clone(&client));
        let wish = attach(&repository, &image, vec![bundle(&text), simple(&text)]);
        running.spawn(async move { client.attach(&wish).await.map(drop) });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap().unwrap();
    }
    assert_eq!(bundles(&client, &repository, &image).await.len(), 16);
    let simple = registry.tagged("app", &format!("sha256-{}.sig", digest(&image))).unwrap();
    assert_eq!(simple["layers"].as_array().unwrap().len(), 16);
}

#[tokio::test]
async fn a_write_that_somebody_else_overwrote_is_made_again() {
    let registry = Distribution::start(Lists::Nothing, Demands::Nothing);
    let repository = registry.repository("app");
    let image = registry.image("app", "amd64");
    registry.lose(3);
    client().attach(&attach(&repository, &image, vec![bundle("one")])).await.unwrap();
    assert_eq!(bundles(&client(), &repository, &image).await.len(), 1);
    // One that never stays is an error, not a success.
    registry.lose(1000);
    let lost = client().attach(&attach(&repository, &image, vec![bundle("two")])).await;
    assert!(matches!(lost, Err(RegistryError::Unavailable(_))), "{lost:?}");
    let lost = client().attach(&attach(&repository, &image, vec![simple("two")])).await;
    assert!(matches!(lost, Err(RegistryError::Unavailable(_))), "{lost:?}");
}

#[tokio::test]
async fn what_is_not_the_signed_manifest_gets_no_signature() {
    let registry = Distribution::start(Lists::Referrers, Demands::Nothing);
    let repository = registry.repository("app");
    let image = registry.image("app", "amd64");
    let good = attach(&repository, &image, vec![bundle("one")]);
    let other_size = Attach { size: good.size + 1, ..good.clone() };
    let other_type = Attach { media_type: "application/vnd.oci.image.index.v1+json".into(), ..good.clone() };
    for wrong in [other_size, other_type] {
        let refused = client().attach(&wrong).await;
        assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{refused:?}");
    }
    let absent = Attach { subject: Sha256::of(b"absent"), ..good.clone() };
    assert!(matches!(client().attach(&absent).await, Err(RegistryError::NotFound(_))));
    registry.exchange(image["digest"].as_str().unwrap(), b"{}");
    assert!(matches!(client().attach(&good).await, Err(RegistryError::Another { .. })));
    assert!(registry.log().iter().all(|line| line.starts_with("GET ")), "{:?}", registry.log());
}

#[tokio::test]
async fn a_failing_registry_is_never_one_without_signatures() {
    for lists in [Lists::Referrers, Lists::Nothing] {
        let registry = Distribution::start(lists, Demands::Nothing);
        let repository = registry.repository("app");
        let image = registry.image("app", "amd64");
        client().attach(&attach(&repository, &image, vec![bundle("one")])).await.unwrap();
        for (place, status) in
            [("/referrers/", 500), ("/manifests/sha256-", 503), ("/manifests/", 429), ("/blobs/", 500)]
        {
            registry.fail(Some((place, status)));
            let found = client().referrers(&repository, digest(&image)).await;
            assert!(matches!(found, Err(RegistryError::Unavailable(_))), "{lists:?} {place}: {found:?}");
        }
        registry.fail(Some(("/v2/", 403)));
        let found = client().referrers(&repository, digest(&image)).await;
        assert!(matches!(found, Err(RegistryError::Denied(_))), "{found:?}");
        registry.fail(None);
        assert_eq!(bundles(&client(), &repository, &image).await.len(), 1);
    }
    // Nobody listens there.
    let gone = client().referrers("127.0.0.1:1/app", Sha256::of(b"x")).await;
    assert!(matches!(gone, Err(RegistryError::Unavailable(_))), "{gone:?}");
}

#[tokio::test]
async fn an_exchanged_bundle_is_unusable_and_the_others_still_count() {
    let registry = Distribution::start(Lists::Nothing, Demands::Nothing);
    let repository = registry.repository("app");
    let image = registry.image("app", "amd64");
    client().attach(&attach(&repository, &image, vec![bundle("one"), bundle("two")])).await.unwrap();
    registry.exchange(&format!("sha256:{}", Sha256::of(b"{\"bundle\":\"one\"}")), b"{\"bundle\":\"evil\"}");
    let found = client().referrers(&repository, digest(&image)).await.unwrap();
    let unusable = found.iter().filter(|one| matches!(one.content, Referring::Unusable(_))).count();
    assert_eq!((found.len(), unusable), (2, 1));
}

#[tokio::test]
async fn credentials_go_to_the_registry_that_they_are_for() {
    for demands in [Demands::Basic, Demands::Token] {
        let registry = Distribution::start(Lists::Referrers, demands);
        let repository = registry.repository("app");
        let image = registry.image("app", "amd64");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        let login = |path: &Path, host: &str, auth: &str| {
            std::fs::write(path, format!("{{\"auths\":{{\"{host}\":{{\"auth\":\"{auth}\"}}}}}}")).unwrap();
        };
        let client = || RegistryClient::new(Allowed::Loopback, Keychain::new(vec![file.clone()]));
        let wish = attach(&repository, &image, vec![bundle("one")]);
        assert!(matches!(client().attach(&wish).await, Err(RegistryError::Denied(_))), "{demands:?}");
        // user:wrong
        login(&file, &registry.host(), "dXNlcjp3cm9uZw==");
        assert!(matches!(client().attach(&wish).await, Err(RegistryError::Denied(_))), "{demands:?}");
        login(&file, "127.0.0.1:1", "dXNlcjpzZWNyZXQ=");
        assert!(matches!(client().attach(&wish).await, Err(RegistryError::Denied(_))), "{demands:?}");
        // user:secret
        login(&file, &registry.host(), "dXNlcjpzZWNyZXQ=");
        client().attach(&wish).await.unwrap();
        assert_eq!(bundles(&client(), &repository, &image).await.len(), 1, "{demands:?}");
    }
}

#[tokio::test]
async fn only_registries_that_are_named_are_ever_asked() {
    let registry = Distribution::start(Lists::Referrers, Demands::Nothing);
    let image = registry.image("other/app", "amd64");
    let repository = registry.repository("other/app");
    let rule =
        Rule { host: registry.host(), repositories: vec!["acme/*".into()], plain_http: false, roots: None };
    let client = RegistryClient::new(Allowed::Rules(vec![rule]), Keychain::default());
    let wish = attach(&repository, &image, vec![bundle("one")]);
    assert!(matches!(client.attach(&wish).await, Err(RegistryError::NotAllowed(_))));
    let metadata = client.manifest("169.254.169.254/latest", "meta-data").await;
    assert!(matches!(metadata, Err(RegistryError::NotAllowed(_))), "{metadata:?}");
    assert!(registry.log().is_empty());
    // A person's client goes where the person says, but never to what only this machine should reach.
    let anything = RegistryClient::new(Allowed::Anything, Keychain::default());
    let metadata = anything.manifest("169.254.169.254/latest", "meta-data").await;
    assert!(matches!(metadata, Err(RegistryError::NotAllowed(_))), "{metadata:?}");
    for path in ["x/../../y:v1", "a/b?x=1"] {
        let odd = anything.manifest(&format!("{}/{path}", registry.host()), "v1").await;
        assert!(matches!(odd, Err(RegistryError::NotAllowed(_))), "{odd:?}");
    }
    let odd = anything.manifest(&repository, "../../../x").await;
    assert!(matches!(odd, Err(RegistryError::NotFound(_))), "{odd:?}");
    assert!(registry.log().is_empty(), "{:?}", registry.log());
}
