//! CMS signatures: openssl in both directions, every byte flipped, hostile bags and attributes.
#![expect(clippy::unwrap_used, reason = "test")]
#![expect(clippy::indexing_slicing, reason = "test")]
#![expect(clippy::print_stdout, reason = "test tells when a foreign tool is absent")]

mod counterpart;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::DigestAlgorithm;
use chancery_testkit::keys::TestKey;
use chancery_testkit::pki::{Usage, purpose, tlv};
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::{self, Purpose};
use chancery_x509::cms::attribute::Attribute;
use chancery_x509::cms::parse::{self, ParseError, SignerId};
use chancery_x509::cms::signed_attributes::{AttributesError, SignedAttributes};
use chancery_x509::cms::signed_data::{self, EncapsulatedContent, Parts};
use chancery_x509::cms::unsigned::{self, AttachError};
use chancery_x509::cms::verify::{Expected, Message, VerifiedSigner, VerifyError, verify};
use chancery_x509::cms::{algorithm, oid};
use chancery_x509::signature::SignatureScheme;
use const_oid::ObjectIdentifier;
use counterpart::{Domain, has_openssl, now};

const CODE: Usage<'_> = Usage::Leaf(&[purpose::CODE_SIGNING]);
const TEXT: &[u8] = b"what is signed\n";

/// Name, attributes, and how it is refused.
type Case<'a> = (&'a str, &'a [&'a [u8]], Option<&'a str>);

struct Signer {
    key: TestKey,
    certificate: Certificate,
}

impl Signer {
    fn new(world: &Domain, serial: u8, algorithm: KeyAlgorithm) -> Self {
        let key = TestKey::generate(algorithm);
        let certificate = world.leaf(serial, CODE, &key);
        Self { key, certificate }
    }
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::of(self.key.public_key().algorithm)
    }
    /// Signs `content` as data, or `content` as an Authenticode element.
    fn sign(&self, content: EncapsulatedContent<'_>, bag: &[Certificate]) -> Vec<u8> {
        let (content_type, covered) = match content {
            EncapsulatedContent::Detached => (oid::DATA, TEXT),
            EncapsulatedContent::Octets(octets) => (oid::DATA, octets),
            EncapsulatedContent::Pkcs7(element) => (oid::SPC_INDIRECT_DATA, &element[2..]),
        };
        let digest = self.scheme().digest().unwrap().hash(covered);
        let attributes = SignedAttributes::build(content_type, &digest, &[]).unwrap();
        let signature = self.key.sign(attributes.to_be_signed());
        signed_data::assemble(&Parts {
            content_type,
            content,
            signer: &self.certificate,
            certificates: bag,
            attributes: &attributes,
            scheme: self.scheme(),
            signature: &signature,
        })
        .unwrap()
    }
}

fn check(
    cms: &[u8],
    content_type: ObjectIdentifier,
    message: Message<'_>,
    known: &[Certificate],
) -> Result<VerifiedSigner, String> {
    let parsed = parse::parse(cms).map_err(|error| format!("{error:?}"))?;
    verify(&parsed, &Expected { content_type, message, known }).map_err(|error| format!("{error:?}"))
}

#[test]
fn openssl_verifies_ours() {
    if !has_openssl() {
        return;
    }
    let world = Domain::new();
    world.write_certificates("root.pem", &[&world.root]);
    world.write("text", TEXT);
    let algorithms = [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072];
    for (serial, algorithm) in (10..).zip(algorithms) {
        let signer = Signer::new(&world, serial, algorithm);
        let bag = [signer.certificate.clone(), world.issuing.clone()];
        let common =
            format!("-inform DER -CAfile root.pem -purpose any -attime {} -out out", now().seconds());
        world.write("detached", &signer.sign(EncapsulatedContent::Detached, &bag));
        world.openssl_ok(&format!("cms -verify -binary -in detached -content text {common}"));
        world.write("embedded", &signer.sign(EncapsulatedContent::Octets(TEXT), &bag));
        world.openssl_ok(&format!("cms -verify -binary -in embedded {common}"));
        assert_eq!(world.read("out"), TEXT);
        world.write("text2", b"something else");
        let other = world.openssl(&format!("cms -verify -binary -in detached -content text2 {common}"));
        assert!(!other.status.success(), "openssl accepts anything");
    }
}

#[test]
fn ours_verifies_openssl() {
    if !has_openssl() {
        return;
    }
    let world = Domain::new();
    world.write("text", TEXT);
    let algorithms = [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072];
    for (serial, algorithm) in (10..).zip(algorithms) {
        let signer = Signer::new(&world, serial, algorithm);
        world.write_key("key.pem", &signer.key);
        world.write_certificates("leaf.pem", &[&signer.certificate]);
        world.write_certificates("issuing.pem", &[&world.issuing]);
        let sign =
            "cms -sign -binary -outform DER -in text -signer leaf.pem -inkey key.pem -certfile issuing.pem";
        for (md, digest) in [
            ("sha256", DigestAlgorithm::Sha256),
            ("sha384", DigestAlgorithm::Sha384),
            ("sha512", DigestAlgorithm::Sha512),
        ] {
            for extra in ["", " -nodetach", " -keyid", " -nosmimecap", " -nodetach -keyid"] {
                world.openssl_ok(&format!("{sign} -md {md}{extra} -out s"));
                let cms = world.read("s");
                let verified = check(&cms, oid::DATA, Message::Bytes(TEXT), &[]).unwrap();
                assert_eq!(verified.certificate(), &signer.certificate);
                assert_eq!(verified.digest(), digest);
                let given = digest.hash(TEXT);
                check(&cms, oid::DATA, Message::Digest(digest, &given), &[]).unwrap();
                assert!(check(&cms, oid::DATA, Message::Bytes(b"other"), &[]).is_err());
                let by_key_id =
                    matches!(parse::parse(&cms).unwrap().signers[0].id, SignerId::SubjectKeyId(_));
                assert_eq!(by_key_id, extra.contains("keyid"));
            }
        }
        for refused in ["-md sha1", "-md sha256 -noattr", "-md sha256 -nocerts", "-md sha224"] {
            world.openssl_ok(&format!("{sign} {refused} -out s"));
            assert!(check(&world.read("s"), oid::DATA, Message::Bytes(TEXT), &[]).is_err(), "{refused}");
        }
    }
}

#[test]
fn the_digest_covers_what_the_caller_says() {
    let world = Domain::new();
    let signer = Signer::new(&world, 10, KeyAlgorithm::EcdsaP256);
    let bag = [signer.certificate.clone()];
    let detached = signer.sign(EncapsulatedContent::Detached, &bag);
    let embedded = signer.sign(EncapsulatedContent::Octets(TEXT), &bag);
    let digest = DigestAlgorithm::Sha256.hash(TEXT);
    let long = DigestAlgorithm::Sha384.hash(TEXT);
    let table: [(&[u8], Message<'_>, Result<(), &str>); 10] = [
        (&detached, Message::Bytes(TEXT), Ok(())),
        (&detached, Message::Digest(DigestAlgorithm::Sha256, &digest), Ok(())),
        (&detached, Message::Embedded, Err("Detached")),
        (&detached, Message::Bytes(b""), Err("MessageDigest")),
        (&detached, Message::Digest(DigestAlgorithm::Sha384, &long), Err("DigestAlgorithm")),
        (&embedded, Message::Embedded, Ok(())),
        (&embedded, Message::Bytes(TEXT), Ok(())),
        (&embedded, Message::Digest(DigestAlgorithm::Sha256, &digest), Ok(())),
        (&embedded, Message::Bytes(b"other"), Err("EmbeddedDiffers")),
        (&embedded, Message::Digest(DigestAlgorithm::Sha256, &[0; 32]), Err("EmbeddedDiffers")),
    ];
    for (cms, message, expected) in table {
        let found = check(cms, oid::DATA, message, &[]);
        match expected {
            Ok(()) => assert_eq!(found.unwrap().certificate(), &signer.certificate),
            Err(reason) => assert!(found.unwrap_err().starts_with(reason), "{message:?}"),
        }
    }
    let wrong_type = check(&embedded, oid::TST_INFO, Message::Embedded, &[]).unwrap_err();
    assert!(wrong_type.starts_with("ContentType"));
}

#[test]
fn every_flipped_byte_is_refused() {
    let world = Domain::new();
    let signer = Signer::new(&world, 10, KeyAlgorithm::EcdsaP256);
    let bag = [signer.certificate.clone(), world.issuing.clone()];
    let spc = tlv(0x30, &[&tlv(4, &[TEXT])]);
    for (content, content_type) in [
        (EncapsulatedContent::Octets(TEXT), oid::DATA),
        (EncapsulatedContent::Pkcs7(&spc), oid::SPC_INDIRECT_DATA),
    ] {
        let good = signer.sign(content, &bag);
        let judge = |cms: &[u8]| {
            let signed = parse::parse(cms).map_err(|_| ())?;
            let expected = Expected { content_type, message: Message::Embedded, known: &[] };
            let signer = verify(&signed, &expected).map_err(|_| ())?;
            let pool: Vec<_> =
                signed.certificates.iter().filter_map(|der| Certificate::parse(der).ok()).collect();
            let roots = [world.root.clone()];
            chain::verify(signer.certificate(), &pool, &roots, Purpose::CodeSigning, now()).map_err(|_| ())
        };
        judge(&good).unwrap();
        for at in 0..good.len() {
            for mask in [0x01, 0x20, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= mask;
                assert!(judge(&bad).is_err(), "byte {at} of {}, mask {mask:#x}", good.len());
            }
            assert!(judge(&good[..at]).is_err(), "cut at {at}");
        }
        assert!(judge(&[good.as_slice(), &[0]].concat()).is_err());
    }
}

#[test]
fn only_the_certificate_that_verified_is_named() {
    let world = Domain::new();
    let signer = Signer::new(&world, 10, KeyAlgorithm::EcdsaP256);
    let other = Signer::new(&world, 11, KeyAlgorithm::EcdsaP256);
    let same_name = Signer::new(&world, 10, KeyAlgorithm::EcdsaP256);
    let good = signer.certificate.clone();
    let strangers = [other.certificate.clone(), world.issuing.clone(), world.root.clone()];
    let bag_of = |certificates: &[&Certificate]| {
        let cms = signer.sign(EncapsulatedContent::Octets(TEXT), &[]);
        with_bag(&cms, certificates)
    };
    for at in 0..=strangers.len() {
        let mut bag: Vec<&Certificate> = strangers.iter().collect();
        bag.insert(at, &good);
        let found = check(&bag_of(&bag), oid::DATA, Message::Embedded, &[]).unwrap();
        assert_eq!(found.certificate(), &good, "{at}");
    }
    let missing = check(&bag_of(&[&other.certificate]), oid::DATA, Message::Embedded, &[]).unwrap_err();
    assert_eq!(missing, "CertificateMissing");
    let imitation = check(&bag_of(&[&same_name.certificate]), oid::DATA, Message::Embedded, &[]);
    assert!(imitation.unwrap_err().starts_with("Signature"));
    for pair in [[&good, &same_name.certificate], [&same_name.certificate, &good]] {
        let found = check(&bag_of(&pair), oid::DATA, Message::Embedded, &[]).unwrap_err();
        assert_eq!(found, "CertificateAmbiguous");
    }
    check(&bag_of(&[&good, &good]), oid::DATA, Message::Embedded, &[]).unwrap();
    let known = [other.certificate.clone(), good.clone()];
    check(&bag_of(&[]), oid::DATA, Message::Embedded, &known).unwrap();
}

/// Puts certificates, in this order, into a SignedData over data that has none.
fn with_bag(cms: &[u8], certificates: &[&Certificate]) -> Vec<u8> {
    let bag: Vec<&[u8]> = certificates.iter().map(|one| one.as_der()).collect();
    rebuild(cms, |elements| {
        if !bag.is_empty() {
            elements.insert(3, tlv(0xa0, &bag));
        }
    })
}

/// Takes a SignedData apart into its elements and puts it together again.
fn rebuild(cms: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    use chancery_x509::tlv::{Reader, context};
    let mut info = Reader::new(cms).inner(0x30).unwrap();
    let content_type = info.any().unwrap().raw.to_vec();
    let mut body = info.inner(context(0)).unwrap().inner(0x30).unwrap();
    let mut elements = Vec::new();
    while !body.is_empty() {
        elements.push(body.any().unwrap().raw.to_vec());
    }
    change(&mut elements);
    let parts: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
    tlv(0x30, &[&content_type, &tlv(0xa0, &[&tlv(0x30, &parts)])])
}

#[test]
fn signers_are_counted() {
    let world = Domain::new();
    let signer = Signer::new(&world, 10, KeyAlgorithm::EcdsaP256);
    let cms = signer.sign(EncapsulatedContent::Octets(TEXT), std::slice::from_ref(&signer.certificate));
    let none = rebuild(&cms, |elements| *elements.last_mut().unwrap() = tlv(0x31, &[]));
    let twice = rebuild(&cms, |elements| {
        let set = elements.last_mut().unwrap();
        let info = chancery_x509::tlv::Reader::new(set).value(0x31).unwrap().to_vec();
        *set = tlv(0x31, &[&info, &info]);
    });
    let many = rebuild(&cms, |elements| {
        let set = elements.last_mut().unwrap();
        let info = chancery_x509::tlv::Reader::new(set).value(0x31).unwrap().to_vec();
        *set = tlv(0x31, &[info.as_slice(); 9]);
    });
    for (cms, expected) in [(none, "Signers(0)"), (twice, "Signers(2)"), (many, "Der")] {
        let found = check(&cms, oid::DATA, Message::Embedded, &[]).unwrap_err();
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn attributes_follow_the_rules() {
    let world = Domain::new();
    let signer = Signer::new(&world, 10, KeyAlgorithm::EcdsaP256);
    let digest = DigestAlgorithm::Sha256.hash(TEXT);
    let attribute = |oid: ObjectIdentifier, values: &[&[u8]]| {
        tlv(0x30, &[&tlv(6, &[oid.as_bytes()]), &tlv(0x31, values)])
    };
    let data = tlv(6, &[oid::DATA.as_bytes()]);
    let octets = tlv(4, &[&digest]);
    let content_type = attribute(oid::CONTENT_TYPE, &[&data]);
    let message_digest = attribute(oid::MESSAGE_DIGEST, &[&octets]);
    let other_type = attribute(oid::CONTENT_TYPE, &[&tlv(6, &[oid::TST_INFO.as_bytes()])]);
    let two_digests = attribute(oid::MESSAGE_DIGEST, &[&octets, &octets]);
    let empty = attribute(oid::SIGNING_TIME, &[]);
    let sequence_digest = attribute(oid::MESSAGE_DIGEST, &[&tlv(0x30, &[&octets])]);
    let short = attribute(oid::MESSAGE_DIGEST, &[&tlv(4, &[&digest[..31]])]);
    let table: [Case<'_>; 11] = [
        ("sorted", &[&content_type, &message_digest], None),
        ("unsorted, as found in the wild", &[&message_digest, &content_type], None),
        ("no message digest", &[&content_type], Some("SignedAttributes")),
        ("no content type", &[&message_digest], Some("SignedAttributes")),
        ("nothing", &[], Some("SignedAttributes")),
        ("content type twice", &[&content_type, &content_type, &message_digest], Some("SignedAttributes")),
        ("digest with two values", &[&content_type, &two_digests], Some("SignedAttributes")),
        ("attribute without value", &[&content_type, &message_digest, &empty], Some("SignedAttributes")),
        ("digest of another type", &[&content_type, &sequence_digest], Some("SignedAttributes")),
        ("digest cut short", &[&content_type, &short], Some("MessageDigest")),
        ("other content type", &[&other_type, &message_digest], Some("ContentType")),
    ];
    for (name, attributes, expected) in table {
        let cms = raw(&signer, &tlv(0x31, attributes));
        let found = check(&cms, oid::DATA, Message::Embedded, &[]).map(|_| ());
        match expected {
            None => assert_eq!(found, Ok(()), "{name}"),
            Some(reason) => assert!(found.unwrap_err().starts_with(reason), "{name}"),
        }
    }
}

/// A SignedData over TEXT whose attributes are given as a whole SET, signed as they are.
fn raw(signer: &Signer, set: &[u8]) -> Vec<u8> {
    let mut attributes = set.to_vec();
    attributes[0] = 0xa0;
    let digest = algorithm::digest_identifier(DigestAlgorithm::Sha256);
    let id = tlv(0x30, &[signer.certificate.issuer().as_der(), &signer.certificate.serial().to_der()]);
    let signature = tlv(4, &[&signer.key.sign(set)]);
    let info = tlv(
        0x30,
        &[&[2, 1, 1], &id, &digest, &attributes, &algorithm::scheme_identifier(signer.scheme()), &signature],
    );
    let data = tlv(6, &[oid::DATA.as_bytes()]);
    let content = tlv(0x30, &[&data, &tlv(0xa0, &[&tlv(4, &[TEXT])])]);
    let bag = tlv(0xa0, &[signer.certificate.as_der()]);
    let body = tlv(0x30, &[&[2, 1, 1], &tlv(0x31, &[&digest]), &content, &bag, &tlv(0x31, &[&info])]);
    tlv(0x30, &[&tlv(6, &[oid::SIGNED_DATA.as_bytes()]), &tlv(0xa0, &[&body])])
}

#[test]
fn attributes_to_be_signed_are_checked() {
    let digest = [0; 32];
    let value = vec![4, 0];
    let build = |extra: &[(ObjectIdentifier, Vec<u8>)]| SignedAttributes::build(oid::DATA, &digest, extra);
    let set = build(&[(oid::SIGNING_TIME, value.clone())]).unwrap();
    assert_eq!(set.to_be_signed().first(), Some(&0x31));
    for twice in [oid::CONTENT_TYPE, oid::MESSAGE_DIGEST] {
        assert_eq!(build(&[(twice, value.clone())]), Err(AttributesError::Duplicate(twice)));
    }
    for wrong in [vec![], vec![4], vec![4, 1], vec![4, 0, 4, 0], vec![4, 0x81, 0]] {
        let found = build(&[(oid::SIGNING_TIME, wrong)]);
        assert!(matches!(found, Err(AttributesError::Value { .. })));
    }
}

#[test]
fn an_unsigned_attribute_changes_nothing_else() {
    let world = Domain::new();
    let signer = Signer::new(&world, 10, KeyAlgorithm::EcdsaP256);
    let bag = [signer.certificate.clone(), world.issuing.clone()];
    let before = signer.sign(EncapsulatedContent::Octets(TEXT), &bag);
    let token = Attribute::single(oid::TIME_STAMP_TOKEN, tlv(0x30, &[&[4; 4][..], &vec![5; 300]]));
    let malformed = Attribute::single(oid::TIME_STAMP_TOKEN, vec![0x30, 9]);
    assert!(matches!(unsigned::attach(&before, &malformed), Err(AttachError::Result(_))));
    let token = Attribute { values: vec![tlv(4, &[&vec![5; 300]])], ..token };
    let once = unsigned::attach(&before, &token).unwrap();
    assert_eq!(unsigned::attach(&once, &token), Err(AttachError::Present(oid::TIME_STAMP_TOKEN)));
    let nested = Attribute::single(oid::SPC_NESTED_SIGNATURE, vec![0x30, 0]);
    let twice = unsigned::attach(&once, &nested).unwrap();
    let [first, second, third] = [&before, &once, &twice].map(|cms| parse::parse(cms).unwrap());
    assert_eq!(first.certificates, third.certificates);
    assert_eq!(first.content, third.content);
    let found = check(&twice, oid::DATA, Message::Embedded, &[]).unwrap();
    assert_eq!(found.unsigned_attributes().len(), 2);
    assert!(found.unsigned_attributes().contains(&token));
    assert_eq!(found.signature(), first.signers[0].signature);
    assert_eq!(second.signers[0].signed_attributes, first.signers[0].signed_attributes);
    if has_openssl() {
        world.write_certificates("root.pem", &[&world.root]);
        world.write("twice", &twice);
        let at = now().seconds();
        world.openssl_ok(&format!(
            "cms -verify -binary -inform DER -in twice -CAfile root.pem -purpose any -attime {at} -out out"
        ));
    }
}

#[test]
fn versions_and_announcements_are_exact() {
    let world = Domain::new();
    let signer = Signer::new(&world, 10, KeyAlgorithm::EcdsaP256);
    let cms = signer.sign(EncapsulatedContent::Octets(TEXT), std::slice::from_ref(&signer.certificate));
    let sha384 = algorithm::digest_identifier(DigestAlgorithm::Sha384);
    let sha256 = algorithm::digest_identifier(DigestAlgorithm::Sha256);
    let changed = |at: usize, element: Vec<u8>| {
        parse::parse(&rebuild(&cms, |elements| elements[at] = element)).map(|_| ())
    };
    assert_eq!(changed(0, vec![2, 1, 3]), Err(ParseError::Version { found: 3, expected: 1 }));
    assert_eq!(changed(1, tlv(0x31, &[])), Err(ParseError::DigestNotAnnounced));
    assert_eq!(changed(1, tlv(0x31, &[&sha384])), Err(ParseError::DigestNotAnnounced));
    assert_eq!(changed(1, tlv(0x31, &[&sha384, &sha256])), Ok(()));
    let many: Vec<&[u8]> = vec![signer.certificate.as_der(); 33];
    assert!(changed(3, tlv(0xa0, &many)).is_err());
    let attribute_certificate = tlv(0xa0, &[signer.certificate.as_der(), &[0xa1, 0]]);
    assert!(changed(3, attribute_certificate).is_err());
}

#[test]
fn a_weak_key_is_named_as_such() {
    // An Ed25519 leaf cannot have made an ECDSA signature; the refusal says so.
    let world = Domain::new();
    let signer = Signer::new(&world, 10, KeyAlgorithm::EcdsaP256);
    let edwards = TestKey::generate(KeyAlgorithm::Ed25519);
    let imitation = world.leaf(10, CODE, &edwards);
    let cms = with_bag(&signer.sign(EncapsulatedContent::Octets(TEXT), &[]), &[&imitation]);
    let parsed = parse::parse(&cms).unwrap();
    let expected = Expected { content_type: oid::DATA, message: Message::Embedded, known: &[] };
    assert!(matches!(verify(&parsed, &expected), Err(VerifyError::Signature(_))));
}
