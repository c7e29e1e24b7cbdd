//! Certificates for keys that Sigstore clients made, entries for what they signed under them, and everything that must be
//! refused instead: by the gateway, by the keyguard past a lying gateway, and by the audit.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::canonical;
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::evidence::Evidence;
use chancery_core::id::KeyId;
use chancery_core::message::{Call, Reply};
use chancery_core::order::Orders;
use chancery_core::port::clock::Clock as _;
use chancery_core::port::state::State as _;
use chancery_core::request::Request;
use chancery_core::statement::Statement;
use chancery_format::fulcio::statement as fulcio;
use chancery_gateway::facade::certificate::{self, certificate};
use chancery_gateway::facade::entry::{Taken, Wanted, entry};
use chancery_gateway::facade::is_on;
use chancery_gateway::failure::Failure;
use chancery_gateway::released::Made;
use chancery_identity::audience;
use chancery_identity::dev_issuer::DevToken;
use chancery_ledger::event::{Body, CertificatePurpose, Entry, Event};
use chancery_ledger::hashedrekord::HashedRekord;
use chancery_ledger::merkle::{leaf_hash, verify_inclusion};
use chancery_testkit::keys::TestKey;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::VerifyingKey;

use crate::answers::refused;
use crate::audited::Archive;
use crate::world::{HOST, World, code, request, wish};

const SUBJECT: &str = "repo:acme/app:ref:refs/heads/main";
const IDENTITY: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";

fn p256() -> TestKey {
    TestKey::generate(KeyAlgorithm::EcdsaP256)
}

fn proven(key: &TestKey) -> Statement {
    fulcio::of_key(&key.public_key().spki, &key.sign(SUBJECT.as_bytes()))
}

fn asked(statement: Statement) -> Request {
    request("cosign", vec![statement])
}

fn token(world: &World, change: impl FnOnce(&mut DevToken)) -> String {
    world.token(&wish("dev", "any"), |token| {
        token.audience = "sigstore".to_owned();
        change(token);
    })
}

async fn issue(world: &World, statement: Statement, token: String) -> Result<Certificate, Failure> {
    let wanted = certificate::Wanted { token: Some(token), statement };
    let pem = certificate(&world.gateway, wanted).await?;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    Ok(Certificate::parse(&STANDARD.decode(body).unwrap()).unwrap())
}

async fn leaf(world: &World, key: &TestKey) -> Certificate {
    issue(world, proven(key), token(world, |_| {})).await.unwrap()
}

fn signed(key: &TestKey, leaf: &Certificate, artifact: &[u8]) -> Wanted {
    let digest = Sha256::of(artifact).as_bytes().to_vec();
    let signature = key.sign_digest(DigestAlgorithm::Sha256, &digest).unwrap();
    Wanted { digest, signature, certificate: leaf.as_der().to_vec() }
}

async fn took(world: &World, wanted: &Wanted) -> Result<Taken, &'static str> {
    entry(&world.gateway, wanted).await.map_err(|failure| code(&failure))
}

#[tokio::test]
async fn a_client_gets_a_certificate_over_its_own_key_and_entries_under_it() {
    let world = World::new().await;
    assert!(is_on(&world.gateway));
    let key = p256();
    let leaf = leaf(&world, &key).await;
    assert_eq!(leaf.spki(), key.public_key().spki);
    assert_eq!(leaf.alt_uris().collect::<Vec<_>>(), [IDENTITY]);
    assert_eq!(leaf.validity().not_after().seconds_since(leaf.validity().not_before()), 600);
    let events = world.ledger.events();
    let at = |is: fn(&Body) -> bool| events.iter().position(|(_, body)| is(body)).unwrap();
    let planned =
        at(|b| matches!(b, Body::Certificate(c) if c.purpose == CertificatePurpose::Precertificate));
    assert_eq!(planned + 1, at(|body| matches!(body, Body::Intent(_))), "logged before it is signed");
    assert_eq!(planned + 2, at(|body| matches!(body, Body::Result(_))));
    let wanted = signed(&key, &leaf, b"one");
    let one = took(&world, &wanted).await.unwrap();
    assert_eq!(HashedRekord::parse(&one.body).unwrap().certificate(), leaf.as_der());
    let receipt = &one.receipt;
    assert_eq!(world.ledger.leaves()[usize::try_from(receipt.index).unwrap()], one.body);
    let root = STANDARD.decode(receipt.checkpoint.lines().nth(2).unwrap()).unwrap();
    let root = Sha256::from_slice(&root).unwrap();
    verify_inclusion((receipt.index, receipt.size), &leaf_hash(one.body.as_bytes()), &receipt.proof, &root)
        .unwrap();
    // The same again is answered with its place; three are taken, a fourth is not.
    let size = world.ledger.leaves().len();
    assert_eq!(took(&world, &wanted).await.unwrap().receipt.index, receipt.index);
    assert_eq!(world.ledger.leaves().len(), size);
    for artifact in [b"two".as_slice(), b"three"] {
        took(&world, &signed(&key, &leaf, artifact)).await.unwrap();
    }
    assert_eq!(took(&world, &signed(&key, &leaf, b"four")).await, Err("CH4016"));
    assert_eq!(
        took(&world, &wanted).await.unwrap().receipt.index,
        receipt.index,
        "what is there stays answered"
    );
}

#[tokio::test]
async fn the_same_wish_joins_and_a_token_is_good_for_one_key() {
    let world = World::new().await;
    let (one, two) = (proven(&p256()), proven(&p256()));
    let token = token(&world, |_| {});
    let first = issue(&world, one.clone(), token.clone()).await.unwrap();
    let (results, signatures) = (world.results(), world.custodian.signatures());
    let again = issue(&world, one, token.clone()).await.unwrap();
    assert_eq!(first.as_der(), again.as_der());
    assert_eq!(world.results(), results, "nothing is issued twice");
    assert_eq!(code(&issue(&world, two, token).await.unwrap_err()), "CH3006");
    assert_eq!(world.custodian.signatures() - signatures, 1, "the cosignature of the refusal");
}

type Change = fn(&mut DevToken);

#[tokio::test]
async fn wishes_are_refused_with_a_code_and_a_leaf_and_no_key_is_used() {
    let world = World::new().await;
    let (ours, theirs) = (p256(), p256());
    let spki = |key: &TestKey| key.public_key().spki;
    let key = |name: &str| KeyId::parse(name).unwrap();
    let held = |name: &str| world.gateway.key(&key(name)).unwrap().public_key.spki;
    let same: Change = |_| {};
    let branch = p256();
    let elsewhere = fulcio::of_key(&spki(&branch), &branch.sign(b"repo:acme/app:ref:refs/heads/x"));
    let p384 = TestKey::generate(KeyAlgorithm::EcdsaP384);
    let cases: [(&str, Statement, Change, &str); 14] = [
        (
            "proof by another key",
            fulcio::of_key(&spki(&ours), &theirs.sign(SUBJECT.as_bytes())),
            same,
            "CH5004",
        ),
        (
            "proof over another subject",
            fulcio::of_key(&spki(&ours), &ours.sign(b"repo:evil")),
            same,
            "CH5004",
        ),
        ("no proof", fulcio::of_key(&spki(&ours), b""), same, "CH5004"),
        ("a curve of others", proven(&p384), same, "CH4018"),
        ("rsa", proven(&TestKey::generate(KeyAlgorithm::Rsa3072)), same, "CH5004"),
        ("no key", fulcio::of_key(b"key", b"proof"), same, "CH5004"),
        ("an artifact key of ours", fulcio::of_key(&held("dev-message"), b"x"), same, "CH4018"),
        ("the authority's own key", fulcio::of_key(&held("chancery-issuing"), b"x"), same, "CH4018"),
        ("another branch", elsewhere, |t| t.git_ref = "refs/heads/x".to_owned(), "CH4012"),
        ("another repository", proven(&p256()), |t| t.repository_id = "43".to_owned(), "CH4002"),
        ("expired", proven(&p256()), |t| (t.iat_offset, t.lifetime) = (-400, 300), "CH3005"),
        ("our audience", proven(&p256()), |t| t.audience = audience::fixed(HOST), "CH3003"),
        ("another audience", proven(&p256()), |t| t.audience = "sts.amazonaws.com".to_owned(), "CH3003"),
        ("a forbidden event", proven(&p256()), |t| t.event = "pull_request_target".to_owned(), "CH4013"),
    ];
    for (name, statement, change, expected) in cases {
        let denied = |world: &World| world.count(|body| matches!(body, Body::Denied(_)));
        let (before, intents) = (denied(&world), world.intents());
        let failure = issue(&world, statement, token(&world, change)).await.unwrap_err();
        assert_eq!(code(&failure), expected, "{name}: {failure}");
        assert_eq!((denied(&world) - before, world.intents()), (1, intents), "{name}");
    }
}

#[tokio::test]
async fn a_sigstore_token_signs_nothing_and_ours_gets_no_certificate_elsewhere() {
    let world = World::new().await;
    for request in [wish("dev", "app"), wish("loose", "app"), wish("cosign", "app")] {
        let ask = chancery_gateway::sign::Ask {
            request: request.clone(),
            token: Some(token(&world, |_| {})),
            possession: None,
            attestations: Vec::new(),
        };
        let failure = chancery_gateway::sign::sign(&world.gateway, ask).await.unwrap_err();
        assert_eq!(code(&failure), "CH3003", "{}", request.profile());
    }
    // Under a profile that signs there is no certificate, and with company there is none either.
    let several = request("cosign", vec![proven(&p256()), proven(&p256())]);
    for (request, expected) in [(request("loose", vec![proven(&p256())]), "CH4018"), (several, "CH5004")] {
        let ask = chancery_gateway::sign::Ask {
            request,
            token: Some(token(&world, |_| {})),
            possession: None,
            attestations: Vec::new(),
        };
        let failure = chancery_gateway::sign::sign(&world.gateway, ask).await.unwrap_err();
        assert_eq!(code(&failure), expected);
    }
}

#[tokio::test]
async fn limits_and_freezes_hold_for_certificates_too() {
    let world = World::new().await;
    for _ in 0..6 {
        leaf(&world, &p256()).await;
    }
    let failure = issue(&world, proven(&p256()), token(&world, |_| {})).await.unwrap_err();
    assert_eq!(code(&failure), "CH4016");
}

#[tokio::test]
async fn entries_are_taken_only_under_live_certificates_of_clients() {
    let world = World::new().await;
    let (key, other) = (p256(), p256());
    let leaf = leaf(&world, &key).await;
    let good = signed(&key, &leaf, b"app");
    let with = |change: &dyn Fn(&mut Wanted)| {
        let mut wanted = good.clone();
        change(&mut wanted);
        wanted
    };
    let custodied = world.sign(&wish("dev", "app")).await.unwrap().results[0].made().clone();
    let digest = Sha256::of(b"app").as_bytes().to_vec();
    let size = world.ledger.leaves().len();
    let cases = [
        ("another digest", with(&|w| w.digest = Sha256::of(b"x").as_bytes().to_vec()), "CH5004"),
        ("a short digest", with(&|w| w.digest.truncate(31)), "CH5004"),
        ("another key", with(&|w| w.signature = signed(&other, &leaf, b"app").signature), "CH5004"),
        ("no signature", with(&|w| w.signature.clear()), "CH5004"),
        ("a certificate that is none", with(&|w| w.certificate.truncate(9)), "CH4061"),
        ("a certificate with one bit changed", with(&|w| w.certificate[200] ^= 1), "CH4061"),
        (
            "a leaf over a key in custody",
            Wanted { digest, signature: custodied.signature, certificate: custodied.chain[0].0.clone() },
            "CH4061",
        ),
        (
            "the authority itself",
            with(&|w| {
                w.certificate = world.gateway.trust().unwrap().authorities.issuing.0.as_slice().to_vec()
            }),
            "CH4061",
        ),
    ];
    for (name, wanted, expected) in cases {
        assert_eq!(took(&world, &wanted).await, Err(expected), "{name}");
    }
    assert_eq!(world.ledger.leaves().len(), size);
    world.clock.advance(599);
    took(&world, &good).await.unwrap();
    world.clock.advance(2);
    assert_eq!(took(&world, &signed(&key, &leaf, b"late")).await, Err("CH4061"), "over");
}

#[tokio::test]
async fn two_of_one_entry_at_once_are_one() {
    let world = World::new().await;
    let key = p256();
    let wanted = signed(&key, &leaf(&world, &key).await, b"app");
    let size = world.ledger.leaves().len();
    let (one, two) = tokio::join!(took(&world, &wanted), took(&world, &wanted));
    assert_eq!(one.unwrap().receipt.index, two.unwrap().receipt.index);
    assert_eq!(world.ledger.leaves().len(), size + 2);
}

type Lie = (&'static str, fn(&mut Orders), &'static str);

/// Puts another wish into an order; the token is not bound to it.
fn other(orders: &mut Orders, statement: Statement) {
    let request = asked(statement);
    orders.orders[0].statement = request.statements()[0].0;
    orders.request = request.canonical().to_owned();
}

#[tokio::test]
async fn the_keyguard_believes_no_gateway_about_certificates() {
    let world = World::new().await;
    let honest = world.order_of(&asked(proven(&p256())), token(&world, |_| {})).await;
    let lies: [Lie; 9] = [
        ("another key", |o| other(o, proven(&p256())), "CH5001"),
        ("no proof", |o| other(o, fulcio::of_key(&p256().public_key().spki, b"")), "CH5004"),
        ("a weak key", |o| other(o, proven(&TestKey::generate(KeyAlgorithm::Rsa3072))), "CH5004"),
        (
            "a curve that is not allowed",
            |o| other(o, proven(&TestKey::generate(KeyAlgorithm::EcdsaP384))),
            "CH4018",
        ),
        ("no plan", |o| o.orders[0].leaf = None, "CH5001"),
        ("another serial", |o| o.orders[0].leaf.as_mut().unwrap().serial[15] ^= 1, "CH5001"),
        (
            "a leaf for later",
            |o| {
                let plan = o.orders[0].leaf.as_mut().unwrap();
                plan.not_before = plan.not_before.plus_seconds(90);
            },
            "CH5001",
        ),
        ("another token", |o| o.evidence.token.push('x'), "CH3001"),
        (
            "two at once",
            |o| {
                let request = request("cosign", vec![proven(&p256()), proven(&p256())]);
                o.orders[0].statement = request.statements()[0].0;
                o.request = request.canonical().to_owned();
            },
            "CH5001",
        ),
    ];
    for (name, lie, expected) in lies {
        let mut orders = honest.clone();
        lie(&mut orders);
        assert_eq!(refused(&world, &orders), expected, "{name}");
    }
}

#[tokio::test]
async fn no_key_in_custody_is_certified_and_a_token_is_for_one_purpose() {
    let world = World::new().await;
    let honest = world.order_of(&asked(proven(&p256())), token(&world, |_| {})).await;
    // No key in custody is ever certified, whatever proves its possession: not even one that is stopped.
    let stopped = KeyId::parse("dev-message").unwrap();
    assert!(matches!(world.port.answer(Call::KeyDisable(stopped)), Reply::Key(_)));
    for held in world.gateway.keys().values() {
        let mut orders = honest.clone();
        other(&mut orders, fulcio::of_key(&held.public_key.spki, b"x"));
        assert!(["CH4018", "CH5004"].contains(&refused(&world, &orders)), "{}", held.id);
        if VerifyingKey::parse(&held.public_key.spki).unwrap().signing_key().unwrap().algorithm
            == KeyAlgorithm::EcdsaP256
        {
            assert_eq!(refused(&world, &orders), "CH4018", "{}", held.id);
        }
    }
    // A token for a certificate signs nothing else, and one of ours gets no certificate.
    let mut orders = honest.clone();
    let signature = wish("dev", "app");
    (orders.orders[0].statement, orders.request) =
        (signature.statements()[0].0, signature.canonical().to_owned());
    assert_eq!(refused(&world, &orders), "CH3003");
    let mut orders = honest.clone();
    orders.evidence.token = world.token(&wish("dev", "app"), |token| token.audience = audience::fixed(HOST));
    assert_eq!(refused(&world, &orders), "CH3003");
    let reply = world.port.answer(Call::Sign(Box::new(honest.clone())));
    assert!(
        matches!(&reply, Reply::Ordered(each) if matches!(each[0], chancery_core::message::Ordered::Signed(_)))
    );
    assert_eq!(refused(&world, &honest), "CH5002", "spent");
}

/// Everything of a certificate and an entry that an auditor needs beside the ledger.
async fn archive(world: &World, request: &Request, token: &str) -> Archive {
    let evidence = Evidence {
        token: token.to_owned(),
        issuer_keys: world.jwks(),
        approval: None,
        possession: None,
        attestations: Vec::new(),
    };
    let known = [request.canonical().to_owned(), canonical::encode(&evidence).unwrap()];
    let mut archive = Archive::of(world, &known).await;
    let released = world.ledger.released(request.id(), request.statements()[0].0).await.unwrap().unwrap();
    let made: Made = serde_json::from_str(&released.result).unwrap();
    for bytes in [made.signature, made.chain[0].0.clone()] {
        archive.contents.insert(Sha256::of(&bytes), bytes);
    }
    archive
}

#[tokio::test]
async fn the_audit_checks_certificates_and_entries_again() {
    let world = World::new().await;
    let (key, token) = (p256(), token(&world, |_| {}));
    let statement = proven(&key);
    let asked = asked(statement.clone());
    let leaf = issue(&world, statement, token.clone()).await.unwrap();
    took(&world, &signed(&key, &leaf, b"app")).await.unwrap();
    let report = archive(&world, &asked, &token).await.audit(&world);
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.counts.signatures, report.counts.taken, report.counts.tokens), (1, 1, 1));
    let honest = world.ledger.leaves();
    let (record, event) =
        (honest[honest.len() - 2].clone(), Event::decode(&honest[honest.len() - 1]).unwrap());
    let Body::Entry(entry) = event.body else { panic!() };
    let lie = |change: &dyn Fn(&mut Entry)| {
        let mut entry = entry.clone();
        change(&mut entry);
        Event { time: event.time, body: Body::Entry(entry) }.encode().unwrap()
    };
    let signed_by = |key: &TestKey, certificate: &[u8]| {
        let digest = Sha256::of(b"other").as_bytes().to_vec();
        let signature = key.sign_digest(DigestAlgorithm::Sha256, &digest).unwrap();
        let record = HashedRekord::new(KeyAlgorithm::EcdsaP256, digest, signature, certificate.to_vec());
        record.unwrap().encode().unwrap()
    };
    let named = |record: &str| lie(&|entry| entry.hashedrekord = leaf_hash(record.as_bytes()));
    let forged = signed_by(&p256(), leaf.as_der());
    let foreign = signed_by(&key, world.gateway.trust().unwrap().authorities.issuing.0.as_slice());
    let late = Event { time: world.clock.now().plus_seconds(700), body: Body::Entry(entry.clone()) };
    let lies = [
        ("an entry that nothing names", vec![record.clone()], 0, "CH9006"),
        ("an event without its entry", vec![lie(&|_| {})], 0, "CH9060"),
        ("another intent", vec![record.clone(), lie(&|entry| entry.intent += 1)], 1, "CH9060"),
        (
            "another certificate",
            vec![record.clone(), lie(&|e| e.certificate = Sha256::of(b"x"))],
            1,
            "CH9060",
        ),
        ("another entry", vec![record.clone(), lie(&|e| e.hashedrekord = Sha256::of(b"x"))], 1, "CH9060"),
        ("a signature of another key", vec![forged.clone(), named(&forged)], 1, "CH9060"),
        ("a certificate of another kind", vec![foreign.clone(), named(&foreign)], 1, "CH9060"),
        ("an entry after the certificate's end", vec![record.clone(), late.encode().unwrap()], 1, "CH9060"),
    ];
    for (name, leaves, at, expected) in lies {
        let mut archive = archive(&world, &asked, &token).await;
        let index = u64::try_from(archive.leaves.len() + at).unwrap();
        archive.leaves.extend(leaves);
        let report = archive.audit(&world);
        let found = report.findings.iter().find(|finding| finding.code.code() == expected);
        let found = found.unwrap_or_else(|| panic!("{name} was not found: {:?}", report.findings));
        assert_eq!(found.index, index, "{name}: {:?}", report.findings);
    }
}
