//! What `doctor` asks the keyguard.

use chancery_core::message::ReportLine;

use crate::keyguard::Keyguard;

/// Backends, sandbox, ledger, policy: one line each.
pub fn report(keyguard: &Keyguard) -> Vec<ReportLine> {
    let line = |item: String, ok: bool, detail: String| ReportLine { item, ok, detail };
    let mut lines: Vec<ReportLine> = keyguard
        .parts
        .custodians
        .health()
        .into_iter()
        .map(|(name, health)| match health {
            Ok(()) => line(format!("custodian {name}"), true, "answers".to_owned()),
            Err(error) => line(format!("custodian {name}"), false, error.to_string()),
        })
        .collect();
    lines.extend(keyguard.parts.sandbox.iter().cloned());
    let (size, named) = keyguard.followed.position();
    lines.push(line("ledger".to_owned(), size > 0, format!("followed to size {size}")));
    let loaded = keyguard.governance.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    let version = loaded.as_ref().map(|governance| governance.version);
    let agrees = version.is_some() && version == named.map(|named| named.version);
    let detail = version.map_or_else(|| "none loaded".to_owned(), |version| version.to_string());
    lines.push(line("policy".to_owned(), agrees, detail));
    let (sets, under_way) = keyguard.issuer_keys.figures();
    let detail = format!("{sets} sets at hand, {under_way} being fetched");
    lines.push(line("issuer keys".to_owned(), true, detail));
    lines
}
