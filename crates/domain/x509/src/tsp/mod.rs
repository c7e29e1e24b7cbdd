//! RFC 3161 timestamps: requests, TSTInfo, tokens and responses, read, made in two phases, and verified.
//!
//! ```text
//! TimeStampReq   30 L  02 01 01  30 L imprint  [06 policy]  [02 nonce]  [01 01 ff certReq]
//! TimeStampResp  30 L  30 L { 02 01 status … }  [30 L token = ContentInfo of SignedData over id-ct-TSTInfo]
//! ```

pub mod ess;
pub mod imprint;
pub mod request;
pub mod response;
mod revoked;
pub mod token;
pub mod tst_info;
pub mod verify;
