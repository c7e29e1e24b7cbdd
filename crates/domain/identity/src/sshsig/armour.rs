//! The armour around an SSHSIG: one line before, base64 lines of one length, one line after.

use base64::{Engine as _, engine::general_purpose::STANDARD};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----";
/// Longest line of base64: `ssh-keygen` wraps at 70, the specification says 76.
const MAX_LINE: usize = 76;

/// Takes the armour off. One newline at the end may be missing; nothing else may differ.
pub(super) fn strip(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_suffix('\n').unwrap_or(text);
    let lines = inner.strip_prefix(BEGIN)?.strip_suffix(END)?.strip_suffix('\n')?;
    let width = lines.split('\n').next().map_or(0, str::len);
    if !(1..=MAX_LINE).contains(&width) {
        return None;
    }
    let mut encoded = String::with_capacity(lines.len());
    let mut is_last = false;
    for line in lines.split('\n') {
        if is_last || line.is_empty() || line.len() > width {
            return None;
        }
        is_last = line.len() < width;
        encoded.push_str(line);
    }
    STANDARD.decode(encoded).ok()
}

#[cfg(test)]
mod tests {
    use super::strip;

    #[test]
    fn only_the_one_form_is_read() {
        let armoured = |body: &str| format!("{}{body}\n{}\n", super::BEGIN, super::END);
        let good = armoured("aGVsbG8g\nd29y\n".trim_end());
        assert_eq!(strip(&good).unwrap(), b"hello wor");
        assert_eq!(strip(good.trim_end()).unwrap(), b"hello wor");
        for bad in [
            armoured(""),
            armoured("aGVs\nbG8gd29y"),
            armoured("aGVsbG8g\n\nd29y"),
            armoured("aGVsbG8g\nd29y\naGVs"),
            armoured("aGVsbG9="),
            armoured(" aGVs"),
            armoured(&"a".repeat(80)),
            format!("{good}\n"),
            format!("\n{good}"),
            good.replace('\n', "\r\n"),
            good.replace("END SSH", "END  SSH"),
            good.repeat(2),
        ] {
            assert_eq!(strip(&bad), None, "{bad}");
        }
    }
}
