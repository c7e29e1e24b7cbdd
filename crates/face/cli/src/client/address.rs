//! The service's address: `https`, or `http` to this machine only, because a token travels with the request.

use reqwest::Url;

use crate::catalogue::Code;
use crate::failure::Failure;

/// Reads an address without path, query or user information.
pub(super) fn parse(text: &str) -> Result<Url, Failure> {
    let expected = "https://<host>, or http://127.0.0.1:<port> for this machine";
    let refused = || {
        Failure::new(Code::Server, format!("`{text}` is not the address of a service"))
            .because(text, expected)
    };
    let url = Url::parse(text).map_err(|_| refused())?;
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.path() == "/";
    let host = url.host_str().unwrap_or_default();
    let scheme_fits = url.scheme() == "https" || (url.scheme() == "http" && is_here(&url));
    if is_bare && scheme_fits && !host.is_empty() { Ok(url) } else { Err(refused()) }
}

/// Whether an address is of this machine.
pub(super) fn is_here(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_never_travel_in_the_clear() {
        for good in [
            "https://sign.example",
            "https://s:8443/",
            "http://127.0.0.1:80",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "sign.example",
            "http://sign.example",
            "http://127.0.0.1.evil.example",
            "https://u@h",
            "https://u:p@h",
            "https://h/path",
            "https://h/?q",
            "https://h/#f",
            "ftp://h",
            "http://0.0.0.0",
            "file:///etc",
        ] {
            assert_eq!(parse(bad).map_err(|failure| failure.code).unwrap_err(), "CH2004", "{bad}");
        }
    }
}
