//! Findings as JSON and as lines.

use chancery_verify::release::finding::{Code, Finding, Weight};
use chancery_verify::release::manifest::Variant;
use serde_json::{Value, json};

use crate::terminal::printable;

/// `app.zip » lib/inner.jar » x.dll`
pub(crate) fn place(finding: &Finding) -> String {
    let parts = std::iter::once(&finding.path).chain(&finding.at);
    parts.map(String::as_str).collect::<Vec<_>>().join(" » ")
}

/// The meaning of a code in one line.
pub(crate) fn meaning(code: Code) -> &'static str {
    Code::ALL.iter().find(|(known, _)| *known == code).map_or("", |(_, meaning)| meaning)
}

/// The JSON form.
pub(crate) fn json(finding: &Finding) -> Value {
    json!({
        "code": finding.code.code(),
        "what": meaning(finding.code),
        "path": finding.path,
        "at": finding.at,
        "actual": finding.actual,
        "expected": finding.expected,
        "refused": finding.weight == Weight::Refused,
    })
}

/// Variants as JSON.
pub(crate) fn variants(variants: &[Variant]) -> Value {
    let shown = |variant: &Variant| json!({"name": variant.name, "files": variant.files});
    variants.iter().map(shown).collect()
}

/// The lines for people.
pub(crate) fn lines(finding: &Finding) -> String {
    let mark = match finding.weight {
        Weight::Refused => '✗',
        Weight::Told => '·',
    };
    let actual = if finding.actual.is_empty() { "(absent)" } else { &finding.actual };
    format!(
        "{mark} {}  {} {}\n  actual {}  expected {}\n",
        printable(&place(finding)),
        finding.code.code(),
        meaning(finding.code),
        printable(actual),
        printable(&finding.expected)
    )
}
