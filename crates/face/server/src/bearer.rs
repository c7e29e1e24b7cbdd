//! The caller's token: `Authorization: Bearer <token>`.

use axum::http::{HeaderMap, header};
use chancery_api::code::Code;

use crate::fault::Fault;

/// The token. None is an answer, not an error: the use case refuses and records it. Two headers, or one that is not
/// text, are ambiguous and refused here.
pub(crate) fn token(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let malformed = |detail: &str| Fault::new(Code::Malformed, detail);
    let mut found = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(malformed("more than one `authorization` header"));
    }
    let value = value.to_str().map_err(|_| malformed("the `authorization` header is not ascii text"))?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    // RFC 6750 §2.1: one b64token.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(malformed("the `authorization` header holds no well-formed bearer token"));
    }
    Ok(Some(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn takes_one_bearer_token_or_none() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            token(&headers).map(|token| token.map(str::to_owned)).map_err(|fault| fault.0.code)
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["Basic dTpw"]), Ok(None));
        for good in ["Bearer a.b-_c", "bearer a.b-_c", "BEARER a.b-_c"] {
            assert_eq!(read(&[good]), Ok(Some("a.b-_c".to_owned())));
        }
        for bad in ["Bearer", "Bearer ", "Bearer a b", "Bearer  a", "Bearer a,b", "Bearer \"a\""] {
            assert_eq!(read(&[bad]), Err("CH2101".to_owned()), "{bad}");
        }
        assert_eq!(read(&["Bearer a", "Bearer a"]), Err("CH2101".to_owned()));
    }
}
