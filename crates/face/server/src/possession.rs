//! The caller's proof of possession: `Chancery-Possession: BASE64(public key).BASE64(signature)`.

use axum::http::HeaderMap;
use chancery_api::code::Code;
use chancery_api::session::HEADER;
use chancery_core::evidence::Possession;

use crate::fault::Fault;

/// The proof, where one was sent. Two of them, or one that does not parse, are refused here.
pub(crate) fn proof(headers: &HeaderMap) -> Result<Option<Possession>, Fault> {
    let mut found = headers.get_all(HEADER).iter();
    let Some(value) = found.next() else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(Possession::parse_header).filter(|_| found.next().is_none());
    let malformed = || Fault::new(Code::Malformed, "the `chancery-possession` header is not well formed");
    parsed.map(Some).ok_or_else(malformed)
}
