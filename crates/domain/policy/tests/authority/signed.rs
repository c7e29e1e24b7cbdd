//! Signed versions: the chain from the pinned root on, and every way to break it, each with its code.

use chancery_core::digest::Sha256;
use chancery_core::id::PolicyVersion;
use chancery_policy::documents::Documents;
use chancery_policy::governance::header::Header;
use chancery_policy::governance::refused::GovernanceRefused;
use chancery_policy::governance::signed::{Position, SignatureSet, SignedVersion, accept};
use chancery_testkit::ssh::SshTestKey;

use crate::world::{LEDGER, NAMESPACE, documents, person, root, sign};

/// Alice with two keys, Bob and Carol; two of them are enough.
struct World {
    alice: [SshTestKey; 2],
    bob: SshTestKey,
    carol: SshTestKey,
    root: String,
}

impl World {
    fn new() -> Self {
        let alice = [SshTestKey::ed25519(), SshTestKey::generate("sk-ssh-ed25519@openssh.com")];
        let (bob, carol) = (SshTestKey::generate("ecdsa-sha2-nistp256"), SshTestKey::ed25519());
        let people =
            [person("alice", &[&alice[0], &alice[1]]), person("bob", &[&bob]), person("carol", &[&carol])];
        let root = root(1, None, 2, &people);
        Self { alice, bob, carol, root }
    }
    fn pinned(&self) -> Position<'static> {
        Position::Beginning { root: Sha256::of(self.root.as_bytes()), ledger: LEDGER }
    }
    fn first(&self) -> SignedVersion {
        let documents = documents(&self.root, None, "one");
        let set = sign(&header(&documents, 1, None), &[&self.alice[0], &self.bob]);
        accept(documents, &set, &self.pinned()).unwrap()
    }
    /// Documents of a second version.
    fn second(&self) -> Documents {
        documents(&self.root, None, "two")
    }
}

fn header(documents: &Documents, sequence: u64, previous: Option<PolicyVersion>) -> Header {
    Header { ledger: LEDGER.to_owned(), previous, sequence, version: documents.version() }
}

fn names(version: &SignedVersion) -> Vec<&str> {
    version.signers().iter().map(chancery_core::id::PersonId::as_str).collect()
}

fn code(result: Result<SignedVersion, GovernanceRefused>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn versions_follow_one_another_from_the_pinned_root() {
    let world = World::new();
    let first = world.first();
    assert_eq!(names(&first), ["alice", "bob"]);
    assert_eq!((first.header().sequence, first.root().version()), (1, 1));
    let documents = world.second();
    let second = header(&documents, 2, Some(first.header().version));
    let set = sign(&second, &[&world.carol, &world.alice[1], &world.alice[0]]);
    let second = accept(documents, &set, &first.position()).unwrap();
    assert_eq!(names(&second), ["alice", "carol"]);
    assert_eq!(second.signatures(), set.sha256().unwrap());
}

#[test]
fn people_are_counted_not_keys() {
    let world = World::new();
    let documents = world.second();
    let header = header(&documents, 1, None);
    let same = [&world.alice[0], &world.alice[1], &world.alice[0]];
    let refused = accept(documents, &sign(&header, &same), &world.pinned()).unwrap_err();
    assert_eq!(refused, GovernanceRefused::TooFewPeople { actual: 1, expected: 2 });
    assert_eq!(refused.code(), "CH8007");
}

#[test]
fn a_version_out_of_place_is_refused() {
    let world = World::new();
    let first = world.first();
    let before = Some(first.header().version);
    let documents = world.second();
    let keys = [&world.alice[0], &world.bob];
    let at = |header: Header| accept(documents.clone(), &sign(&header, &keys), &first.position());
    let good = header(&documents, 2, before);
    assert!(at(good.clone()).is_ok());
    let other = Some(PolicyVersion::new(Sha256::of(b"other")));
    for (expected, header) in [
        ("CH8002", Header { ledger: "log2026.other.example".to_owned(), ..good.clone() }),
        ("CH8003", Header { sequence: 1, ..good.clone() }),
        ("CH8003", Header { sequence: 0, ..good.clone() }),
        ("CH8004", Header { sequence: 3, ..good.clone() }),
        ("CH8005", Header { previous: other, ..good.clone() }),
        ("CH8005", Header { previous: None, ..good.clone() }),
        ("CH8006", Header { version: first.header().version, ..good.clone() }),
    ] {
        assert_eq!(code(at(header)), expected);
    }
    // The version in force, applied again with its own true signatures, is a rollback too.
    let again = sign(first.header(), &keys);
    assert_eq!(code(accept(first.documents().clone(), &again, &first.position())), "CH8003");
    // At the beginning, only number 1 without a previous version, under the pinned root.
    assert_eq!(code(accept(documents.clone(), &sign(&good, &keys), &world.pinned())), "CH8004");
    let pin = Position::Beginning { root: Sha256::of(b"another"), ledger: LEDGER };
    assert_eq!(code(accept(documents.clone(), &sign(&header(&documents, 1, None), &keys), &pin)), "CH8010");
}

#[test]
fn signatures_that_prove_nothing_are_refused() {
    let world = World::new();
    let documents = world.second();
    let header = header(&documents, 1, None);
    let text = header.canonical().unwrap();
    let of = |signatures: Vec<String>| {
        let set = SignatureSet::new(text.clone(), signatures).unwrap();
        accept(documents.clone(), &set, &world.pinned())
    };
    let (alice, bob) =
        (world.alice[0].sign(NAMESPACE, text.as_bytes()), world.bob.sign(NAMESPACE, text.as_bytes()));
    assert!(of(vec![alice.clone(), bob.clone()]).is_ok());
    assert_eq!(code(of(Vec::new())), "CH8007");
    // One bad signature spoils the set, so that nothing unexplained is ever kept as evidence.
    let stranger = SshTestKey::ed25519().sign(NAMESPACE, text.as_bytes());
    let mut asleep = SshTestKey::generate("sk-ssh-ed25519@openssh.com");
    asleep.touch.flags = 0;
    for (expected, bad) in [
        ("CH8009", stranger),
        ("CH8008", world.carol.sign("approval@chancery", text.as_bytes())),
        ("CH8008", world.carol.sign("file", text.as_bytes())),
        ("CH8008", world.carol.sign(NAMESPACE, format!("{text}\n").as_bytes())),
        ("CH8008", asleep.sign(NAMESPACE, text.as_bytes())),
        ("CH8008", "not a signature".to_owned()),
    ] {
        assert_eq!(code(of(vec![alice.clone(), bob.clone(), bad])), expected);
    }
    for at in 0..bob.len() {
        let mut changed = bob.clone().into_bytes();
        changed[at] ^= 1;
        assert!(of(vec![alice.clone(), String::from_utf8(changed).unwrap()]).is_err(), "character {at}");
    }
    let many = (0..65).map(|n| n.to_string()).collect();
    assert_eq!(SignatureSet::new(text.clone(), many).unwrap_err().code(), "CH8001");
}

#[test]
fn a_new_root_needs_the_old_and_the_new() {
    let world = World::new();
    let first = world.first();
    let dave = SshTestKey::ed25519();
    let erin = SshTestKey::ed25519();
    let people = [person("carol", &[&world.carol]), person("dave", &[&dave]), person("erin", &[&erin])];
    let next = root(2, Some(&world.root), 2, &people);
    let with = |root: &str, keys: &[&SshTestKey]| {
        let documents = documents(root, None, "new root");
        let set = sign(&header(&documents, 2, Some(first.header().version)), keys);
        accept(documents, &set, &first.position())
    };
    let all = [&world.alice[0], &world.bob, &dave, &erin];
    let second = with(&next, &all).unwrap();
    assert_eq!((names(&second), second.root().version()), (vec!["alice", "bob"], 2));
    // Carol counts in both.
    assert!(with(&next, &[&world.carol, &world.bob, &dave]).is_ok());
    for too_few in [
        vec![&world.alice[0], &world.bob],
        vec![&dave, &erin],
        vec![&world.alice[0], &world.alice[1], &dave, &erin],
        vec![&world.alice[0], &world.bob, &dave],
        vec![&world.carol, &dave],
    ] {
        assert_eq!(code(with(&next, &too_few)), "CH8007");
    }
    let pinned_elsewhere = root(2, Some("other"), 2, &people);
    let skipped = root(3, Some(&world.root), 2, &people);
    let back = root(1, None, 2, &people);
    let developed = next.replace("installation", "development");
    for bad in [pinned_elsewhere, skipped, back, developed] {
        assert_eq!(code(with(&bad, &all)), "CH8010");
    }
    assert_eq!(code(with("schema = \"chancery.root/1\"\nkind = \"installation\"\n", &all)), "CH8011");
    let renamed =
        root(2, Some(&world.root), 2, &[person("mallory", &[&world.bob]), person("dave", &[&dave])]);
    assert_eq!(code(with(&renamed, &all)), "CH8012");
    // Whoever left the root cannot sign the version after.
    let documents = world_after(&next);
    let header = header(&documents, 3, Some(second.header().version));
    let old = sign(&header, &[&world.alice[0], &world.bob]);
    assert_eq!(code(accept(documents.clone(), &old, &second.position())), "CH8009");
    assert!(accept(documents, &sign(&header, &[&dave, &erin]), &second.position()).is_ok());
}

fn world_after(root: &str) -> Documents {
    documents(root, None, "three")
}

#[test]
fn headers_have_one_text() {
    let documents = World::new().second();
    let header = header(&documents, 7, Some(documents.version()));
    let text = header.canonical().unwrap();
    let version = documents.version();
    assert_eq!(
        text,
        format!(
            "{{\"ledger\":\"{LEDGER}\",\"previous\":\"{version}\",\"schema\":\"chancery.governance/1\",\"sequence\":7,\"version\":\"{version}\"}}"
        )
    );
    assert_eq!(Header::parse(&text).unwrap(), header);
    for bad in [
        format!("{text}\n"),
        text.replace(":7", ": 7"),
        text.replace(":7", ":7.0"),
        text.replace("governance/1", "governance/2"),
        text.replace("\"previous\":", "\"previos\":"),
        text.replace("\"sequence\":7", "\"sequence\":7,\"z\":0"),
        text.replace(&format!("\"previous\":\"{version}\","), ""),
        text.replace(LEDGER, ""),
        text.replace(LEDGER, &"l".repeat(2000)),
    ] {
        assert_eq!(Header::parse(&bad).unwrap_err().code(), "CH8001", "{bad}");
    }
    for end in 0..text.len() {
        assert!(Header::parse(text.get(..end).unwrap()).is_err());
    }
}
