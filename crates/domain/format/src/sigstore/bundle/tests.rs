//! Tests of the bundle's reader and writer: round trips and everything that must be refused.

use super::*;

fn receipt(body: &[u8]) -> Receipt {
    let root = STANDARD.encode(Sha256::of(b"root").as_bytes());
    Receipt {
        origin: "log2026.sign.example".into(),
        index: 9,
        size: 13,
        leaf_hash: leaf_hash(body),
        proof: vec![Sha256::of(b"a"), Sha256::of(b"b")],
        checkpoint: format!("log2026.sign.example\n13\n{root}\n\n\u{2014} log2026.sign.example AAAA\n"),
    }
}

fn bundle(content: Content) -> Bundle {
    let body = b"{}".to_vec();
    let entry = TlogEntry::new(Sha256::of(b"log"), body.clone(), receipt(&body)).unwrap();
    Bundle { certificate: vec![0x30, 0], content, entry, timestamps: vec![vec![0x30, 0]] }
}

fn message() -> Bundle {
    bundle(Content::Message { digest: Sha256::of(b"x"), signature: vec![1, 2, 3] })
}

fn dsse() -> Bundle {
    let payload_type = super::super::dsse::IN_TOTO.to_owned();
    bundle(Content::Dsse(Envelope { payload: b"{}".to_vec(), payload_type, signature: vec![1, 2, 3] }))
}

#[test]
fn reads_what_it_writes() {
    for bundle in [message(), dsse()] {
        let json = bundle.to_json();
        assert_eq!(Bundle::parse(json.as_bytes()), Ok(bundle.clone()));
        let pretty: serde_json::Value = serde_json::from_str(&json).unwrap();
        let pretty = serde_json::to_string_pretty(&pretty).unwrap();
        assert_eq!(Bundle::parse(pretty.as_bytes()), Ok(bundle));
    }
}

#[test]
fn refuses_truncation_and_appended_bytes() {
    let json = dsse().to_json();
    for length in 0..json.len() {
        assert!(Bundle::parse(&json.as_bytes()[..length]).is_err(), "{length}");
    }
    for appended in ["x", "{}", "\0", ","] {
        assert!(Bundle::parse(format!("{json}{appended}").as_bytes()).is_err(), "{appended}");
    }
    assert_eq!(Bundle::parse(&vec![b' '; MAX_BUNDLE + 1]), Err(InvalidBundle::Size(MAX_BUNDLE + 1)));
}

#[test]
fn refuses_other_shapes() {
    let text = dsse().to_json();
    let raw = r#""certificate":{"rawBytes":"MAA="}"#;
    let cases = [
        ("unknown member", text.replacen('{', r#"{"x":1,"#, 1)),
        ("duplicate member", text.replacen("\"mediaType\"", "\"mediaType\":\"x\",\"mediaType\"", 1)),
        ("other media type", text.replace("bundle.v0.3", "bundle.v0.2")),
        ("chain", text.replace(raw, r#""x509CertificateChain":{"certificates":[]}"#)),
        ("public key", text.replace(raw, r#""publicKey":{"hint":"x"}"#)),
        ("no certificate", text.replace(&format!("{raw},"), "")),
        ("certificate as array", text.replace(raw, r#""certificate":["MAA="]"#)),
        ("null member", text.replacen('{', r#"{"messageSignature":null,"#, 1)),
        ("unpadded", text.replace("MAA=", "MAA")),
        ("url alphabet", text.replace(r#""sig":"AQID""#, r#""sig":"AQ-D""#)),
        ("stray bits", text.replace(r#""MAA=""#, r#""MAB=""#)),
        ("other kind", text.replace("hashedrekord", "dsse")),
        ("other version", text.replace("0.0.2", "0.0.1")),
        ("integrated time", text.replace(r#""integratedTime":"0""#, r#""integratedTime":"1""#)),
        ("number for text", text.replace(r#""logIndex":"9""#, r#""logIndex":9"#)),
        ("leading zero", text.replace(r#""logIndex":"9""#, r#""logIndex":"09""#)),
        ("index differs", text.replacen(r#""logIndex":"9""#, r#""logIndex":"8""#, 1)),
        ("size differs", text.replace(r#""treeSize":"13""#, r#""treeSize":"14""#)),
        ("keyid", text.replace(r#"{"sig""#, r#"{"keyid":"x","sig""#)),
        ("payload type", text.replace("in-toto+json", "in-toto+xml")),
        ("no signature", text.replace(r#"[{"sig":"AQID"}]"#, "[]")),
        ("two signatures", text.replace(r#"[{"sig":"AQID"}]"#, r#"[{"sig":"AQID"},{"sig":"AQID"}]"#)),
    ];
    for (name, changed) in cases {
        assert_ne!(changed, text, "{name}: the case changes nothing");
        assert!(Bundle::parse(changed.as_bytes()).is_err(), "{name}");
    }
}

#[test]
fn refuses_none_or_two_of_what_must_be_one() {
    let mut value: serde_json::Value = serde_json::from_str(&dsse().to_json()).unwrap();
    let refused = |value: &serde_json::Value| Bundle::parse(value.to_string().as_bytes()).unwrap_err();
    let entries = value["verificationMaterial"]["tlogEntries"].clone();
    value["verificationMaterial"]["tlogEntries"] = serde_json::json!([]);
    assert_eq!(refused(&value), InvalidBundle::TlogEntries(0));
    value["verificationMaterial"]["tlogEntries"] = serde_json::json!([entries[0], entries[0]]);
    assert_eq!(refused(&value), InvalidBundle::TlogEntries(2));
    value["verificationMaterial"]["tlogEntries"] = entries;
    let message: serde_json::Value = serde_json::from_str(&message().to_json()).unwrap();
    value["messageSignature"] = message["messageSignature"].clone();
    assert_eq!(refused(&value), InvalidBundle::Content);
}

#[test]
fn an_entry_belongs_to_its_receipt() {
    let other = TlogEntry::new(Sha256::of(b"log"), b"other".to_vec(), receipt(b"{}"));
    assert_eq!(other, Err(InvalidBundle::Disagrees("the leaf hash")));
    let mut moved = receipt(b"{}");
    moved.size = 12;
    let moved = TlogEntry::new(Sha256::of(b"log"), b"{}".to_vec(), moved);
    assert_eq!(moved, Err(InvalidBundle::Disagrees("the checkpoint")));
}

proptest::proptest! {
    /// Any text is refused or read; what is read is written and read again as the same.
    #[test]
    fn reading_is_total(position in 0usize..2000, replacement in "[\\x00-\\x7f]{0,4}", length in 0usize..6) {
        for bundle in [message(), dsse()] {
            let mut text = bundle.to_json().into_bytes();
            let from = position % text.len();
            let to = (from + length).min(text.len());
            drop(text.splice(from..to, replacement.bytes()));
            if let Ok(read) = Bundle::parse(&text) {
                proptest::prop_assert_eq!(Bundle::parse(read.to_json().as_bytes()), Ok(read));
            }
        }
    }
}
