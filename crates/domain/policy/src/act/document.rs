//! The document of an act, and the set of its signatures.

use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::freeze::Scope;
use chancery_core::id::{PersonId, ProfileName};
use chancery_core::instance::TrustList;
use chancery_core::time::Time;

use super::refused::ActRefused;

const SCHEMA: &str = "chancery.act/1";
/// Longest document in bytes.
pub const MAX_DOCUMENT: usize = 16 * 1024;
/// Most signatures under one act.
pub const MAX_SIGNATURES: usize = 64;
const MAX_TEXT: usize = 1000;
/// Longest life of an exception in seconds: 31 days; of one in an emergency: one day.
const MAX_LIFE: i64 = 31 * 86_400;
const MAX_EMERGENCY: i64 = 86_400;
/// Most signatures under an exception, and under one in an emergency.
const MAX_COUNT: u32 = 100_000;
const MAX_EMERGENCY_COUNT: u32 = 20;
/// A review is due at the latest this many seconds after the exception's end.
const MAX_REVIEW: i64 = 7 * 86_400;

/// A condition of a profile that an exception takes away. Grants, guardrails, triggers and quorums stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Waive {
    /// Approvals.
    Approvals,
    /// The hold period.
    Hold,
    /// Limits; the exception's own count bounds what is signed.
    Limits,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deed {
    /// Opens a permission to deviate.
    Exception(Exception),
    /// Stops something.
    Freeze {
        /// What.
        scope: Scope,
        /// From when on; at once where null.
        from: Option<Time>,
        /// Until when; for ever where null.
        until: Option<Time>,
        /// Why.
        reason: String,
    },
    /// Lets a restored ledger go on.
    Reanchor {
        /// Its size.
        size: u64,
        /// Its root at that size.
        root: Sha256,
        /// What was lost, in words; null where nothing was.
        gap: Option<String>,
        /// Why.
        reason: String,
    },
    /// Says what came of an exception.
    Review {
        /// SHA-256 of the exception's document.
        exception: Sha256,
        /// What was found.
        finding: String,
    },
    /// Says whom verifiers believe, and when: the whole list, also after it was changed in one place only.
    Trust {
        /// The list.
        list: TrustList,
        /// Why.
        reason: String,
    },
    /// Ends a stop.
    Unfreeze {
        /// SHA-256 of the freeze's document.
        freeze: Sha256,
        /// Why.
        reason: String,
    },
}

/// A permission to deviate: owner, reason, end, count and review are part of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// For which profile.
    pub profile: ProfileName,
    /// What it takes away.
    pub waives: Vec<Waive>,
    /// Its end.
    pub until: Time,
    /// How many signatures it is good for.
    pub count: u32,
    /// Who answers for it.
    pub owner: PersonId,
    /// Why.
    pub reason: String,
    /// Ticket or incident.
    pub ticket: String,
    /// When its review is due.
    pub review: Time,
    /// Whether approvers open it in an emergency, without the root.
    pub emergency: bool,
}

/// An act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What is done.
    pub deed: Deed,
    /// When it was written.
    pub at: Time,
    /// Origin of the ledger; elsewhere it means nothing.
    pub ledger: String,
    /// 32 hexadecimal digits, so that the same deed can be done twice.
    pub nonce: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    act: Deed,
    at: Time,
    ledger: String,
    nonce: String,
    schema: String,
}

impl Act {
    /// The bytes that are signed.
    pub fn canonical(&self) -> Result<String, ActRefused> {
        let (act, ledger, nonce) = (self.deed.clone(), self.ledger.clone(), self.nonce.clone());
        let wire = Wire { act, at: self.at, ledger, nonce, schema: SCHEMA.to_owned() };
        canonical::encode(&wire).map_err(|_| ActRefused::Malformed("it has no canonical form"))
    }
    /// Reads signed bytes, strictly: exactly one text gives each act.
    pub fn parse(text: &str) -> Result<Self, ActRefused> {
        if text.len() > MAX_DOCUMENT {
            return Err(ActRefused::Malformed("more than 16 KiB"));
        }
        let wire: Wire = canonical::decode(text).map_err(|_| ActRefused::Malformed("not canonical json"))?;
        if wire.schema != SCHEMA {
            return Err(ActRefused::Malformed("schema is not `chancery.act/1`"));
        }
        let is_hex = wire.nonce.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if wire.nonce.len() != 32 || !is_hex {
            return Err(ActRefused::Malformed("`nonce` is not 32 hexadecimal digits"));
        }
        let act = Self { deed: wire.act, at: wire.at, ledger: wire.ledger, nonce: wire.nonce };
        act.deed.check(act.at)?;
        if act.canonical()? == text { Ok(act) } else { Err(ActRefused::Malformed("not canonical json")) }
    }
}

impl Deed {
    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Exception(_) => "exception",
            Self::Freeze { .. } => "freeze",
            Self::Reanchor { .. } => "reanchor",
            Self::Review { .. } => "review",
            Self::Trust { .. } => "trust",
            Self::Unfreeze { .. } => "unfreeze",
        }
    }
    fn check(&self, at: Time) -> Result<(), ActRefused> {
        let texts: Vec<&str> = match self {
            Self::Exception(exception) => {
                exception.check(at)?;
                vec![&exception.reason, &exception.ticket]
            }
            Self::Freeze { scope, from, until, reason } => {
                let is_ordered = from.is_none_or(|from| until.is_none_or(|until| from < until));
                if !scope.is_well_formed() || !is_ordered {
                    return Err(ActRefused::Malformed("scope or times of the freeze cannot be"));
                }
                vec![reason]
            }
            Self::Reanchor { gap, reason, .. } => {
                [Some(reason), gap.as_ref()].into_iter().flatten().map(String::as_str).collect()
            }
            Self::Review { finding, .. } => vec![finding],
            Self::Trust { list, reason } => {
                let cannot_be = |_| ActRefused::Malformed("the list of trusted instances cannot be");
                list.check().map_err(cannot_be)?;
                vec![reason]
            }
            Self::Unfreeze { reason, .. } => vec![reason],
        };
        let is_plain = |text: &&str| {
            (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(crate::pattern::is_invisible)
        };
        if texts.iter().all(is_plain) {
            Ok(())
        } else {
            Err(ActRefused::Malformed("a text is empty, too long, or not plain"))
        }
    }
}

impl Exception {
    fn check(&self, at: Time) -> Result<(), ActRefused> {
        let (life, most) =
            if self.emergency { (MAX_EMERGENCY, MAX_EMERGENCY_COUNT) } else { (MAX_LIFE, MAX_COUNT) };
        let lives = self.until.seconds_since(at);
        let mut sorted = self.waives.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted != self.waives || sorted.is_empty() {
            return Err(ActRefused::Malformed("`waives` is empty, not sorted, or names something twice"));
        }
        if !(1..=life).contains(&lives) {
            return Err(ActRefused::Malformed(
                "it lives longer than an exception may: 31 days, one day in an emergency",
            ));
        }
        if !(1..=most).contains(&self.count) {
            return Err(ActRefused::Malformed(
                "`count` is more than an exception may have: 100000, 20 in an emergency",
            ));
        }
        if !(0..=MAX_REVIEW).contains(&self.review.seconds_since(self.until)) {
            return Err(ActRefused::Malformed("`review` is not within seven days of `until`"));
        }
        Ok(())
    }
}

/// An act's text with its signatures, as they travel and are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAct {
    document: String,
    signatures: Vec<String>,
}

impl SignedAct {
    /// Takes a document and armoured signatures over it; their order means nothing.
    pub fn new(document: String, mut signatures: Vec<String>) -> Result<Self, ActRefused> {
        signatures.sort();
        signatures.dedup();
        if document.len() > MAX_DOCUMENT || signatures.len() > MAX_SIGNATURES {
            return Err(ActRefused::Malformed("document or number of signatures is too large"));
        }
        Ok(Self { document, signatures })
    }
    /// Reads the canonical form, strictly.
    pub fn parse(text: &str) -> Result<Self, ActRefused> {
        let malformed = || ActRefused::Malformed("signed act is not canonical json");
        let (document, signatures): (String, Vec<String>) =
            canonical::decode(text).map_err(|_| malformed())?;
        let act = Self::new(document, signatures)?;
        if act.canonical()? == text { Ok(act) } else { Err(malformed()) }
    }
    /// `["<document>",["-----BEGIN SSH SIGNATURE-----…"]]`.
    pub fn canonical(&self) -> Result<String, ActRefused> {
        canonical::encode(&(&self.document, &self.signatures))
            .map_err(|_| ActRefused::Malformed("it has no canonical form"))
    }
    /// The text that was signed.
    #[must_use]
    pub fn document(&self) -> &str {
        &self.document
    }
    /// SHA-256 of that text: the act's name.
    #[must_use]
    pub fn id(&self) -> Sha256 {
        Sha256::of(self.document.as_bytes())
    }
    /// SHA-256 of the canonical form: what the ledger names as its signatures.
    pub fn sha256(&self) -> Result<Sha256, ActRefused> {
        Ok(Sha256::of(self.canonical()?.as_bytes()))
    }
    /// The armoured signatures, sorted.
    #[must_use]
    pub fn signatures(&self) -> &[String] {
        &self.signatures
    }
}
