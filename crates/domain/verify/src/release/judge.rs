//! The manifest and what lies there, compared: every difference is found, not only the first.

use chancery_format::archive::{Inside, Kind, Layer, Marked};

use super::declaration::Declaration;
use super::finding::{Code, Finding, Weight};
use super::manifest::{Bytes, Manifest, Variant};
use super::seen::{Found, Seen};

/// What is made of things that who signed the manifest knew of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// They are told.
    Told,
    /// They are refused like all others.
    Refused,
}

/// Compares a verified manifest with the directory, and with what the verifier expects where it says so.
#[must_use]
pub fn judge(
    manifest: &Manifest,
    expected: Option<&Declaration>,
    seen: &Seen,
    strictness: Strictness,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in &manifest.files {
        let path = entry.path.as_str();
        compare(path, entry.after, seen, &mut findings);
        for beside in &entry.beside {
            let bytes = Bytes { sha256: beside.sha256, size: beside.size };
            compare(beside.path.as_str(), bytes, seen, &mut findings);
        }
        if let Some(Found::File { inside: Some(inside), .. }) = seen.get(path) {
            findings.extend(within(path, inside, entry.inside.as_ref(), strictness));
        }
    }
    strangers(manifest, seen, &mut findings);
    for variant in &manifest.variants {
        findings.extend(incomplete(variant, seen));
    }
    if let Some(expected) = expected {
        other_release(manifest, expected, &mut findings);
    }
    findings
}

/// What would be refused under `strict`, and what always is, of an archive that is about to be signed.
#[must_use]
pub fn inside(path: &str, inside: &Inside, strictness: Strictness) -> Vec<Finding> {
    within(path, inside, Some(inside), strictness)
}

fn compare(path: &str, expected: Bytes, seen: &Seen, findings: &mut Vec<Finding>) {
    let finding = match seen.get(path) {
        None => Finding::new(Code::Missing, path, "", expected.sha256.to_string()),
        Some(Found::Other(what)) => Finding::new(Code::Changed, path, *what, "a regular file"),
        Some(Found::File { bytes, .. }) if bytes.size != expected.size => Finding::new(
            Code::Changed,
            path,
            format!("{} bytes", bytes.size),
            format!("{} bytes", expected.size),
        ),
        Some(Found::File { bytes, .. }) if bytes.sha256 != expected.sha256 => {
            Finding::new(Code::Changed, path, bytes.sha256.to_string(), expected.sha256.to_string())
        }
        Some(Found::File { .. }) => return,
    };
    findings.push(finding);
}

/// What lies there and is not in the set; what is signed in it is told too, because it looks genuine when it is unpacked.
fn strangers(manifest: &Manifest, seen: &Seen, findings: &mut Vec<Finding>) {
    let beside = |path: &str| {
        manifest.files.iter().any(|entry| entry.beside.iter().any(|beside| beside.path.as_str() == path))
    };
    for (path, found) in seen {
        if manifest.find(path).is_some() || beside(path) {
            continue;
        }
        let expected = "only what is in the signed release set";
        let (actual, inside) = match found {
            Found::Other(what) => ((*what).to_owned(), None),
            Found::File { bytes, inside } => (bytes.sha256.to_string(), inside.as_ref()),
        };
        findings.push(Finding::new(Code::NotInSet, path, actual, expected));
        let layers = inside.into_iter().flat_map(|inside| &inside.layers);
        let signed = layers.filter(|layer| layer.signature == Marked::Embedded);
        findings.extend(signed.map(|layer| {
            Finding::new(Code::SignedInside, path, "a signature", "a signature around it as well")
                .within(&layer.at, Weight::Refused)
        }));
    }
}

fn within(path: &str, inside: &Inside, known: Option<&Inside>, strictness: Strictness) -> Vec<Finding> {
    let weigh = |is_known: bool| match strictness {
        Strictness::Told if is_known => Weight::Told,
        Strictness::Told | Strictness::Refused => Weight::Refused,
    };
    let layers = inside.layers.iter().filter_map(|layer| {
        let is_known = known.is_some_and(|known| known.layers.contains(layer));
        of_layer(path, layer, weigh(is_known))
    });
    let unread = inside.unread.iter().map(|unread| {
        let is_known = known.is_some_and(|known| known.unread.contains(unread));
        Finding::new(Code::Unread, path, unread.why.words(), "an archive that can be looked into")
            .within(&unread.at, weigh(is_known))
    });
    layers.chain(unread).collect()
}

fn of_layer(path: &str, layer: &Layer, weight: Weight) -> Option<Finding> {
    if layer.kind != Kind::Pe {
        return None;
    }
    let found = |code, actual: &str, weight| {
        Finding::new(code, path, actual, "a signature of its own").within(&layer.at, weight)
    };
    match layer.signature {
        Marked::Embedded => None,
        Marked::None => Some(found(Code::UnsignedInside, "no signature", weight)),
        Marked::Unreadable => Some(found(Code::UnsignedInside, "a signature that does not parse", weight)),
        // A signature that does not hold was once one that did: nobody means that.
        Marked::Changed => Some(found(Code::ChangedInside, "a signature over other bytes", Weight::Refused)),
    }
}

fn incomplete(variant: &Variant, seen: &Seen) -> Option<Finding> {
    let is_there = |path: &str| matches!(seen.get(path), Some(Found::File { .. }));
    let missing: Vec<&str> =
        variant.files.iter().map(|path| path.as_str()).filter(|path| !is_there(path)).collect();
    if missing.is_empty() {
        return None;
    }
    Some(Finding::new(
        Code::Variant,
        &variant.name,
        format!("without {}", missing.join(", ")),
        "all its files",
    ))
}

/// The release that was expected, whatever its manifest says of itself: its name, its version and its variants.
fn other_release(manifest: &Manifest, expected: &Declaration, findings: &mut Vec<Finding>) {
    let said = [("name", &manifest.name, &expected.name), ("version", &manifest.version, &expected.version)];
    for (member, actual, expected) in said {
        if expected.is_some() && actual != expected {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| String::from("(absent)"));
            findings.push(Finding::new(Code::OtherRelease, member, text(actual), text(expected)));
        }
    }
    let paths: Vec<_> = manifest.files.iter().map(|entry| entry.path.clone()).collect();
    let assigned = expected.assign(&paths);
    for variant in assigned.variants.iter().filter(|variant| variant.files.is_empty()) {
        findings.push(Finding::new(
            Code::Variant,
            &variant.name,
            "no file in the set",
            "a file of this variant",
        ));
    }
    if expected.closed {
        findings.extend(assigned.loose.iter().map(|path| {
            Finding::new(Code::OtherRelease, path.as_str(), "of no variant", "a declared variant")
        }));
    }
}
