//! Notices to receivers: CloudEvents 1.0 over HTTP in structured mode, signed as Standard Webhooks says.
//!
//! ```text
//! POST /hook HTTP/1.1
//! content-type: application/cloudevents+json
//! webhook-id: leaf-17-9f86d081884c7d65
//! webhook-timestamp: 1795210023
//! webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//!
//! {"specversion":"1.0", …}
//! ```
//! The signature is HMAC-SHA256 over `<id>.<timestamp>.<body>`. Standard Webhooks and not a header of our own, because
//! receivers have libraries for it in every language, and it binds the moment: a recorded notice is no use later.
//! The secret's file has one or two lines `whsec_<base64 of 24 to 64 bytes>`; two while a secret is changed over, and
//! then there are two signatures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_core::port::Boxed;
use chancery_core::port::courier::{Courier, NotTaken, Notice};
use chancery_core::port::dialer::Reach;
use chancery_core::time::Time;
use chancery_private_file::file::{self as private_file, Readers};
use reqwest::{Certificate, Url};
use zeroize::Zeroizing;

use crate::http::{Http, HttpError, Limits};

/// Largest secret file in bytes.
const MAX_FILE: u64 = 1024;
/// Most secrets at once.
const MAX_SECRETS: usize = 2;

/// Where a webhook's notices go.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// The webhook's name.
    pub name: String,
    /// `https`, or `http` to this machine. May hold a secret in its path, so it is never shown.
    pub url: String,
    /// File with the secret, mode 0600; read again for each notice.
    pub secret_file: PathBuf,
    /// PEM certificates that the receiver's must lead to, instead of the machine's roots.
    pub ca: Option<String>,
}

/// A receiver that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidReceiver {
    /// Not PEM certificates.
    #[error("webhook `{0}`: its `ca` holds no certificate")]
    Ca(String),
    /// The secret's file is unreadable, exposed, or has another form.
    #[error("webhook `{name}`: {why}")]
    Secret {
        /// Which webhook.
        name: String,
        /// What is wrong; never the secret.
        why: String,
    },
    /// The URL may not be asked, or there is no client.
    #[error("webhook `{name}`: its `url` cannot be used")]
    Url {
        /// Which webhook.
        name: String,
        /// Why.
        #[source]
        source: HttpError,
    },
}

/// A receiver with its client.
#[derive(Debug)]
struct Endpoint {
    receiver: Receiver,
    http: Http,
}

/// Takes notices to their receivers.
#[derive(Debug)]
pub struct HttpCourier(BTreeMap<String, Endpoint>);

impl HttpCourier {
    /// Checks every receiver: URL, certificates, secret.
    pub fn new(receivers: Vec<Receiver>, limits: Limits) -> Result<Self, InvalidReceiver> {
        let mut endpoints = BTreeMap::new();
        for receiver in receivers {
            let name = receiver.name.clone();
            let endpoint = endpoint(receiver, limits)?;
            read_secrets(&endpoint.receiver)
                .map_err(|why| InvalidReceiver::Secret { name: name.clone(), why })?;
            endpoints.insert(name, endpoint);
        }
        Ok(Self(endpoints))
    }
    async fn send(&self, webhook: &str, notice: &Notice, at: Time) -> Result<(), NotTaken> {
        let unknown = || NotTaken(format!("no webhook `{webhook}`"));
        let Endpoint { receiver, http } = self.0.get(webhook).ok_or_else(unknown)?;
        let secrets = read_secrets(receiver).map_err(NotTaken)?;
        let headers = headers(&secrets, notice, at);
        let sent = http.post(&receiver.url, &headers, notice.body.clone()).await;
        sent.map_err(|error| NotTaken(in_one_line(&error)))
    }
}

impl Courier for HttpCourier {
    fn deliver<'a>(
        &'a self,
        webhook: &'a str,
        notice: &'a Notice,
        at: Time,
    ) -> Boxed<'a, Result<(), NotTaken>> {
        Box::pin(self.send(webhook, notice, at))
    }
}

/// The host of a URL, which is all of it that people are shown.
#[must_use]
pub fn host(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

fn endpoint(receiver: Receiver, limits: Limits) -> Result<Endpoint, InvalidReceiver> {
    let refused = |source| InvalidReceiver::Url { name: receiver.name.clone(), source };
    let is_here = match host(&receiver.url).as_deref() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    };
    let reach = if is_here { Reach::Loopback } else { Reach::Private };
    let roots = match &receiver.ca {
        Some(pem) => {
            let found = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
            if found.is_empty() {
                return Err(InvalidReceiver::Ca(receiver.name));
            }
            Some(found)
        }
        None => is_here.then(Vec::new),
    };
    let http = Http::with_roots(reach, limits, roots).map_err(refused)?;
    http.accepts(&receiver.url).map_err(refused)?;
    Ok(Endpoint { receiver, http })
}

/// A secret; nothing of it is shown.
struct Secret(hmac::Key);

fn read_secrets(receiver: &Receiver) -> Result<Vec<Secret>, String> {
    let bytes = private_file::read(&receiver.secret_file, Readers::OwnerAndGroup, MAX_FILE);
    let bytes = bytes.map_err(|error| private_file::in_full(&error))?;
    let malformed = || {
        "its `secret_file` must hold one or two lines `whsec_<base64 of 24 to 64 bytes>`: \
         echo whsec_$(openssl rand -base64 32)"
            .to_owned()
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let secrets: Option<Vec<Secret>> = lines.map(secret).collect();
    secrets.filter(|all| (1..=MAX_SECRETS).contains(&all.len())).ok_or_else(malformed)
}

fn secret(line: &str) -> Option<Secret> {
    let bytes = Zeroizing::new(STANDARD.decode(line.strip_prefix("whsec_")?).ok()?);
    (24..=64).contains(&bytes.len()).then(|| Secret(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
}

fn headers(secrets: &[Secret], notice: &Notice, at: Time) -> [(&'static str, String); 4] {
    let timestamp = at.seconds().to_string();
    let signed = format!("{}.{timestamp}.{}", notice.id, notice.body);
    let signature = |secret: &Secret| {
        format!("v1,{}", STANDARD.encode(hmac::sign(&secret.0, signed.as_bytes()).as_ref()))
    };
    let signatures: Vec<String> = secrets.iter().map(signature).collect();
    [
        ("content-type", "application/cloudevents+json; charset=utf-8".to_owned()),
        ("webhook-id", notice.id.clone()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signatures.join(" ")),
    ]
}

/// The error with its innermost cause, which says most. The client's own words in between hold the URL and are left out.
fn in_one_line(error: &HttpError) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    let printable = |text: String| -> String { text.chars().filter(|c| !c.is_control()).take(200).collect() };
    match error {
        HttpError::Transport(_) if !inner.is::<reqwest::Error>() => printable(format!("{error}: {inner}")),
        HttpError::Address(_)
        | HttpError::Client(_)
        | HttpError::Redirect
        | HttpError::Size(_)
        | HttpError::Status(_)
        | HttpError::Timeout
        | HttpError::Transport(_)
        | HttpError::Url => printable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification, `standardwebhooks` 1.0.
    #[test]
    fn signs_as_the_specification_does() {
        let secret = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let notice = Notice {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
            kind: "test".to_owned(),
            body: r#"{"test": 2432232314}"#.to_owned(),
        };
        let headers = headers(&[secret], &notice, Time::from_seconds(1_614_265_330));
        assert_eq!(headers[3].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_read_strictly() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let receiver = Receiver {
            name: "ops".into(),
            url: "https://r.example/".into(),
            secret_file: path.clone(),
            ca: None,
        };
        let check = |text: &str| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            read_secrets(&receiver).map(|secrets| secrets.len())
        };
        assert_eq!(check(&format!("{good}\n")), Ok(1));
        assert_eq!(check(&format!("{good}\n{good}\n")), Ok(2));
        let three = [good; 3].join("\n");
        for bad in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &three, "whsec_%%%%"] {
            let why = check(bad).unwrap_err();
            assert!(why.contains("openssl rand") && !why.contains("MfKQ"), "{why}");
        }
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(read_secrets(&receiver).is_err_and(|why| why.contains("0644")));
    }

    #[test]
    fn only_urls_that_may_be_asked_are_taken() {
        let directory = tempfile::tempdir().unwrap();
        let secret_file = directory.path().join("secret");
        std::fs::write(&secret_file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        std::fs::set_permissions(&secret_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let take = |url: &str| {
            let (name, url) = ("ops".to_owned(), url.to_owned());
            let receiver = Receiver { name, url, secret_file: secret_file.clone(), ca: None };
            HttpCourier::new(vec![receiver], Limits::default())
        };
        for good in
            ["https://hooks.example/x?y=z", "http://127.0.0.1:9/", "http://localhost:9/", "https://10.0.0.7/"]
        {
            assert!(take(good).is_ok(), "{good}");
        }
        for bad in [
            "http://hooks.example/",
            "http://10.0.0.7/",
            "https://169.254.169.254/latest",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://user:pass@hooks.example/",
            "ftp://127.0.0.1/",
            "https://",
            "",
        ] {
            assert!(matches!(take(bad), Err(InvalidReceiver::Url { .. })), "{bad}");
        }
    }
}
