//! `root.toml`: what is read, and what is a load error.

use chancery_core::digest::Sha256;
use chancery_core::id::PersonId;
use chancery_identity::sshsig::key::SshPublicKey;
use chancery_policy::governance::root::RootDocument;
use chancery_policy::policy::Policy;
use chancery_testkit::ssh::SshTestKey;

use crate::world::{documents, person, root};

#[test]
fn people_and_threshold_are_read() {
    let (a, b, c) =
        (SshTestKey::ed25519(), SshTestKey::ed25519(), SshTestKey::generate("ecdsa-sha2-nistp384"));
    let text = root(
        1,
        None,
        2,
        &[person("alice", &[&a, &c]), person("bob", &[&b]), person("carol", &[&SshTestKey::ed25519()])],
    );
    let documents = documents(&text, None, "");
    let read = RootDocument::of(&documents).unwrap();
    assert_eq!((read.version(), read.threshold(), read.people().count()), (1, 2, 3));
    assert_eq!(read.sha256(), Sha256::of(text.as_bytes()));
    let alice = PersonId::parse("alice").unwrap();
    for key in [&a, &c] {
        assert_eq!(read.person_of(&SshPublicKey::parse_line(&key.line()).unwrap()), Some(&alice));
    }
    let policy = Policy::load(&documents).unwrap();
    assert_eq!(policy.root(), Some(&read));
}

#[test]
fn the_placeholder_lists_nobody() {
    let policy = Policy::load(&documents("schema = \"chancery.root/1\"\nkind = \"development\"\n", None, ""));
    assert_eq!(policy.unwrap().root(), None);
}

#[test]
fn each_fault_is_a_load_error() {
    let (a, b) = (SshTestKey::ed25519(), SshTestKey::ed25519());
    let mut site = SshTestKey::generate("sk-ssh-ed25519@openssh.com");
    let (alice, bob) = (person("alice", &[&a]), person("bob", &[&b]));
    let good = root(1, None, 2, &[alice.clone(), bob.clone()]);
    assert!(RootDocument::of(&documents(&good, None, "")).is_ok());
    let first = person("alice", &[&site]);
    site.application = "ssh:other".to_owned();
    let again = person("bob", &[&site]);
    let rows = [
        (good.replace("threshold", "treshold"), "threshold: is missing"),
        (good.replace("threshold", "treshold"), "treshold: is not a known field"),
        (good.replace("threshold = 2", "threshold = 3"), "threshold: is 3, but 2 people are listed"),
        (good.replace("threshold = 2", "threshold = 1"), "threshold: is under 2"),
        (good.replace("threshold = 2", "threshold = 0"), "threshold: is not a whole number"),
        (good.replace("root/1", "root/2"), "schema: is not"),
        (good.replace("installation", "production"), "kind: is neither"),
        (good.replace("version = 1", "version = 2"), "previous: is missing"),
        (good.replace("version = 1", "version = 1\nprevious = \"00\""), "previous: is named although"),
        (good.replace("id = \"bob\"", "id = \"alice\""), "person `alice` is listed twice"),
        (good.replace("id = \"bob\"", "id = \"Bob\""), "people[1].id: `Bob` is not a person"),
        (good.replace("bob Example", "bob\\u202e"), "people[1].name"),
        (good.replace("ssh-ed25519 AAAA", "ssh-ed25519 BAAA"), "people[0].keys[0]"),
        (good.replacen("keys = [", "keys = []\nother = [", 1), "people[0].keys: does not list 1 to 8"),
        (root(1, None, 2, &[alice.clone(), person("bob", &[&a])]), "is listed by `alice` and by `bob`"),
        (root(1, None, 2, &[first, again]), "is listed by `alice` and by `bob`"),
        (root(1, None, 2, &[person("alice", &[&a, &a]), bob]), "is listed by `alice` and by `alice`"),
    ];
    for (text, expected) in rows {
        let problems = RootDocument::of(&documents(&text, None, "")).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}\nexpected: {expected}");
        assert!(Policy::load(&documents(&text, None, "")).is_err(), "{expected}");
    }
}
