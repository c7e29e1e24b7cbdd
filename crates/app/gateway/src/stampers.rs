//! Step 8: the timestamp over the signature, by the keyguard or by remote authorities.

use chancery_core::digest::DigestAlgorithm;
use chancery_core::message::{Call, Reply, Stamp};
use chancery_core::port::stamper::StampError;
use chancery_core::time::Time;
use chancery_policy::profile::Timestamping;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::{CertificateWish, Nonce, TimestampRequest};
use chancery_x509::tsp::response::{self, Response};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::unexpected;
use crate::intent::internal;

/// A timestamp as it will be embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// ContentInfo, DER, byte for byte as received.
    pub token: Vec<u8>,
    /// The time that it says, once it was verified.
    pub at: Option<Time>,
}

/// Stamps a signature as the profile says; `None` when it wants no timestamp.
pub async fn stamp(
    gateway: &Gateway,
    wish: &Timestamping,
    signature: &[u8],
) -> Result<Option<Token>, Failure> {
    match wish {
        Timestamping::None => Ok(None),
        Timestamping::Builtin => builtin(gateway, signature).await.map(Some),
        Timestamping::Remote(names) => remote(gateway, names, signature).await.map(Some),
    }
}

/// The keyguard's own authority. The token is verified completely, with its chain, in step 9, which sees the same bytes.
async fn builtin(gateway: &Gateway, signature: &[u8]) -> Result<Token, Failure> {
    let nonce = Nonce::from_random(&gateway.parts.entropy.sixteen());
    let request = TimestampRequest {
        imprint: Imprint::of(DigestAlgorithm::Sha256, signature),
        policy: None,
        nonce,
        certificates: CertificateWish::Include,
    };
    let answer = request_builtin(gateway, request.to_der()).await?;
    match response::parse(&answer).map_err(internal)? {
        Response::Granted { token } => Ok(Token { token, at: None }),
        Response::Rejected { text, .. } => {
            Err(Failure::Internal(format!("built-in authority rejects: {text}")))
        }
    }
}

/// Passes a TimeStampReq to the built-in authority: the answer is a TimeStampResp, DER.
pub async fn request_builtin(gateway: &Gateway, request: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let mut serial = gateway.parts.entropy.sixteen();
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    let stamp = Stamp { request, serial: serial.to_vec(), digest: DigestAlgorithm::Sha256 };
    let reply = gateway.parts.keyguard.call(Call::Stamp(stamp)).await?;
    let Reply::Stamped(answer) = reply else { return Err(unexpected("stamp", &reply)) };
    Ok(answer)
}

async fn remote(gateway: &Gateway, names: &[String], signature: &[u8]) -> Result<Token, Failure> {
    let mut problems = Vec::new();
    for name in names {
        let Some(stamper) = gateway.parts.stampers.get(name) else {
            problems.push(format!("`{name}` is not configured"));
            continue;
        };
        match stamper.stamp(signature).await {
            Ok(stamped) => match response::parse(&stamped.response).map_err(internal)? {
                Response::Granted { token } => return Ok(Token { token, at: Some(stamped.at) }),
                Response::Rejected { text, .. } => problems.push(format!("`{name}` rejects: {text}")),
            },
            Err(error) => problems.push(format!("`{name}`: {error}")),
        }
    }
    Err(StampError(problems.join("; ")).into())
}
