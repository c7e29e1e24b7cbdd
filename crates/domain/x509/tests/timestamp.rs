//! RFC 3161: openssl in both directions, every byte flipped, and authorities that lie.
#![expect(clippy::unwrap_used, reason = "test")]
#![expect(clippy::print_stdout, reason = "test tells when a foreign tool is absent")]

mod counterpart;

use std::time::{SystemTime, UNIX_EPOCH};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::DigestAlgorithm;
use chancery_core::time::Time;
use chancery_testkit::keys::TestKey;
use chancery_testkit::pki::{Usage, purpose, tlv};
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::ChainError;
use chancery_x509::cms::oid;
use chancery_x509::cms::signed_attributes::SignedAttributes;
use chancery_x509::cms::signed_data::{self, EncapsulatedContent, Parts};
use chancery_x509::serial::Serial;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::{CertificateWish, Nonce, RequestError, TimestampRequest};
use chancery_x509::tsp::response::{self, FailInfo};
use chancery_x509::tsp::token::{self, Authority};
use chancery_x509::tsp::tst_info::{Accuracy, TstInfo};
use chancery_x509::tsp::verify::{
    self, Expected, Stamped, Stampers, TimestampError, Trust, VerifiedTimestamp,
};
use const_oid::ObjectIdentifier;
use counterpart::{Domain, has_openssl, now};

const STAMPING: Usage<'_> = Usage::Leaf(&[purpose::TIME_STAMPING]);
const TEXT: &[u8] = b"what is stamped\n";
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");

/// Further signed attributes.
type Extra = Vec<(ObjectIdentifier, Vec<u8>)>;

struct Stamper {
    domain: Domain,
    key: TestKey,
    certificate: Certificate,
}

impl Stamper {
    fn new(algorithm: KeyAlgorithm) -> Self {
        Self::around(algorithm, now())
    }
    fn around(algorithm: KeyAlgorithm, moment: Time) -> Self {
        let domain = Domain::around(moment);
        let key = TestKey::generate(algorithm);
        let certificate = domain.leaf(10, STAMPING, &key);
        Self { domain, key, certificate }
    }
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::of(self.key.public_key().algorithm)
    }
    fn info(&self) -> TstInfo {
        TstInfo {
            policy: POLICY,
            imprint: Imprint::of(DigestAlgorithm::Sha256, TEXT),
            serial: Serial::new(&[7; 16]).unwrap(),
            gen_time: now(),
            accuracy: Some(Accuracy { seconds: 1, millis: 0, micros: 0 }),
            nonce: Nonce::from_random(&[0x91; 8]),
        }
    }
    fn stamp(&self, info: &TstInfo, wish: CertificateWish) -> Vec<u8> {
        let authority = Authority {
            certificate: &self.certificate,
            issuers: std::slice::from_ref(&self.domain.issuing),
            scheme: self.scheme(),
        };
        let info = info.to_der().unwrap();
        let attributes = token::attributes(&info, &authority).unwrap();
        let signature = self.key.sign(attributes.to_be_signed());
        token::assemble(&info, &authority, wish, &signature).unwrap()
    }
    /// A token whose attributes, content and certificates are the test's choice.
    fn stamp_raw(
        &self,
        content: &[u8],
        extra: &[(ObjectIdentifier, Vec<u8>)],
        bag: &[Certificate],
    ) -> Vec<u8> {
        let digest = self.scheme().digest().unwrap().hash(content);
        let attributes = SignedAttributes::build(oid::TST_INFO, &digest, extra).unwrap();
        signed_data::assemble(&Parts {
            content_type: oid::TST_INFO,
            content: EncapsulatedContent::Octets(content),
            signer: &self.certificate,
            certificates: bag,
            attributes: &attributes,
            scheme: self.scheme(),
            signature: &self.key.sign(attributes.to_be_signed()),
        })
        .unwrap()
    }
    fn check(&self, token: &[u8]) -> Result<VerifiedTimestamp, TimestampError> {
        self.check_with(token, &Expected::of(Stamped::Message(TEXT)), &[])
    }
    fn check_with(
        &self,
        token: &[u8],
        expected: &Expected<'_>,
        known: &[Certificate],
    ) -> Result<VerifiedTimestamp, TimestampError> {
        let roots = [self.domain.root.clone()];
        verify::token(token, expected, &Trust { roots: &roots, known, stampers: Stampers::Any, lists: &[] })
    }
}

fn signing_certificate_v2(hash: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x30, &[&tlv(0x30, &[&tlv(4, &[hash])])])])
}

fn wall_clock() -> Time {
    #[expect(clippy::disallowed_methods, reason = "openssl stamps with the clock of the machine")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Time::from_seconds(i64::try_from(since.as_secs()).unwrap())
}

const ALGORITHMS: [KeyAlgorithm; 3] =
    [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072];

#[test]
fn requests_are_those_of_openssl() {
    if !has_openssl() {
        return;
    }
    let domain = Domain::new();
    domain.write("text", TEXT);
    for (digest, name) in [
        (DigestAlgorithm::Sha256, "sha256"),
        (DigestAlgorithm::Sha384, "sha384"),
        (DigestAlgorithm::Sha512, "sha512"),
    ] {
        for (extra, wish, policy) in [
            ("", CertificateWish::Omit, None),
            (" -cert", CertificateWish::Include, None),
            (" -cert -tspolicy 1.3.6.1.4.1.32473.1.1", CertificateWish::Include, Some(POLICY)),
            (" -no_nonce", CertificateWish::Omit, None),
        ] {
            domain.openssl_ok(&format!("ts -query -data text -{name}{extra} -out q"));
            let bytes = domain.read("q");
            let request = TimestampRequest::parse(&bytes).unwrap();
            assert_eq!(request.imprint, Imprint::of(digest, TEXT));
            assert_eq!((request.certificates, request.policy), (wish, policy));
            assert_eq!(request.nonce.is_none(), extra.contains("no_nonce"));
            assert_eq!(request.to_der(), bytes, "{name}{extra}");
            for cut in 0..bytes.len() {
                assert!(TimestampRequest::parse(&bytes[..cut]).is_err());
            }
        }
    }
    domain.openssl_ok("ts -query -data text -sha1 -out q");
    let refused = TimestampRequest::parse(&domain.read("q")).unwrap_err();
    assert!(matches!(refused, RequestError::Imprint(_)));
    assert_eq!(refused.fail_info(), FailInfo::BadAlg);
}

#[test]
fn openssl_verifies_ours() {
    if !has_openssl() {
        return;
    }
    for algorithm in ALGORITHMS {
        let stamper = Stamper::new(algorithm);
        let domain = &stamper.domain;
        domain.write_certificates("root.pem", &[&domain.root]);
        domain.write_certificates("known.pem", &[&domain.issuing, &stamper.certificate]);
        domain.write("text", TEXT);
        domain.write("other", b"other");
        domain.openssl_ok("ts -query -data text -sha256 -cert -out q");
        let request = TimestampRequest::parse(&domain.read("q")).unwrap();
        let info = TstInfo { nonce: request.nonce.clone(), ..stamper.info() };
        let common = format!("-CAfile root.pem -untrusted known.pem -attime {}", now().seconds());
        for wish in [CertificateWish::Include, CertificateWish::Omit] {
            let token = stamper.stamp(&info, wish);
            domain.write("t", &token);
            domain.write("r", &response::granted(&token));
            domain.openssl_ok(&format!("ts -verify -in t -token_in -data text {common}"));
            domain.openssl_ok(&format!("ts -verify -in r -data text {common}"));
            if wish == CertificateWish::Include {
                domain.openssl_ok(&format!("ts -verify -in r -queryfile q {common}"));
            }
            let other = domain.openssl(&format!("ts -verify -in r -data other {common}"));
            assert!(!other.status.success(), "openssl accepts anything");
        }
        domain.write("no", &response::rejected(FailInfo::UnacceptedPolicy, "not that policy"));
        let text = domain.openssl_ok("ts -reply -in no -text");
        assert!(text.contains("not that policy") && text.contains("Rejected"), "{text}");
    }
}

#[test]
fn ours_verifies_openssl() {
    if !has_openssl() {
        return;
    }
    for algorithm in ALGORITHMS {
        let start = wall_clock();
        let stamper = Stamper::around(algorithm, start);
        let domain = &stamper.domain;
        domain.write_certificates("leaf.pem", &[&stamper.certificate]);
        // The leaf is longer than its issuer here, and openssl writes the bag as it comes.
        domain.write_certificates("bag.pem", &[&domain.root, &domain.issuing]);
        domain.write_key("key.pem", &stamper.key);
        domain.write("text", TEXT);
        for (digest, ess) in [("sha256", "sha256"), ("sha384", "sha1"), ("sha512", "sha512")] {
            domain.write("ts.cnf", configuration(digest, ess).as_bytes());
            domain.openssl_ok("ts -query -data text -sha512 -cert -out q");
            domain.openssl_ok("ts -reply -config ts.cnf -queryfile q -out r");
            let request = TimestampRequest::parse(&domain.read("q")).unwrap();
            let roots = [domain.root.clone()];
            let expected = Expected {
                stamped: Stamped::Imprint(&request.imprint),
                nonce: request.nonce.as_ref(),
                policy: Some(POLICY),
                earliest: Some(start.plus_seconds(-2)),
                latest: Some(wall_clock().plus_seconds(2)),
            };
            let trust = Trust { roots: &roots, known: &[], stampers: Stampers::Any, lists: &[] };
            let verified = verify::response(&domain.read("r"), &expected, &trust).unwrap();
            assert_eq!(verified.authority(), &stamper.certificate);
            assert_eq!(verified.accuracy(), Some(Accuracy { seconds: 1, millis: 500, micros: 100 }));
            assert_eq!((verified.policy(), verified.chain().root()), (POLICY, &domain.root));
            domain.write("t", verified.token());
            domain.openssl_ok("ts -reply -in t -token_in -token_out -out t2");
            assert_eq!(domain.read("t2"), verified.token());
        }
    }
}

fn configuration(digest: &str, ess: &str) -> String {
    format!(
        "[tsa]\ndefault_tsa = one\n[one]\ndir = .\nserial = serial\ncrypto_device = builtin\n\
         signer_cert = leaf.pem\ncerts = bag.pem\nsigner_key = key.pem\nsigner_digest = {digest}\n\
         default_policy = 1.3.6.1.4.1.32473.1.1\ndigests = sha256, sha384, sha512\n\
         accuracy = secs:1, millisecs:500, microsecs:100\nclock_precision_digits = 3\nordering = yes\n\
         tsa_name = yes\ness_cert_id_chain = no\ness_cert_id_alg = {ess}\n"
    )
}

#[test]
fn every_flipped_byte_is_refused() {
    let stamper = Stamper::new(KeyAlgorithm::EcdsaP256);
    let good = stamper.stamp(&stamper.info(), CertificateWish::Include);
    stamper.check(&good).unwrap();
    for at in 0..good.len() {
        for mask in [0x01, 0x02, 0x20, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= mask;
            assert!(stamper.check(&bad).is_err(), "byte {at} of {}, mask {mask:#x}", good.len());
        }
        assert!(stamper.check(&good[..at]).is_err(), "cut at {at}");
    }
    assert!(stamper.check(&[good.as_slice(), &[0]].concat()).is_err());
    let answer = response::granted(&good);
    let roots = [stamper.domain.root.clone()];
    let trust = Trust { roots: &roots, known: &[], stampers: Stampers::Any, lists: &[] };
    for at in 0..answer.len() {
        let mut bad = answer.clone();
        bad[at] ^= 0x01;
        // Status 0 and 1 both mean granted; whatever is verified is the same token.
        if let Ok(verified) = verify::response(&bad, &Expected::of(Stamped::Message(TEXT)), &trust) {
            assert_eq!(verified.token(), good, "byte {at}");
        }
    }
}

#[test]
fn what_is_expected_is_demanded() {
    let stamper = Stamper::new(KeyAlgorithm::EcdsaP256);
    let info = stamper.info();
    let token = stamper.stamp(&info, CertificateWish::Include);
    let silent = stamper.stamp(&TstInfo { nonce: None, ..info.clone() }, CertificateWish::Include);
    let other_nonce = Nonce::from_random(&[0x92; 8]).unwrap();
    let other_imprint = Imprint::of(DigestAlgorithm::Sha384, TEXT);
    let any = Expected::of(Stamped::Message(TEXT));
    let second = |seconds: i64| Some(now().plus_seconds(seconds));
    type Judge = fn(&TimestampError) -> bool;
    let table: [(&[u8], Expected<'_>, Option<Judge>); 12] = [
        (&token, any, None),
        (&token, Expected { stamped: Stamped::Imprint(&info.imprint), ..any }, None),
        (&token, Expected { nonce: info.nonce.as_ref(), policy: Some(POLICY), ..any }, None),
        (&token, Expected { earliest: Some(now()), latest: Some(now()), ..any }, None),
        (&silent, any, None),
        (&token, Expected::of(Stamped::Message(b"x")), Some(|e| *e == TimestampError::Imprint)),
        (&token, Expected::of(Stamped::Imprint(&other_imprint)), Some(|e| *e == TimestampError::Imprint)),
        (&token, Expected { nonce: Some(&other_nonce), ..any }, Some(|e| *e == TimestampError::Nonce)),
        (&silent, Expected { nonce: Some(&other_nonce), ..any }, Some(|e| *e == TimestampError::Nonce)),
        (
            &token,
            Expected { policy: Some(oid::DATA), ..any },
            Some(|e| matches!(e, TimestampError::Policy(_))),
        ),
        (&token, Expected { earliest: second(1), ..any }, Some(|e| matches!(e, TimestampError::Time(_)))),
        (&token, Expected { latest: second(-1), ..any }, Some(|e| matches!(e, TimestampError::Time(_)))),
    ];
    for (at, (token, expected, judge)) in table.into_iter().enumerate() {
        match (stamper.check_with(token, &expected, &[]), judge) {
            (Ok(verified), None) => assert_eq!(verified.gen_time(), now()),
            (Err(error), Some(judge)) => assert!(judge(&error), "{at}: {error:?}"),
            (found, _) => panic!("{at}: {found:?}"),
        }
    }
}

#[test]
fn the_authority_must_be_one() {
    let right = Stamper::new(KeyAlgorithm::EcdsaP256);
    let usages: [(&str, Usage<'_>); 5] = [
        ("not critical", Usage::LeafNotCritical(&[purpose::TIME_STAMPING])),
        ("code signing", Usage::Leaf(&[purpose::CODE_SIGNING])),
        ("two purposes", Usage::Leaf(&[purpose::TIME_STAMPING, purpose::CODE_SIGNING])),
        ("server too", Usage::Leaf(&[purpose::SERVER_AUTH, purpose::TIME_STAMPING])),
        ("an authority", Usage::Authority),
    ];
    for (name, usage) in usages {
        let domain = Domain::new();
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let certificate = domain.leaf(10, usage, &key);
        let wrong = Stamper { domain, key, certificate };
        let found = wrong.check(&wrong.stamp(&wrong.info(), CertificateWish::Include));
        assert!(matches!(found, Err(TimestampError::Untrusted(_))), "{name}: {found:?}");
    }
    // Expired or not yet valid at genTime, whatever the time is now.
    for days in [-2, -1, 1, 2] {
        let info = TstInfo { gen_time: now().plus_seconds(days * 86_400), ..right.info() };
        let found = right.check(&right.stamp(&info, CertificateWish::Include));
        assert!(
            matches!(found, Err(TimestampError::Untrusted(ChainError::NotValid { .. }))),
            "{days}: {found:?}"
        );
    }
    let stranger = Stamper::new(KeyAlgorithm::EcdsaP256);
    let foreign = stranger.stamp(&stranger.info(), CertificateWish::Include);
    assert!(matches!(right.check(&foreign), Err(TimestampError::Untrusted(_))));
}

#[test]
fn certificates_come_from_the_bag_or_from_the_caller() {
    let stamper = Stamper::new(KeyAlgorithm::EcdsaP256);
    let bare = stamper.stamp(&stamper.info(), CertificateWish::Omit);
    let any = Expected::of(Stamped::Message(TEXT));
    assert!(matches!(stamper.check(&bare), Err(TimestampError::Signature(_))));
    let known = [stamper.domain.issuing.clone(), stamper.certificate.clone()];
    stamper.check_with(&bare, &any, &known).unwrap();
    let full = stamper.stamp(&stamper.info(), CertificateWish::Include);
    stamper.check_with(&full, &any, &known).unwrap();

    let roots = [stamper.domain.root.clone()];
    let other = stamper.domain.leaf(11, STAMPING, &stamper.key);
    for (pinned, accepted) in [
        (vec![stamper.certificate.clone()], true),
        (vec![other.clone(), stamper.certificate.clone()], true),
        (vec![other], false),
        (Vec::new(), false),
    ] {
        let trust = Trust { roots: &roots, known: &[], stampers: Stampers::Only(&pinned), lists: &[] };
        let found = verify::token(&full, &any, &trust);
        assert_eq!(found.is_ok(), accepted);
        assert!(accepted || matches!(found, Err(TimestampError::NotPinned)));
    }
}

#[test]
fn the_signer_names_itself() {
    let stamper = Stamper::new(KeyAlgorithm::EcdsaP256);
    let content = stamper.info().to_der().unwrap();
    let bag = [stamper.certificate.clone(), stamper.domain.issuing.clone()];
    let sha1 = |der: &[u8]| {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().to_vec()
    };
    let der = stamper.certificate.as_der();
    // The same key in another certificate: its signature verifies, its name in the token does not.
    let twin = stamper.domain.leaf(11, STAMPING, &stamper.key);
    let right = (oid::SIGNING_CERTIFICATE_V2, signing_certificate_v2(&DigestAlgorithm::Sha256.hash(der)));
    let right_old = (oid::SIGNING_CERTIFICATE, signing_certificate_v2(&sha1(der)));
    let wrong =
        (oid::SIGNING_CERTIFICATE_V2, signing_certificate_v2(&DigestAlgorithm::Sha256.hash(twin.as_der())));
    let wrong_old = (oid::SIGNING_CERTIFICATE, signing_certificate_v2(&sha1(twin.as_der())));
    let short = (oid::SIGNING_CERTIFICATE_V2, signing_certificate_v2(&[]));
    let empty = (oid::SIGNING_CERTIFICATE_V2, tlv(0x30, &[&tlv(0x30, &[])]));
    let sha1_in_new = (oid::SIGNING_CERTIFICATE_V2, signing_certificate_v2(&sha1(der)));
    let table: [(&str, Extra, bool); 10] = [
        ("new", vec![right.clone()], true),
        ("old", vec![right_old.clone()], true),
        ("both", vec![right.clone(), right_old.clone()], true),
        ("none", vec![], false),
        ("wrong", vec![wrong.clone()], false),
        ("wrong old", vec![wrong_old.clone()], false),
        ("right and wrong old", vec![right, wrong_old], false),
        ("wrong and right old", vec![wrong, right_old], false),
        ("nothing inside", vec![empty], false),
        ("sha-1 where it may not be", vec![sha1_in_new], false),
    ];
    for (name, extra, accepted) in table {
        let found = stamper.check(&stamper.stamp_raw(&content, &extra, &bag));
        assert_eq!(found.is_ok(), accepted, "{name}: {found:?}");
        assert!(accepted || matches!(found, Err(TimestampError::SignerNotNamed)), "{name}");
    }
    assert!(stamper.check(&stamper.stamp_raw(&content, &[short], &bag)).is_err());
}

#[test]
fn information_is_read_strictly() {
    let stamper = Stamper::new(KeyAlgorithm::EcdsaP256);
    let bag = [stamper.certificate.clone(), stamper.domain.issuing.clone()];
    let named = (
        oid::SIGNING_CERTIFICATE_V2,
        signing_certificate_v2(&DigestAlgorithm::Sha256.hash(stamper.certificate.as_der())),
    );
    let policy = tlv(6, &[POLICY.as_bytes()]);
    let imprint =
        |oid: &[u8], value: &[u8]| tlv(0x30, &[&tlv(0x30, &[&tlv(6, &[oid]), &[5, 0]]), &tlv(4, &[value])]);
    let sha256 = imprint(chancery_x509::oid::SHA256, &DigestAlgorithm::Sha256.hash(TEXT));
    let sha1 = imprint(&[0x2b, 0x0e, 3, 2, 0x1a], &[0; 20]);
    let cut = imprint(chancery_x509::oid::SHA256, &[0; 20]);
    let time = tlv(0x18, &[b"20261120120000Z"]);
    let critical = tlv(0xa1, &[&tlv(0x30, &[&policy, &[1, 1, 0xff], &[4, 0]])]);
    let harmless = tlv(0xa1, &[&tlv(0x30, &[&policy, &[4, 0]])]);
    let serial = [2, 1, 5];
    let long = [&[2, 22, 0][..], &[1; 21]].concat();
    let table: [(&str, Vec<&[u8]>, bool); 12] = [
        ("plain", vec![&[2, 1, 1], &policy, &sha256, &serial, &time], true),
        ("ordering false", vec![&[2, 1, 1], &policy, &sha256, &serial, &time, &[1, 1, 0]], true),
        ("with a name", vec![&[2, 1, 1], &policy, &sha256, &serial, &time, &[0xa0, 2, 0x82, 0]], true),
        ("extension", vec![&[2, 1, 1], &policy, &sha256, &serial, &time, &harmless], true),
        ("critical extension", vec![&[2, 1, 1], &policy, &sha256, &serial, &time, &critical], false),
        ("version 2", vec![&[2, 1, 2], &policy, &sha256, &serial, &time], false),
        ("sha-1 imprint", vec![&[2, 1, 1], &policy, &sha1, &serial, &time], false),
        ("short imprint", vec![&[2, 1, 1], &policy, &cut, &serial, &time], false),
        // Authorities that write 32 random bits as they are make one every second time.
        ("negative serial", vec![&[2, 1, 1], &policy, &sha256, &[2, 1, 0xff], &time], true),
        ("long serial", vec![&[2, 1, 1], &policy, &sha256, &long, &time], false),
        ("no time", vec![&[2, 1, 1], &policy, &sha256, &serial], false),
        ("utc time", vec![&[2, 1, 1], &policy, &sha256, &serial, &[0x17, 1, 0x5a]], false),
    ];
    for (name, parts, accepted) in table {
        let token = stamper.stamp_raw(&tlv(0x30, &parts), std::slice::from_ref(&named), &bag);
        let found = stamper.check(&token);
        assert_eq!(found.is_ok(), accepted, "{name}: {found:?}");
    }
}
