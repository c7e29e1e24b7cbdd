//! Remote time stamping authorities that lie, break, or are not there.
#![expect(clippy::unwrap_used, reason = "test")]

mod authority;

use std::sync::Arc;

use authority::{HandClock, Machine, POLICY, Reply, STAMPING, Server, Stamper, start};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::DigestAlgorithm;
use chancery_core::port::stamper::Stamper as _;
use chancery_remote::tsa::authority::{AuthorityConfig, AuthorityError};
use chancery_remote::tsa::pool::{PoolAnswer, PoolConfig, PoolError, PoolFailure, TsaPool};
use chancery_testkit::keys::TestKey;
use chancery_testkit::pki::{Usage, purpose, tlv};
use chancery_x509::certificate::Certificate;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::{Nonce, TimestampRequest};
use chancery_x509::tsp::response::{self, FailInfo, granted};
use chancery_x509::tsp::tst_info::TstInfo;
use const_oid::ObjectIdentifier;

const SIGNATURE: &[u8] = b"a signature value";

fn imprint() -> Imprint {
    Imprint::of(DigestAlgorithm::Sha256, SIGNATURE)
}

fn pool(configs: Vec<AuthorityConfig>, clock: &Arc<HandClock>) -> TsaPool {
    TsaPool::new(configs, PoolConfig::default(), Arc::<HandClock>::clone(clock), Arc::new(Machine)).unwrap()
}

/// One misbehaviour: its name, what is answered, and the outcome: `ok`, `refused`, `unreachable`, or part of what is
/// wrong.
type Case = (&'static str, fn(&Stamper, &TimestampRequest) -> Reply, &'static str);

fn stamped(stamper: &Stamper, info: &TstInfo) -> Reply {
    let content = info.to_der().unwrap();
    Reply::Body(granted(&stamper.token(&content, &stamper.certificate, &stamper.bag())))
}

fn with_leaf(stamper: &Stamper, request: &TimestampRequest, leaf: &Certificate) -> Reply {
    let content = stamper.info(request).to_der().unwrap();
    Reply::Body(granted(&stamper.token(&content, leaf, &[leaf.clone(), stamper.issuing.clone()])))
}

fn with_bag(stamper: &Stamper, request: &TimestampRequest, bag: &[Certificate]) -> Reply {
    let content = stamper.info(request).to_der().unwrap();
    Reply::Body(granted(&stamper.token(&content, &stamper.certificate, bag)))
}

fn later(stamper: &Stamper, request: &TimestampRequest, seconds: i64) -> Reply {
    stamped(stamper, &TstInfo { gen_time: start().plus_seconds(seconds), ..stamper.info(request) })
}

const ABOUT_CONTENT: [Case; 12] = [
    ("right", |s, r| Reply::Body(granted(&s.right(r))), "ok"),
    ("within the skew", |s, r| later(s, r, 59), "ok"),
    ("a day late", |s, r| later(s, r, 86_400), "out of bounds"),
    ("a day early", |s, r| later(s, r, -86_400), "out of bounds"),
    ("just beyond the skew", |s, r| later(s, r, 61), "out of bounds"),
    (
        "other nonce",
        |s, r| stamped(s, &TstInfo { nonce: Nonce::from_random(&[5; 16]), ..s.info(r) }),
        "nonce",
    ),
    ("no nonce", |s, r| stamped(s, &TstInfo { nonce: None, ..s.info(r) }), "nonce"),
    (
        "other imprint",
        |s, r| stamped(s, &TstInfo { imprint: Imprint::of(DigestAlgorithm::Sha256, b"x"), ..s.info(r) }),
        "something else",
    ),
    (
        "same message, other digest",
        |s, r| stamped(s, &TstInfo { imprint: Imprint::of(DigestAlgorithm::Sha384, SIGNATURE), ..s.info(r) }),
        "something else",
    ),
    ("sha-1 imprint", sha1_imprint, "not accepted"),
    (
        "other policy",
        |s, r| stamped(s, &TstInfo { policy: ObjectIdentifier::new_unwrap("1.2.3"), ..s.info(r) }),
        "policy",
    ),
    ("critical extension", critical_extension, "critical extension"),
];

const ABOUT_CERTIFICATES: [Case; 14] = [
    ("expired", |s, r| with_leaf(s, r, &s.leaf(20, STAMPING, (-10, -1))), "not valid"),
    ("not yet valid", |s, r| with_leaf(s, r, &s.leaf(20, STAMPING, (1, 10))), "not valid"),
    (
        "purpose not critical",
        |s, r| with_leaf(s, r, &s.leaf(20, Usage::LeafNotCritical(&[purpose::TIME_STAMPING]), (-9, 9))),
        "purpose",
    ),
    (
        "code signing",
        |s, r| with_leaf(s, r, &s.leaf(20, Usage::Leaf(&[purpose::CODE_SIGNING]), (-9, 9))),
        "purpose",
    ),
    (
        "two purposes",
        |s, r| {
            let both = [purpose::TIME_STAMPING, purpose::CODE_SIGNING];
            with_leaf(s, r, &s.leaf(20, Usage::Leaf(&both), (-9, 9)))
        },
        "purpose",
    ),
    ("an authority", |s, r| with_leaf(s, r, &s.leaf(20, Usage::Authority, (-9, 9))), "authority"),
    ("unknown root", |_, r| Reply::Body(granted(&Stamper::new().right(r))), "not trusted"),
    ("no certificates", |s, r| with_bag(s, r, &[]), "missing"),
    ("no issuer", |s, r| with_bag(s, r, std::slice::from_ref(&s.certificate)), "trusted root"),
    ("other authority's certificate", |s, r| with_bag(s, r, &[Stamper::new().certificate]), "signature"),
    (
        "imitation beside the right one",
        |s, r| with_bag(s, r, &imitated(s, s.certificate.clone())),
        "more than one",
    ),
    ("imitation alone", |s, r| with_bag(s, r, &imitated(s, s.issuing.clone())), "signature"),
    ("twin of the same key named", names_its_twin, "does not name"),
    (
        "root in the bag",
        |s, r| with_bag(s, r, &[s.bag().as_slice(), std::slice::from_ref(&s.root)].concat()),
        "ok",
    ),
];

const ABOUT_TRANSPORT: [Case; 15] = [
    ("rejected", |_, _| Reply::Body(response::rejected(FailInfo::TimeNotAvailable, "no clock")), "refused"),
    ("granted without token", |_, _| Reply::Body(vec![0x30, 5, 0x30, 3, 2, 1, 0]), "timestamp response"),
    ("rejected with token", rejected_with_token, "timestamp response"),
    ("cut in the middle", |s, r| Reply::Body(cut(&granted(&s.right(r)), 2)), "timestamp response"),
    ("cut at the end", |s, r| Reply::Body(cut(&granted(&s.right(r)), 1)), "timestamp response"),
    ("a byte more", |s, r| Reply::Body([granted(&s.right(r)), vec![0]].concat()), "timestamp response"),
    ("empty", |_, _| Reply::Body(Vec::new()), "timestamp response"),
    ("huge", |_, _| Reply::Body(vec![0x30; 65 * 1024]), "too large"),
    ("huge and not announced", |_, _| Reply::Flood(1 << 20), "too large"),
    (
        "html",
        |_, _| Reply::Http(200, "content-type: text/html\r\n".into(), b"hello".to_vec()),
        "content type",
    ),
    ("no content type", |s, r| Reply::Http(200, String::new(), granted(&s.right(r))), "content type"),
    ("status 500", |s, r| Reply::Http(500, String::new(), granted(&s.right(r))), "unreachable"),
    ("redirect", |_, _| Reply::Http(307, "location: /tsa\r\n".into(), Vec::new()), "unreachable"),
    ("silence", |_, _| Reply::Silence, "unreachable"),
    ("hang-up", |_, _| Reply::Hangup, "unreachable"),
];

fn cut(bytes: &[u8], by: usize) -> Vec<u8> {
    let keep = if by == 1 { bytes.len() - 1 } else { bytes.len() / by };
    bytes.iter().copied().take(keep).collect()
}

fn rejected_with_token(stamper: &Stamper, request: &TimestampRequest) -> Reply {
    let status = tlv(0x30, &[&[2, 1, 2]]);
    Reply::Body(tlv(0x30, &[&status, &stamper.right(request)]))
}

/// TSTInfo with an imprint and something behind the time.
fn raw_info(stamper: &Stamper, imprint: &[u8], request: &TimestampRequest, behind: &[u8]) -> Reply {
    let nonce = tlv(2, &[request.nonce.as_ref().unwrap().as_bytes()]);
    let time = tlv(0x18, &[b"20261120120000Z"]);
    let policy = tlv(6, &[POLICY.as_bytes()]);
    let content = tlv(0x30, &[&[2, 1, 1], &policy, imprint, &[2, 1, 5], &time, &nonce, behind]);
    Reply::Body(granted(&stamper.token(&content, &stamper.certificate, &stamper.bag())))
}

fn sha1_imprint(stamper: &Stamper, request: &TimestampRequest) -> Reply {
    let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, SIGNATURE);
    let algorithm = tlv(0x30, &[&[6, 5, 0x2b, 0x0e, 3, 2, 0x1a], &[5, 0]]);
    raw_info(stamper, &tlv(0x30, &[&algorithm, &tlv(4, &[sha1.as_ref()])]), request, &[])
}

fn critical_extension(stamper: &Stamper, request: &TimestampRequest) -> Reply {
    let algorithm = tlv(0x30, &[&tlv(6, &[chancery_x509::oid::SHA256]), &[5, 0]]);
    let imprint = tlv(0x30, &[&algorithm, &tlv(4, &[request.imprint.value()])]);
    let extension = tlv(0x30, &[&tlv(6, &[POLICY.as_bytes()]), &[1, 1, 0xff], &[4, 0]]);
    raw_info(stamper, &imprint, request, &tlv(0xa1, &[&extension]))
}

/// A certificate with the authority's issuer and serial number over another key, and another certificate.
fn imitated(stamper: &Stamper, beside: Certificate) -> [Certificate; 2] {
    [stamper.leaf_over(10, &TestKey::generate(KeyAlgorithm::EcdsaP256)), beside]
}

fn names_its_twin(stamper: &Stamper, request: &TimestampRequest) -> Reply {
    let twin = stamper.leaf(21, STAMPING, (-9, 9));
    let content = stamper.info(request).to_der().unwrap();
    let token = stamper.token_naming(&content, &stamper.certificate, &twin, &stamper.bag());
    Reply::Body(granted(&token))
}

fn outcome(found: &Result<PoolAnswer, PoolFailure>) -> String {
    match found {
        Ok(_) => "ok".to_owned(),
        Err(PoolFailure::All(failures)) => {
            let kind = failures.first().map(|(_, error)| match error {
                AuthorityError::Refused { .. } => "refused",
                AuthorityError::Unreachable(_) => "unreachable",
                AuthorityError::WrongAnswer(_) => "wrong answer",
            });
            format!("{}: {}", kind.unwrap_or("nobody"), found.as_ref().unwrap_err())
        }
        Err(error) => error.to_string(),
    }
}

async fn check(cases: &[Case]) {
    let stamper = Arc::new(Stamper::new());
    for (name, behaviour, expected) in cases.iter().copied() {
        let stampers = Arc::clone(&stamper);
        let server = Server::start(move |request| behaviour(&stampers, request)).await;
        let config = AuthorityConfig { policy: Some(POLICY), ..server.config("one", &stamper) };
        let pool = pool(vec![config], &HandClock::new());
        let found = pool.timestamp(&imprint()).await;
        let shown = outcome(&found);
        assert!(shown.contains(expected), "{name}: expected {expected}, found {shown}");
        assert_eq!(server.hits(), 1, "{name}");
        if let Ok(answer) = found {
            assert_eq!(answer.timestamp.authority(), &stamper.certificate, "{name}");
            assert!(answer.response.ends_with(answer.timestamp.token()));
        }
    }
}

#[tokio::test]
async fn wrong_contents_are_refused() {
    check(&ABOUT_CONTENT).await;
}

#[tokio::test]
async fn wrong_certificates_are_refused() {
    check(&ABOUT_CERTIFICATES).await;
}

#[tokio::test]
async fn wrong_transports_are_refused() {
    check(&ABOUT_TRANSPORT).await;
}

#[tokio::test]
async fn further_certificates_in_any_order_change_nothing() {
    let stamper = Arc::new(Stamper::new());
    let strangers = Stamper::new();
    let others = [
        strangers.leaf(50, STAMPING, (-9, 9)),
        strangers.issuing.clone(),
        stamper.leaf(30, STAMPING, (-9, 9)),
    ];
    // Three that do not help and the issuer, in every rotation and reversed, around the right leaf.
    let mut bag: Vec<Vec<u8>> =
        others.iter().chain([&stamper.issuing]).map(|c| c.as_der().to_vec()).collect();
    bag.push(stamper.certificate.as_der().to_vec());
    for turn in 0..10 {
        bag.rotate_left(1);
        if turn == 5 {
            bag.reverse();
        }
        let (stampers, bag) = (Arc::clone(&stamper), bag.clone());
        let server = Server::start(move |request| {
            let content = stampers.info(request).to_der().unwrap();
            let bare = stampers.token(&content, &stampers.certificate, &[]);
            Reply::Body(granted(&insert_bag(&bare, &bag)))
        })
        .await;
        let pool = pool(vec![server.config("one", &stamper)], &HandClock::new());
        let answer = pool.timestamp(&imprint()).await.unwrap();
        assert_eq!(answer.timestamp.authority(), &stamper.certificate, "{turn}");
    }
}

/// Puts a bag, in this order, into a token that has none.
fn insert_bag(token: &[u8], bag: &[Vec<u8>]) -> Vec<u8> {
    use chancery_x509::tlv::Reader;
    let mut info = Reader::new(token).inner(0x30).unwrap();
    let content_type = info.any().unwrap().raw;
    let mut body = info.inner(0xa0).unwrap().inner(0x30).unwrap();
    let [version, digests, content, signers] = [(); 4].map(|()| body.any().unwrap().raw);
    let certificates: Vec<&[u8]> = bag.iter().map(Vec::as_slice).collect();
    let bag = tlv(0xa0, &certificates);
    let signed = tlv(0x30, &[version, digests, content, &bag, signers]);
    tlv(0x30, &[content_type, &tlv(0xa0, &[&signed])])
}

#[tokio::test]
async fn an_answer_serves_one_question() {
    let stamper = Arc::new(Stamper::new());
    let stampers = Arc::clone(&stamper);
    let first = std::sync::OnceLock::new();
    let server = Server::start(move |request| {
        Reply::Body(first.get_or_init(|| granted(&stampers.right(request))).clone())
    })
    .await;
    let pool = pool(vec![server.config("one", &stamper)], &HandClock::new());
    pool.timestamp(&imprint()).await.unwrap();
    let replayed = outcome(&pool.timestamp(&imprint()).await);
    assert!(replayed.contains("nonce"), "{replayed}");
}

#[tokio::test]
async fn only_a_pinned_authority_counts() {
    let stamper = Arc::new(Stamper::new());
    let stampers = Arc::clone(&stamper);
    let server = Server::start(move |request| Reply::Body(granted(&stampers.right(request)))).await;
    let config = server.config("one", &stamper);
    let right = AuthorityConfig { pinned: vec![stamper.certificate.clone()], ..config.clone() };
    let wrong = AuthorityConfig { pinned: vec![stamper.leaf(40, STAMPING, (-9, 9))], ..config };
    assert_eq!(outcome(&pool(vec![right], &HandClock::new()).timestamp(&imprint()).await), "ok");
    let found = outcome(&pool(vec![wrong], &HandClock::new()).timestamp(&imprint()).await);
    assert!(found.contains("other than the expected"), "{found}");
}

#[tokio::test]
async fn the_next_one_is_asked_and_failures_cool_down() {
    let stamper = Arc::new(Stamper::new());
    let right = |stamper: &Arc<Stamper>| {
        let stamper = Arc::clone(stamper);
        move |request: &TimestampRequest| Reply::Body(granted(&stamper.right(request)))
    };
    let first = Server::start(|_| Reply::Hangup).await;
    let second = Server::start(right(&stamper)).await;
    let clock = HandClock::new();
    let pool = pool(vec![first.config("first", &stamper), second.config("second", &stamper)], &clock);
    let ask = || async { pool.timestamp(&imprint()).await.map(|answer| answer.authority) };

    assert_eq!(ask().await.unwrap(), "second");
    assert_eq!((first.hits(), second.hits()), (1, 1));
    // Deferred: the second is asked first now, and the first not at all.
    first.behave(right(&stamper));
    assert_eq!(ask().await.unwrap(), "second");
    assert_eq!(first.hits(), 1);
    // Unless nobody else answers.
    second.behave(|_| Reply::Http(503, String::new(), Vec::new()));
    assert_eq!(ask().await.unwrap(), "first");
    second.behave(right(&stamper));
    // Over: the configured order again.
    clock.advance(31);
    assert_eq!(ask().await.unwrap(), "first");
    // After a wrong answer an authority is not asked for ten minutes, even when there is no other.
    first.behave(|_| Reply::Body(Vec::new()));
    second.behave(|_| Reply::Body(Vec::new()));
    assert!(matches!(ask().await, Err(PoolFailure::All(failures)) if failures.len() == 2));
    let hits = (first.hits(), second.hits());
    first.behave(right(&stamper));
    clock.advance(20);
    let quarantined = ask().await.unwrap_err();
    assert!(quarantined.to_string().contains("quarantine"), "{quarantined}");
    assert_eq!((first.hits(), second.hits()), hits);
    clock.advance(600);
    assert!(matches!(ask().await, Err(PoolFailure::All(failures)) if failures.len() == 2));
    assert_eq!((first.hits(), second.hits()), (hits.0 + 1, hits.1 + 1));
}

#[tokio::test]
async fn the_port_answers_with_the_whole_response() {
    let stamper = Arc::new(Stamper::new());
    let stampers = Arc::clone(&stamper);
    let server = Server::start(move |request| Reply::Body(granted(&stampers.right(request)))).await;
    let pool = pool(vec![server.config("one", &stamper)], &HandClock::new());
    let stamped = pool.stamp(SIGNATURE).await.unwrap();
    assert_eq!(stamped.at, start());
    assert!(matches!(response::parse(&stamped.response), Ok(response::Response::Granted { .. })));
    server.behave(|_| Reply::Body(response::rejected(FailInfo::BadAlg, "no \u{1b}[31msuch")));
    let refused = pool.stamp(SIGNATURE).await.unwrap_err().to_string();
    assert!(refused.contains("`one` refused: no [31msuch"), "{refused}");
}

#[tokio::test]
async fn pools_that_cannot_work_are_not_built() {
    let stamper = Stamper::new();
    let server = Server::start(|_| Reply::Hangup).await;
    let config = server.config("one", &stamper);
    let build = |configs| {
        TsaPool::new(configs, PoolConfig::default(), HandClock::new(), Arc::new(Machine)).map(|_| ())
    };
    assert!(matches!(build(Vec::new()), Err(PoolError::Count(0))));
    assert!(matches!(build(vec![config.clone(); 9]), Err(PoolError::Count(9))));
    let rootless = AuthorityConfig { roots: Vec::new(), ..config.clone() };
    assert!(matches!(build(vec![rootless]), Err(PoolError::NoRoots(_))));
    for url in
        ["ftp://127.0.0.1/", "http://user@127.0.0.1/", "http://10.0.0.1/", "http://169.254.169.254/", "x"]
    {
        let wrong = AuthorityConfig { url: url.to_owned(), ..config.clone() };
        assert!(matches!(build(vec![wrong]), Err(PoolError::Http { .. })), "{url}");
    }
}
