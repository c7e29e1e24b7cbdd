//! TimeStampResp (RFC 3161 §2.4.2): a token, or why there is none.
//!
//! ```text
//! granted    30 L  30 03 02 01 00  30 L token
//! rejected   30 L  30 L { 02 01 02  30 L { 0c L text }  03 L failInfo }
//! ```

use crate::cms::elements;
use crate::tlv::{self, Reader, TlvError};

/// Largest response in bytes that is read.
pub const MAX_SIZE: usize = 64 << 10;
/// Longest status text that is kept, in characters.
const MAX_TEXT: usize = 256;

/// Why an authority rejects (PKIFailureInfo); the number is the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailInfo {
    /// Bit 0: unknown or unsupported algorithm.
    BadAlg,
    /// Bit 2: transaction not permitted or supported.
    BadRequest,
    /// Bit 5: the data has the wrong format.
    BadDataFormat,
    /// Bit 14: the time source is not available.
    TimeNotAvailable,
    /// Bit 15: the policy is not supported.
    UnacceptedPolicy,
    /// Bit 16: the extension is not supported.
    UnacceptedExtension,
    /// Bit 17: the additional information is not understood or available.
    AddInfoNotAvailable,
    /// Bit 25: the request cannot be handled.
    SystemFailure,
}

impl FailInfo {
    /// All of them, by bit.
    pub const ALL: [Self; 8] = [
        Self::BadAlg,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AddInfoNotAvailable,
        Self::SystemFailure,
    ];

    /// The number of its bit.
    #[must_use]
    pub const fn bit(self) -> u8 {
        match self {
            Self::BadAlg => 0,
            Self::BadRequest => 2,
            Self::BadDataFormat => 5,
            Self::TimeNotAvailable => 14,
            Self::UnacceptedPolicy => 15,
            Self::UnacceptedExtension => 16,
            Self::AddInfoNotAvailable => 17,
            Self::SystemFailure => 25,
        }
    }
    /// Its name in RFC 3161.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadAlg => "badAlg",
            Self::BadRequest => "badRequest",
            Self::BadDataFormat => "badDataFormat",
            Self::TimeNotAvailable => "timeNotAvailable",
            Self::UnacceptedPolicy => "unacceptedPolicy",
            Self::UnacceptedExtension => "unacceptedExtension",
            Self::AddInfoNotAvailable => "addInfoNotAvailable",
            Self::SystemFailure => "systemFailure",
        }
    }
    // X.690 §11.2.2: a named bit string ends with its last one-bit.
    fn to_der(self) -> Vec<u8> {
        let (byte, bit) = (usize::from(self.bit() / 8), self.bit() % 8);
        let mut bits = vec![0; byte];
        bits.push(0x80 >> bit);
        tlv::write(tlv::BIT_STRING, &[&[7_u8.saturating_sub(bit)], &bits])
    }
}

/// What an authority answered. Nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// Status 0 or 1, with the token byte for byte.
    Granted {
        /// ContentInfo, DER.
        token: Vec<u8>,
    },
    /// Any other status.
    Rejected {
        /// PKIStatus: 2 rejection, 3 waiting, 4 revocation warning, 5 revocation notification.
        status: u32,
        /// The first reason that is known.
        fail_info: Option<FailInfo>,
        /// The authority's words, cut, without control characters; empty where it has none.
        text: String,
    },
}

/// A response that carries a token.
#[must_use]
pub fn granted(token: &[u8]) -> Vec<u8> {
    let status = tlv::write(tlv::SEQUENCE, &[&tlv::write_unsigned(&[0])]);
    tlv::write(tlv::SEQUENCE, &[&status, token])
}

/// A response that rejects (status 2).
#[must_use]
pub fn rejected(reason: FailInfo, text: &str) -> Vec<u8> {
    let text = tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::UTF8_STRING, &[text.as_bytes()])]);
    let status = tlv::write(tlv::SEQUENCE, &[&tlv::write_unsigned(&[2]), &text, &reason.to_der()]);
    tlv::write(tlv::SEQUENCE, &[&status])
}

/// Reads a response; nothing may follow it. A granted one has a token, any other has none.
pub fn parse(bytes: &[u8]) -> Result<Response, TlvError> {
    if bytes.len() > MAX_SIZE {
        return Err(TlvError::Length);
    }
    let mut body = tlv::only(bytes, tlv::SEQUENCE)?;
    let mut info = body.inner(tlv::SEQUENCE)?;
    let status = info.small()?;
    let text = info.optional(tlv::SEQUENCE)?.map(read_text).transpose()?.unwrap_or_default();
    let fail_info = info.optional(tlv::BIT_STRING)?.and_then(read_fail_info);
    info.finish()?;
    let token = elements::optional(&mut body, tlv::SEQUENCE)?.map(|token| token.raw.to_vec());
    body.finish()?;
    match (status, token) {
        (0 | 1, Some(token)) => Ok(Response::Granted { token }),
        (0 | 1, None) | (_, Some(_)) => Err(TlvError::Value("TimeStampResp")),
        (status, None) => Ok(Response::Rejected { status, fail_info, text }),
    }
}

fn read_text(value: &[u8]) -> Result<String, TlvError> {
    let mut out = String::new();
    for line in elements::all(Reader::new(value), 16)? {
        if !out.is_empty() {
            out.push_str("; ");
        }
        out.push_str(&String::from_utf8_lossy(line.value));
    }
    // It ends on terminals and in logs.
    Ok(out.chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect())
}

fn read_fail_info(value: &[u8]) -> Option<FailInfo> {
    let bits = value.get(1..)?;
    FailInfo::ALL.into_iter().find(|reason| {
        let byte = bits.get(usize::from(reason.bit() / 8));
        byte.is_some_and(|byte| byte & (0x80 >> (reason.bit() % 8)) != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rejection_is_read_as_written() {
        for reason in FailInfo::ALL {
            let expected = Response::Rejected { status: 2, fail_info: Some(reason), text: "no".to_owned() };
            assert_eq!(parse(&rejected(reason, "no")), Ok(expected));
        }
    }

    #[test]
    fn token_and_status_belong_together() {
        let token = [0x30, 0];
        assert_eq!(parse(&granted(&token)), Ok(Response::Granted { token: token.to_vec() }));
        let contradictions: [&[u8]; 4] = [
            &[0x30, 5, 0x30, 3, 2, 1, 0],
            &[0x30, 7, 0x30, 3, 2, 1, 2, 0x30, 0],
            &[0x30, 8, 0x30, 3, 2, 1, 0, 0x30, 0, 0],
            &[0x30, 7, 0x30, 3, 2, 1, 0xff, 0x30, 0],
        ];
        for wrong in contradictions {
            assert!(parse(wrong).is_err(), "{wrong:02x?}");
        }
    }

    #[test]
    fn texts_are_harmless() {
        let Ok(Response::Rejected { text, .. }) = parse(&rejected(FailInfo::BadAlg, "a\u{1b}[31mb\n")) else {
            panic!("not rejected");
        };
        assert_eq!(text, "a[31mb");
    }
}
