//! Bundles of every version, and what is not one.

use super::*;
use serde_json::{Value, json};

fn document() -> Value {
    let hash = STANDARD.encode([7; 32]);
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            "x509CertificateChain": {"certificates": [{"rawBytes": "AQID"}]},
            "tlogEntries": [{
                "logIndex": "9",
                "logId": {"keyId": hash},
                "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
                "integratedTime": "1689177396",
                "inclusionPromise": {"signedEntryTimestamp": "AQID"},
                "inclusionProof": {
                    "logIndex": "8", "rootHash": hash, "treeSize": "13", "hashes": [hash],
                    "checkpoint": {"envelope": "text"}
                },
                "canonicalizedBody": "e30="
            }],
            "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": "AQID"}]}
        },
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": hash}, "signature": "BAUG"
        }
    })
}

fn parse(document: &Value) -> Result<ForeignBundle, InvalidForeignBundle> {
    ForeignBundle::parse(document.to_string().as_bytes())
}

#[test]
fn a_bundle_is_read_as_it_is() {
    let bundle = parse(&document()).unwrap();
    assert_eq!(bundle.version, Version::V01);
    assert_eq!(bundle.material, Material::Certificates(vec![vec![1, 2, 3]]));
    assert_eq!(bundle.content.signature(), [4, 5, 6]);
    assert_eq!(bundle.timestamps, [[1, 2, 3]]);
    let [entry] = bundle.entries.as_slice() else { panic!("{:?}", bundle.entries) };
    assert_eq!((entry.log_index, entry.integrated_time), (9, Some(1_689_177_396)));
    let proof = entry.proof.as_ref().unwrap();
    assert_eq!((proof.index, proof.size, proof.checkpoint.as_deref()), (8, 13, Some("text")));
}

#[test]
fn both_spellings_and_all_versions_are_known() {
    let certificate = json!({"rawBytes": "AQID"});
    for (media_type, version, name) in [
        ("application/vnd.dev.sigstore.bundle+json;version=0.1", Version::V01, "0.1"),
        ("application/vnd.dev.sigstore.bundle+json;version=0.2", Version::V02, "0.2"),
        ("application/vnd.dev.sigstore.bundle+json;version=0.3", Version::V03, "0.3"),
        ("application/vnd.dev.sigstore.bundle.v0.3+json", Version::V03, "0.3"),
    ] {
        let mut document = document();
        document["mediaType"] = json!(media_type);
        let material = document["verificationMaterial"].as_object_mut().unwrap();
        material.remove("x509CertificateChain");
        material.insert("certificate".into(), certificate.clone());
        let bundle = parse(&document).unwrap();
        assert_eq!((bundle.version, version.name()), (version, name));
    }
}

#[test]
fn the_json_mapping_has_more_than_one_spelling() {
    let mut document = document();
    document["verificationMaterial"]["tlogEntries"][0]["logIndex"] = json!(9);
    document["verificationMaterial"]["certificate"] = Value::Null;
    document["dsseEnvelope"] = Value::Null;
    assert_eq!(parse(&document), parse(&self::document()));
}

#[test]
fn what_has_no_meaning_is_refused() {
    type Bend = fn(&mut Value);
    let cases: [(&str, Bend); 18] = [
        ("version", |d| d["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.4")),
        ("unknown member", |d| d["x"] = json!(1)),
        ("two contents", |d| {
            d["dsseEnvelope"] =
                json!({"payload": "AQ==", "payloadType": "t", "signatures": [{"sig": "AQ=="}]});
        }),
        ("no content", |d| d["messageSignature"] = Value::Null),
        ("two materials", |d| d["verificationMaterial"]["publicKey"] = json!({"hint": "x"})),
        ("no material", |d| d["verificationMaterial"]["x509CertificateChain"] = Value::Null),
        ("a chain in 0.3", |d| d["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.3+json")),
        ("an empty chain", |d| {
            d["verificationMaterial"]["x509CertificateChain"] = json!({"certificates": []})
        }),
        ("a long chain", |d| {
            let chain = vec![json!({"rawBytes": "AQID"}); MAX_CHAIN + 1];
            d["verificationMaterial"]["x509CertificateChain"] = json!({"certificates": chain});
        }),
        ("negative index", |d| d["verificationMaterial"]["tlogEntries"][0]["logIndex"] = json!("-9")),
        ("index with a zero", |d| d["verificationMaterial"]["tlogEntries"][0]["logIndex"] = json!("09")),
        ("a fraction", |d| d["verificationMaterial"]["tlogEntries"][0]["logIndex"] = json!(9.5)),
        ("a huge index", |d| d["verificationMaterial"]["tlogEntries"][0]["logIndex"] = json!(u64::MAX)),
        ("base64", |d| d["messageSignature"]["signature"] = json!("BAU")),
        ("an empty signature", |d| d["messageSignature"]["signature"] = json!("")),
        ("digest size", |d| d["messageSignature"]["messageDigest"]["digest"] = json!("BAUG")),
        ("digest name", |d| d["messageSignature"]["messageDigest"]["algorithm"] = json!("SHA1")),
        ("many entries", |d| {
            let entry = d["verificationMaterial"]["tlogEntries"][0].clone();
            d["verificationMaterial"]["tlogEntries"] = json!(vec![entry; MAX_ENTRIES + 1]);
        }),
    ];
    for (name, bend) in cases {
        let mut document = document();
        bend(&mut document);
        assert!(parse(&document).is_err(), "{name}");
    }
    let twice = document().to_string().replacen("\"mediaType\"", "\"mediaType\":\"x\",\"mediaType\"", 1);
    assert!(ForeignBundle::parse(twice.as_bytes()).is_err());
    let text = document().to_string();
    for cut in 0..text.len() {
        assert!(ForeignBundle::parse(&text.as_bytes()[..cut]).is_err(), "{cut}");
    }
    assert_eq!(
        ForeignBundle::parse(&vec![b' '; MAX_BUNDLE + 1]),
        Err(InvalidForeignBundle::Size(MAX_BUNDLE + 1))
    );
}

#[test]
fn an_envelope_has_one_signature() {
    let with = |count: usize| {
        let mut document = document();
        document["messageSignature"] = Value::Null;
        let signatures = vec![json!({"sig": "AQID", "keyid": "SHA256:x"}); count];
        document["dsseEnvelope"] = json!({"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": signatures});
        parse(&document)
    };
    let encoded = with(1).unwrap().content.encoded().unwrap();
    assert_eq!(encoded, b"DSSEv1 28 application/vnd.in-toto+json 2 {}");
    assert_eq!(with(0), Err(InvalidForeignBundle::Signatures(0)));
    assert_eq!(with(2), Err(InvalidForeignBundle::Signatures(2)));
}
