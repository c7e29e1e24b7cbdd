//! What a service keeps with intents and results, as far as an audit needs it: its own reading of the JSON.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_audit::source::Part;
use chancery_core::canonical;
use serde_json::Value;

/// Content by what it is.
pub(crate) type Contents = BTreeMap<Part, Vec<u8>>;

/// `{"caller":…,"evidence":{…},"request":"…"}`: evidence in its canonical form, and the request.
pub(crate) fn of_wish(json: &str) -> Contents {
    let Ok(value) = serde_json::from_str::<Value>(json) else { return Contents::new() };
    let evidence = value.get("evidence").and_then(|evidence| canonical::to_string(evidence).ok());
    let request = value.get("request").and_then(Value::as_str).map(str::to_owned);
    let parts = [(Part::Evidence, evidence), (Part::Request, request)];
    parts.into_iter().filter_map(|(part, text)| Some((part, text?.into_bytes()))).collect()
}

/// `{"chain":["…"],"public_key":{"spki":"…"},"signature":"…","token":"…"}`, base64.
pub(crate) fn of_result(json: &str) -> Contents {
    let Ok(value) = serde_json::from_str::<Value>(json) else { return Contents::new() };
    let decode = |value: Option<&Value>| STANDARD.decode(value?.as_str()?).ok();
    let certificate = decode(value.get("chain").and_then(|chain| chain.get(0)));
    // Where there is a certificate, the key is in it.
    let bare = value.get("public_key").filter(|_| certificate.is_none());
    let parts = [
        (Part::Certificate, certificate),
        (Part::PublicKey, decode(bare.and_then(|key| key.get("spki")))),
        (Part::Signature, decode(value.get("signature"))),
        (Part::Timestamp, decode(value.get("token"))),
    ];
    parts.into_iter().filter_map(|(part, bytes)| Some((part, bytes?))).collect()
}
