//! From a leaf to a CloudEvents 1.0 document (structured mode, JSON).
//!
//! ```json
//! {"data":{"entry":{"key":"acme-cms","kind":"key",…},"index":17},"datacontenttype":"application/json",
//!  "id":"leaf-17-9f86d081884c7d65","source":"https://sign.example","specversion":"1.0","subject":"acme-cms",
//!  "time":"2026-11-20T21:47:03Z","type":"chancery.key.changed"}
//! ```
//!
//! `entry` is the leaf as the ledger has it, so a notice says nothing that is not public there already. The id holds the
//! start of the leaf's hash: after a restore with a gap the same index may be another leaf, and must be told again.

use chancery_core::digest::Sha256;
use chancery_core::port::courier::Notice;
use chancery_core::time::Time;
use chancery_ledger::event::{Event, SCHEMA};
use serde_json::{Value, json};

use super::kind::Kind;

/// The kind of a trial notice, which no configuration has to list.
const TRIAL: &str = "webhook.test";
/// Digits of a hash in an id: 64 bits.
const DIGITS: usize = 16;

/// The notice of a leaf, where it is of a kind that anybody can ask for.
#[must_use]
pub fn of_leaf(source: &str, index: u64, leaf: &str) -> Option<(Kind, Notice)> {
    // Entries of Sigstore formats are no events; the search spares the parser.
    let event = Some(leaf).filter(|leaf| leaf.contains(SCHEMA)).and_then(|leaf| Event::decode(leaf).ok())?;
    let (kind, subject) = Kind::of(&event.body)?;
    let entry: Value = serde_json::from_str(leaf).ok()?;
    let about = About {
        id: format!("leaf-{index}-{}", short(leaf.as_bytes())),
        kind: kind.name(),
        subject,
        time: event.time,
        data: json!({"entry": entry, "index": index}),
    };
    Some((kind, about.notice(source)))
}

/// A notice that tells nothing, to try a receiver.
#[must_use]
pub fn trial(source: &str, webhook: &str, at: Time) -> Notice {
    let id = format!("test-{}", short(format!("{webhook}/{}", at.millis()).as_bytes()));
    let data = json!({"webhook": webhook});
    About { id, kind: TRIAL, subject: webhook.to_owned(), time: at, data }.notice(source)
}

/// What a notice says.
#[derive(Debug)]
pub(super) struct About {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) subject: String,
    pub(super) time: Time,
    pub(super) data: Value,
}

impl About {
    pub(super) fn notice(self, source: &str) -> Notice {
        let Self { id, kind, subject, time, data } = self;
        let mut event = json!({
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": format!("chancery.{kind}"),
            "time": time.to_string(),
            "datacontenttype": "application/json",
            "data": data,
        });
        // CloudEvents 1.0 §3.1: `subject` is a non-empty string where it is there.
        if let Some(members) = event.as_object_mut().filter(|_| !subject.is_empty()) {
            members.insert("subject".to_owned(), subject.into());
        }
        Notice { id, kind: kind.to_owned(), body: event.to_string() }
    }
}

/// The first digits of a hash.
pub(super) fn short(bytes: &[u8]) -> String {
    Sha256::of(bytes).to_string().chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_ledger::event::{Body, Closed, DeniedCount, Root};

    fn leaf(body: Body) -> String {
        Event { time: Time::from_seconds(1_795_210_023), body }.encode().unwrap()
    }

    #[test]
    fn a_leaf_becomes_a_cloud_event_with_nothing_added() {
        let sha256 = Sha256::of(b"root");
        let text = leaf(Body::Root(Root { sha256 }));
        let (kind, notice) = of_leaf("https://sign.example", 0, &text).unwrap();
        assert_eq!(kind, Kind::PolicyChanged);
        let event: Value = serde_json::from_str(&notice.body).unwrap();
        let entry: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "specversion": "1.0", "id": notice.id, "source": "https://sign.example", "type": "chancery.policy.changed",
            "subject": sha256.to_string(), "time": "2026-11-20T21:27:03Z", "datacontenttype": "application/json",
            "data": {"entry": entry, "index": 0},
        });
        assert_eq!(event, expected);
        assert!(notice.id.starts_with("leaf-0-") && !notice.id.contains('.'), "{}", notice.id);
        let other = leaf(Body::Root(Root { sha256: Sha256::of(b"other") }));
        assert_ne!(of_leaf("s", 0, &other).unwrap().1.id, notice.id, "another leaf at the same index");
    }

    #[test]
    fn what_is_no_event_is_told_to_nobody() {
        for leaf in ["", "{}", r#"{"kind":"hashedrekord"}"#, r#"{"kind":"root","schema":"chancery.event/1"}"#]
        {
            assert_eq!(of_leaf("s", 0, leaf), None, "{leaf}");
        }
        let count = leaf(Body::DeniedCount(DeniedCount { issuer: String::new(), minute: 1, count: 2 }));
        let event: Value = serde_json::from_str(&of_leaf("s", 0, &count).unwrap().1.body).unwrap();
        assert!(event.get("subject").is_none(), "an empty subject is not allowed");
    }

    #[test]
    fn every_kind_has_one_name() {
        let mut names: Vec<&str> = Kind::ALL.iter().map(|(_, name)| *name).collect();
        for (kind, name) in Kind::ALL {
            assert_eq!((kind.name(), Kind::from_name(name)), (name, Some(kind)));
        }
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
        assert_eq!(Kind::from_name("webhook.test"), None);
        let closed = Closed {
            intent: 1,
            request: chancery_core::id::RequestId::new(Sha256::of(b"r")),
            statement: chancery_core::id::StatementId::new(Sha256::of(b"s")),
            why: "gone".to_owned(),
        };
        assert_eq!(of_leaf("s", 9, &leaf(Body::Withdrawn(closed))).unwrap().0, Kind::ResultWithdrawn);
    }
}
