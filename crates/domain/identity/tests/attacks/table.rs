//! The shape of the table: every line says what is altered, the code that refuses it, and the reason that tells it from
//! all others. Every family begins with honest lines, so that its attacks can only fail for their own reason.

use chancery_core::refusal::Refusal;
use chancery_identity::jwk::{InvalidKeys, KeySet};

/// What became of a line: accepted, or a code with `what (actual)`.
pub(crate) type Found = Result<(), (String, String)>;

/// One attack.
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) found: Found,
    pub(crate) code: &'static str,
    pub(crate) reason: String,
}

/// One family's lines.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) honest: Vec<(String, Found)>,
    pub(crate) attacks: Vec<Attack>,
}

/// A refusal as the table compares it.
pub(crate) fn found<T>(checked: Result<T, Refusal>) -> Found {
    checked
        .map(drop)
        .map_err(|refusal| (refusal.code.code().to_owned(), format!("{} ({})", refusal.what, refusal.actual)))
}

impl Table {
    pub(crate) fn honest<T>(&mut self, name: impl Into<String>, checked: Result<T, Refusal>) {
        self.honest.push((name.into(), found(checked)));
    }
    /// `reason` must occur in `what (actual)` of the refusal.
    pub(crate) fn attack<T>(
        &mut self,
        name: impl Into<String>,
        checked: Result<T, Refusal>,
        code: &'static str,
        reason: impl Into<String>,
    ) {
        let (found, reason) = (found(checked), reason.into());
        self.attacks.push(Attack { name: name.into(), found, code, reason });
    }
    /// A key set is no token and has no code: `keys` stands for it.
    pub(crate) fn keys(
        &mut self,
        name: impl Into<String>,
        parsed: Result<KeySet, InvalidKeys>,
        reason: impl Into<String>,
    ) {
        let found = parsed.map(drop).map_err(|error| ("keys".to_owned(), error.to_string()));
        self.attacks.push(Attack { name: name.into(), found, code: "keys", reason: reason.into() });
    }
}

impl Attack {
    /// Why the line does not hold; `None` when it does.
    pub(crate) fn fault(&self) -> Option<String> {
        let (code, text) = match &self.found {
            Ok(()) => return Some("accepted".to_owned()),
            Err(refused) => refused,
        };
        if code != self.code || !text.contains(&self.reason) {
            return Some(format!("{code} {text}; the table says {} {}", self.code, self.reason));
        }
        None
    }
    /// The refusal's sentence without what was found: what must not be shared between families.
    pub(crate) fn sentence(&self) -> &str {
        match &self.found {
            Ok(()) => "",
            Err((_, text)) => text.split(" (").next().unwrap_or_default(),
        }
    }
}
