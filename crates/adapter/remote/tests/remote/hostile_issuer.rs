//! A hostile or broken issuer: nothing that it does brings wrong keys, follows it elsewhere, or holds us up.

use std::sync::Arc;
use std::time::Duration;

use crate::peer::{Answer, HandClock, Peer, ok};
use chancery_core::id::IssuerName;
use chancery_core::port::issuer_keys::{IssuerKeys as _, IssuerKeysError};
use chancery_identity::dev_issuer::DevKey;
use chancery_identity::issuer::{Issuer, Reach};
use chancery_identity::issuers_toml;
use chancery_remote::discovery::{DiscoveryError, fetch_keys};
use chancery_remote::http::{Http, HttpError, Limits};
use chancery_remote::issuer_keys::RegisteredKeys;
use chancery_remote::jwks::{Freshness, KeyCache, KeysError};

const DISCOVERY: &str = "/.well-known/openid-configuration";
const HONEST: &str = r#"{"issuer":"{origin}","jwks_uri":"{origin}/jwks","more":[1]}"#;

fn limits() -> Limits {
    Limits { connect: Duration::from_secs(2), total: Duration::from_secs(20), size: 128 * 1024 }
}

fn issuer(url: &str) -> Issuer {
    let text = format!(
        "[issuer.h]\nurl = \"{url}\"\ndialect = \"generic\"\nalgorithms = [\"ES256\"]\nkey_hosts = [\"keys.example\"]\n"
    );
    issuers_toml::load(&text).unwrap().find(url).unwrap().clone()
}

/// Fetches with an honest discovery document unless `discovery` says otherwise.
async fn outcome(discovery: Answer, keys: Answer) -> (Result<(), DiscoveryError>, usize) {
    let peer =
        Peer::start(move |path| if path == DISCOVERY { discovery.clone() } else { keys.clone() }).await;
    let http = Http::new(Reach::Loopback, limits()).unwrap();
    let found = fetch_keys(&http, &issuer(&peer.origin)).await;
    (found.map(|_| ()), peer.hits())
}

fn document(issuer: &str, keys: &str) -> Answer {
    ok(format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}"}}"#))
}

#[tokio::test]
async fn an_honest_issuer_is_heard() {
    let keys = DevKey::generate().unwrap().jwks();
    let (found, hits) = outcome(ok(HONEST), ok(keys)).await;
    found.unwrap();
    assert_eq!(hits, 2);
}

#[tokio::test]
async fn discovery_documents_that_lie_are_refused() {
    let keys = DevKey::generate().unwrap().jwks();
    for named in [
        "https://token.actions.githubusercontent.com",
        "{origin}/",
        "{origin}/x",
        "",
        "http://127.0.0.1",
        "http://localhost",
    ] {
        let (found, hits) = outcome(document(named, "{origin}/jwks"), ok(keys.as_str())).await;
        assert!(matches!(found, Err(DiscoveryError::IssuerMismatch { .. })), "{named}: {found:?}");
        assert_eq!(hits, 1, "keys were asked for: {named}");
    }
    for uri in [
        "https://evil.example/jwks",
        "http://evil.example/jwks",
        "http://keys.example/jwks",
        "https://keys.example:8443/jwks",
        "https://keys.example.evil.example/jwks",
        "https://evil.example/keys.example",
        "http://127.0.0.1:1/jwks",
        "http://127.0.0.1/jwks",
        "http://169.254.169.254/latest/meta-data",
        "http://user@127.0.0.1/jwks",
        "//evil.example/jwks",
        "/jwks",
        "jwks",
        "file:///etc/passwd",
        "data:application/json,{}",
        "javascript:1",
        "",
        "{origin}@evil.example/jwks",
        "{origin}/jwks#x",
    ] {
        let (found, hits) = outcome(document("{origin}", uri), ok(keys.as_str())).await;
        assert!(matches!(found, Err(DiscoveryError::KeyHost { .. })), "{uri}: {found:?}");
        assert_eq!(hits, 1, "keys were asked for: {uri}");
    }
    for body in [
        "",
        "[]",
        "{}",
        "null",
        r#"{"issuer":1,"jwks_uri":"x"}"#,
        r#"{"issuer":"{origin}"}"#,
        r#"{"issuer":"{origin}","issuer":"{origin}","jwks_uri":"{origin}/jwks"}"#,
        "<html>",
    ] {
        let (found, hits) = outcome(ok(body), ok(keys.as_str())).await;
        assert!(matches!(found, Err(DiscoveryError::Document(_))), "{body}: {found:?}");
        assert_eq!(hits, 1);
    }
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let keys = DevKey::generate().unwrap().jwks();
    let statuses = [301, 302, 303, 307, 308, 300, 304];
    let targets = ["{origin}/elsewhere", "https://evil.example/", "http://169.254.169.254/"];
    for (status, target) in statuses.into_iter().flat_map(|status| targets.map(|target| (status, target))) {
        let redirect = Answer::Is(status, format!("location: {target}\r\n"), String::new());
        for (first, second, hits) in
            [(redirect.clone(), ok(keys.as_str()), 1), (ok(HONEST), redirect.clone(), 2)]
        {
            let (found, made) = outcome(first, second).await;
            let redirected = matches!(&found, Err(DiscoveryError::Fetch { source: HttpError::Redirect, .. }));
            assert!(redirected, "{status} {target}: {found:?}");
            assert_eq!(made, hits, "{status} {target}");
        }
    }
}

#[tokio::test]
async fn other_statuses_and_broken_connections_are_failures() {
    for status in [201, 204, 206, 400, 401, 403, 404, 410, 418, 429, 500, 502, 503] {
        let (found, _) = outcome(Answer::Is(status, String::new(), HONEST.to_owned()), ok("{}")).await;
        let seen =
            matches!(&found, Err(DiscoveryError::Fetch { source: HttpError::Status(s), .. }) if *s == status);
        assert!(seen, "{status}: {found:?}");
    }
    let (found, _) = outcome(Answer::Hangup, ok("{}")).await;
    assert!(matches!(found, Err(DiscoveryError::Fetch { source: HttpError::Transport(_), .. })), "{found:?}");
}

#[tokio::test]
async fn floods_and_drips_end_early() {
    for announced in [true, false] {
        let flood = Answer::Flood { bytes: 64 << 20, announced };
        for (first, second) in [(flood.clone(), ok("{}")), (ok(HONEST), flood.clone())] {
            let (found, _) = outcome(first, second).await;
            assert!(
                matches!(found, Err(DiscoveryError::Fetch { source: HttpError::Size(_), .. })),
                "{announced}: {found:?}"
            );
        }
    }
    let peer = Peer::start(|_| Answer::Drip).await;
    let short = Limits { total: Duration::from_millis(300), ..limits() };
    let http = Http::new(Reach::Loopback, short).unwrap();
    let found = http.get(&peer.origin).await;
    assert!(matches!(found, Err(HttpError::Timeout)), "the drip of 2000 s was cut off: {found:?}");
}

#[tokio::test]
async fn key_sets_that_are_broken_are_refused() {
    let honest = DevKey::generate().unwrap().jwks();
    let other = DevKey::generate().unwrap().jwks();
    let key: serde_json::Value = serde_json::from_str(&honest).unwrap();
    let key = &key["keys"][0];
    let theirs: serde_json::Value = serde_json::from_str(&other).unwrap();
    let changed = |name: &str, value: serde_json::Value| {
        let mut key = key.clone();
        key[name] = value;
        serde_json::json!({ "keys": [key] }).to_string()
    };
    let mut twin = theirs["keys"][0].clone();
    twin["kid"] = key["kid"].clone();
    let many = |count: usize| {
        let keys: Vec<_> = (0..count)
            .map(|index| {
                let mut key = key.clone();
                key["kid"] = serde_json::json!(format!("k{index}"));
                key
            })
            .collect();
        serde_json::json!({ "keys": keys }).to_string()
    };
    let oct = serde_json::json!({"kty": "oct", "k": "AAAA", "kid": "s", "alg": "HS256"});
    for (what, set) in [
        ("empty", String::new()),
        ("not a set", "{}".to_owned()),
        ("no keys", r#"{"keys":[]}"#.to_owned()),
        ("keys twice", format!("{{\"keys\":[],{}", &honest[1..])),
        ("65 keys", many(65)),
        ("600 keys", many(600)),
        ("a key is text", r#"{"keys":["x"]}"#.to_owned()),
        ("symmetric", serde_json::json!({ "keys": [oct] }).to_string()),
        ("symmetric among good", serde_json::json!({ "keys": [key, oct] }).to_string()),
        ("private", changed("d", serde_json::json!("AAAA"))),
        ("one id, two keys", serde_json::json!({ "keys": [key, twin] }).to_string()),
        ("for encryption", changed("use", serde_json::json!("enc"))),
        ("for signing only", changed("key_ops", serde_json::json!(["sign"]))),
        ("other algorithm", changed("alg", serde_json::json!("RS256"))),
        ("unregistered algorithm", changed("alg", serde_json::json!("ES384"))),
        ("other curve", changed("crv", serde_json::json!("P-384"))),
        ("other type", changed("kty", serde_json::json!("RSA"))),
        ("not on the curve", changed("x", serde_json::json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))),
        ("short coordinate", changed("x", serde_json::json!("AAAA"))),
        ("padded", changed("x", serde_json::json!(format!("{}=", key["x"].as_str().unwrap())))),
        ("kid is a number", changed("kid", serde_json::json!(1))),
        ("trailing data", format!("{honest}x")),
        ("html", "<html>".to_owned()),
    ] {
        let (found, _) = outcome(ok(HONEST), ok(set)).await;
        assert!(matches!(found, Err(DiscoveryError::Keys { .. })), "{what}: {found:?}");
    }
    outcome(ok(HONEST), ok(many(64))).await.0.unwrap();
    let too_long = format!("{honest}{}", " ".repeat(200_000));
    let (found, _) = outcome(ok(HONEST), ok(too_long)).await;
    assert!(matches!(found, Err(DiscoveryError::Fetch { source: HttpError::Size(_), .. })), "{found:?}");
    let (found, _) = outcome(ok(HONEST), ok(many(10_000))).await;
    assert!(matches!(found, Err(DiscoveryError::Fetch { source: HttpError::Size(_), .. })), "{found:?}");
}

#[tokio::test]
async fn addresses_out_of_reach_are_never_contacted() {
    let peer = Peer::start(|_| ok("{}")).await;
    let port = peer.origin.rsplit(':').next().unwrap().to_owned();
    for reach in [Reach::Public, Reach::Private] {
        let http = Http::new(reach, limits()).unwrap();
        for host in [
            "127.0.0.1",
            "localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "2130706433",
            "0x7f000001",
            "127.1",
            "0",
        ] {
            let found = http.get(&format!("https://{host}:{port}/")).await;
            assert!(matches!(found, Err(HttpError::Address(_))), "{host}: {found:?}");
        }
        for host in ["169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "0.0.0.0", "[::]"] {
            let found = http.get(&format!("https://{host}/latest/meta-data")).await;
            assert!(matches!(found, Err(HttpError::Address(_))), "{host}: {found:?}");
        }
        for url in [
            "http://127.0.0.1/",
            "http://issuer.example/",
            "https://user@issuer.example/",
            "https://:p@issuer.example/",
            "ftp://issuer.example/",
            "file:///etc/passwd",
            "https://",
            "x",
            "https://issuer.example/#x",
        ] {
            assert!(matches!(http.get(url).await, Err(HttpError::Url)), "{url}");
        }
    }
    let http = Http::new(Reach::Public, limits()).unwrap();
    assert!(matches!(http.get("https://10.0.0.1/").await, Err(HttpError::Address(_))));
    let http = Http::new(Reach::Loopback, limits()).unwrap();
    assert!(matches!(http.get("http://10.0.0.1/").await, Err(HttpError::Address(_))));
    assert_eq!(peer.hits(), 0);
    http.get(&peer.origin).await.unwrap();
}

struct World {
    peer: Peer,
    clock: Arc<HandClock>,
    cache: Arc<KeyCache>,
    issuer: Issuer,
}

fn serves(keys: String) -> impl Fn(&str) -> Answer + Send + 'static {
    move |path| if path == DISCOVERY { ok(HONEST) } else { ok(keys.as_str()) }
}

async fn world(keys: &str) -> World {
    let peer = Peer::start(serves(keys.to_owned())).await;
    let clock = HandClock::at(1_800_000_000);
    let cache = Arc::new(KeyCache::new(Arc::clone(&clock) as _, Freshness::default(), limits()));
    let issuer = issuer(&peer.origin);
    World { peer, clock, cache, issuer }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_at_once_are_one_fetch() {
    let keys = DevKey::generate().unwrap().jwks();
    let world = world(&keys).await;
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let held = Arc::clone(&gate);
    world.peer.behave(move |path| {
        if path == DISCOVERY { Answer::Gate(Arc::clone(&held), HONEST.to_owned()) } else { ok(keys.as_str()) }
    });
    let mut tasks = Vec::new();
    for _ in 0..64 {
        let (cache, issuer) = (Arc::clone(&world.cache), world.issuer.clone());
        tasks
            .push(tokio::spawn(async move { cache.keys(&issuer, None).await.map(|found| found.text.len()) }));
    }
    while world.peer.hits() == 0 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(64);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(world.peer.hits(), 2, "one discovery document and one key set");
}

#[tokio::test]
async fn an_outage_is_bridged_for_an_hour_and_no_longer() {
    let world = world(&DevKey::generate().unwrap().jwks()).await;
    let fetched = world.cache.keys(&world.issuer, None).await.unwrap().fetched_at;
    world.peer.behave(|_| Answer::Is(503, String::new(), String::new()));
    let mut attempts = world.peer.hits();
    for _ in 0..11 {
        world.clock.advance(300);
        assert_eq!(world.cache.keys(&world.issuer, None).await.unwrap().fetched_at, fetched);
        assert_eq!(world.peer.hits(), attempts + 1, "one attempt per period");
        // A second caller within the cool-down causes none.
        world.cache.keys(&world.issuer, None).await.unwrap();
        assert_eq!(world.peer.hits(), attempts + 1);
        attempts = world.peer.hits();
    }
    world.clock.advance(299);
    world.cache.keys(&world.issuer, None).await.unwrap();
    world.clock.advance(1);
    let failure = world.cache.keys(&world.issuer, None).await;
    assert!(matches!(failure, Err(KeysError::Unavailable { .. })), "{failure:?}");
    world.peer.behave(serves(DevKey::generate().unwrap().jwks()));
    world.clock.advance(30);
    world.cache.keys(&world.issuer, None).await.unwrap();
}

#[tokio::test]
async fn a_broken_set_does_not_displace_a_good_one_for_more_than_an_hour() {
    let world = world(&DevKey::generate().unwrap().jwks()).await;
    let good = world.cache.keys(&world.issuer, None).await.unwrap();
    world.peer.behave(serves(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_owned()));
    world.clock.advance(300);
    assert_eq!(world.cache.keys(&world.issuer, None).await.unwrap().text, good.text);
    world.clock.advance(3300);
    assert!(world.cache.keys(&world.issuer, None).await.is_err());
}

#[tokio::test]
async fn a_removed_key_stops_and_a_new_one_starts() {
    let (old, new) = (DevKey::generate().unwrap().jwks(), DevKey::generate().unwrap().jwks());
    let id = |set: &str| {
        let set: serde_json::Value = serde_json::from_str(set).unwrap();
        set["keys"][0]["kid"].as_str().unwrap().to_owned()
    };
    let world = world(&old).await;
    assert!(world.cache.keys(&world.issuer, Some(&id(&old))).await.unwrap().keys.has(Some(&id(&old))));
    world.peer.behave(serves(new.clone()));
    // Within the cool-down an unknown key causes no fetch, after it exactly one.
    for _ in 0..100 {
        assert!(!world.cache.keys(&world.issuer, Some("unknown")).await.unwrap().keys.has(Some("unknown")));
    }
    assert_eq!(world.peer.hits(), 2);
    world.clock.advance(30);
    let found = world.cache.keys(&world.issuer, Some(&id(&new))).await.unwrap();
    assert!(found.keys.has(Some(&id(&new))) && !found.keys.has(Some(&id(&old))));
    assert_eq!(world.peer.hits(), 4);
    for _ in 0..100 {
        world.cache.keys(&world.issuer, Some(&id(&old))).await.unwrap();
    }
    assert_eq!(world.peer.hits(), 4);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_make_keys_young_for_ever() {
    let world = world(&DevKey::generate().unwrap().jwks()).await;
    world.cache.keys(&world.issuer, None).await.unwrap();
    world.clock.advance(-86_400);
    world.cache.keys(&world.issuer, None).await.unwrap();
    assert_eq!(world.peer.hits(), 4);
}

#[tokio::test]
async fn pinned_keys_are_never_fetched() {
    let key = DevKey::generate().unwrap();
    let peer = Peer::start(|_| ok("{}")).await;
    let issuers = issuers_toml::load(&key.registration(&peer.origin)).unwrap();
    let clock = HandClock::at(0);
    let cache = KeyCache::new(Arc::clone(&clock) as _, Freshness::default(), limits());
    for _ in 0..10 {
        let found = cache.keys(issuers.find(&peer.origin).unwrap(), Some("unknown")).await.unwrap();
        assert_eq!(found.text, key.jwks());
        clock.advance(10_000);
    }
    assert_eq!(peer.hits(), 0);
}

#[tokio::test]
async fn the_port_asks_registered_issuers_only() {
    let set = DevKey::generate().unwrap().jwks();
    let peer = Peer::start(serves(set.clone())).await;
    let text =
        format!("[issuer.h]\nurl = \"{}\"\ndialect = \"generic\"\nalgorithms = [\"ES256\"]\n", peer.origin);
    let clock = HandClock::at(1_800_000_000);
    let cache = KeyCache::new(Arc::clone(&clock) as _, Freshness::default(), limits());
    let port = RegisteredKeys::new(cache, Arc::new(issuers_toml::load("").unwrap()));
    let name = IssuerName::parse("h").unwrap();
    assert!(matches!(port.keys(&name, None).await, Err(IssuerKeysError::Wrong { .. })));
    assert_eq!(peer.hits(), 0);
    port.replace(Arc::new(issuers_toml::load(&text).unwrap()));
    assert_eq!(port.keys(&name, None).await.unwrap(), set);
    peer.behave(|_| Answer::Hangup);
    clock.advance(4000);
    assert!(matches!(port.keys(&name, None).await, Err(IssuerKeysError::Unavailable { .. })));
    peer.behave(|_| ok("{}"));
    clock.advance(31);
    let wrong = port.keys(&name, None).await.unwrap_err();
    assert!(matches!(wrong, IssuerKeysError::Wrong { .. }), "{wrong}");
}
