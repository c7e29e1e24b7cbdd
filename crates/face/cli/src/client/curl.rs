//! An exchange as the curl command that anybody could send. Credentials are named as variables, never shown.
//!
//! ```text
//! curl -sS --cacert /data/tls-ca.pem -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
//!   --data-binary '{"profile":"dev",…}' https://sign.example/v1/sign
//! ```

use std::path::Path;

/// How every command reaches the service: `--cacert FILE`, or `--unix-socket PATH`.
#[derive(Debug, Clone, Default)]
pub(super) struct Curl {
    reach: Option<(&'static str, String)>,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    /// `GET` or `POST`.
    pub(super) method: &'a str,
    /// The whole address.
    pub(super) url: &'a str,
    /// Whether a credential goes with it.
    pub(super) credential: Option<Credential>,
    /// What goes with it.
    pub(super) body: Option<&'a Body>,
}

/// A body: text with its media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// Its media type.
    pub(crate) media: &'static str,
    /// JSON text.
    pub(crate) text: String,
}

impl Body {
    /// Plain JSON.
    pub(crate) const fn json(text: String) -> Self {
        Self { media: "application/json", text }
    }
}

/// Which credential: its variable is shown in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    /// What a CI gives a job to ask for tokens with.
    Runner,
    /// An identity token.
    Token,
}

impl Credential {
    const fn variable(self) -> &'static str {
        match self {
            Self::Runner => "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            Self::Token => "TOKEN",
        }
    }
}

impl Curl {
    /// With the certificates of a file; without one, with those of the system.
    pub(super) fn with_certificates(file: Option<&Path>) -> Self {
        Self { reach: file.map(|path| ("--cacert", path.display().to_string())) }
    }
    /// Over the operator's socket.
    pub(super) fn over_socket(socket: &Path) -> Self {
        Self { reach: Some(("--unix-socket", socket.display().to_string())) }
    }
    /// One line for a POSIX shell.
    pub(super) fn line(&self, sent: &Sent<'_>) -> String {
        let mut words = vec!["curl -sS".to_owned()];
        if let Some((flag, value)) = &self.reach {
            words.push(format!("{flag} {}", quoted(value)));
        }
        if sent.body.is_none() && sent.method != "GET" {
            words.push(format!("-X {}", sent.method));
        }
        if let Some(credential) = sent.credential {
            words.push(format!("-H \"Authorization: Bearer ${}\"", credential.variable()));
        }
        if let Some(body) = sent.body {
            words.push(format!("-H 'Content-Type: {}'", body.media));
            words.push(format!("--data-binary {}", quoted(&body.text)));
        }
        words.push(quoted(sent.url));
        words.join(" ")
    }
}

/// A word that a shell takes as it is. No escape sequence of a terminal stays in it: control characters cannot be in
/// JSON text or in an address.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let shown: String = word.chars().filter(|c| !c.is_control()).collect();
    format!("'{}'", shown.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_sent() {
        let get = Sent { method: "GET", url: "https://s.example/v1/keys", credential: None, body: None };
        assert_eq!(Curl::default().line(&get), "curl -sS https://s.example/v1/keys");
        let body = Body::json(r#"{"name":"it's $HOME `x`"}"#.to_owned());
        let post = Sent {
            method: "POST",
            url: "https://s.example/v1/sign?dry_run=true&x=1",
            credential: Some(Credential::Token),
            body: Some(&body),
        };
        let line = Curl::with_certificates(Some(Path::new("/a b/ca.pem"))).line(&post);
        assert_eq!(
            line,
            "curl -sS --cacert '/a b/ca.pem' -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \
             --data-binary '{\"name\":\"it'\\''s $HOME `x`\"}' 'https://s.example/v1/sign?dry_run=true&x=1'"
        );
        // A shell gives the program exactly these words.
        let script = line.replacen("curl -sS", "printf '%s\\n'", 1);
        let said = std::process::Command::new("sh").args(["-c", &script]).env("TOKEN", "t").output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(
            said.contains(&format!("\n{}\n", body.text)) && said.contains("\nAuthorization: Bearer t\n"),
            "{said}"
        );
        let empty = Sent { method: "POST", body: None, ..get };
        assert!(
            Curl::over_socket(Path::new("/s")).line(&empty).starts_with("curl -sS --unix-socket /s -X POST ")
        );
    }
}
