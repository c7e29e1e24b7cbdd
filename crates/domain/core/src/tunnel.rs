//! How the keyguard reaches an issuer: its TLS ends inside it, and the gateway pipes bytes that it cannot read.
//!
//! ```text
//! gateway → keyguard   {"issuer-keys":{"issuer":"github","key_id":"k1"}}
//! keyguard → gateway   {"tunnel":{"id":7,"connect":{"host":"token.actions.githubusercontent.com","port":443},"bytes":"FgMB…"}}
//! gateway → keyguard   {"tunnel":{"id":7,"bytes":"FgMD…","ended":null}}              as often as bytes arrive
//! keyguard → gateway   {"tunnel":{"id":7,"connect":null,"bytes":"FAMD…"}}            or, at the end:
//! keyguard → gateway   {"issuer-keys":{"keys":"{\"keys\":[…]}","fetched":…,"fresh_until":…,"recorded":false}}
//! ```

use crate::id::IssuerName;
use crate::order::base64_bytes;
use crate::time::Time;

/// Most bytes of one message through a tunnel, before base64.
pub const MAX_PIPED: usize = 64 * 1024;

/// Asks for an issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysWish {
    /// A registered issuer.
    pub issuer: IssuerName,
    /// The key that a token names: where the set at hand lacks it, the set is fetched anew (not more often than the
    /// keyguard's cool-down allows).
    pub key_id: Option<String>,
}

/// What came from the peer, for the keyguard.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piped {
    /// Which tunnel.
    pub id: u64,
    /// Bytes as received, at most [`MAX_PIPED`].
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
    /// Present when nothing more will come: why, in words; empty when the peer just closed the connection.
    pub ended: Option<String>,
}

/// Where a tunnel leads.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Host name or address; IPv6 in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What the keyguard wants sent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tunnel {
    /// Which tunnel.
    pub id: u64,
    /// Present when a new connection is to be made, in place of the one before.
    pub connect: Option<Peer>,
    /// Bytes to send; then whatever arrives is awaited.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

/// An issuer's keys as the keyguard fetched them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchedKeys {
    /// The JWK set (RFC 7517) as received.
    pub keys: String,
    /// When it was received, by the keyguard's clock.
    pub fetched: Time,
    /// Until when it need not be asked for again.
    pub fresh_until: Time,
    /// Whether the ledger that the keyguard follows names its digest; tokens are believed only then.
    pub recorded: bool,
}
