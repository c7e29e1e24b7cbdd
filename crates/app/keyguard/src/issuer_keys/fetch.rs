//! One fetch: the discovery document, then the JWK set that it names, each over a connection of its own.

use std::sync::Arc;

use chancery_core::tunnel::{Peer, Piped};
use chancery_identity::discovery::{self, Address, InvalidDiscovery};
use chancery_identity::issuer::Issuer;
use chancery_identity::jwk::{InvalidKeys, KeySet};
use rustls::ClientConfig;

use crate::issuer_keys::line::{Line, LineError};
use crate::issuer_keys::response::{InvalidResponse, Response};

/// A fetch that brought no keys.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The discovery document is not acceptable.
    #[error(transparent)]
    Discovery(#[from] InvalidDiscovery),
    /// The connection could not be made or ended too early.
    #[error("the connection ended: {0}")]
    Ended(String),
    /// The JWK set is not usable.
    #[error("key set refused: {0}")]
    Keys(#[from] InvalidKeys),
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// The line broke.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The answer is not one.
    #[error(transparent)]
    Response(#[from] InvalidResponse),
}

/// What has to be done next.
#[derive(Debug)]
pub enum Next {
    /// The keys are here: the set as received, and what of it is usable.
    Fetched(String, KeySet),
    /// Bytes have to be carried, over a new connection where a peer is named.
    Pipe(Option<Peer>, Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Document,
    Keys,
}

/// A fetch under way.
#[derive(Debug)]
pub struct Fetch {
    issuer: Issuer,
    config: Arc<ClientConfig>,
    stage: Stage,
    line: Line,
    response: Response,
}

impl Fetch {
    /// Begins with the discovery document. Answers with where to connect to, and the first bytes.
    pub fn begin(issuer: &Issuer, config: &Arc<ClientConfig>) -> Result<(Self, Next), FetchError> {
        let address = discovery::document_address(issuer)?;
        let (line, peer, bytes) = Line::open(config, &address, &request(&address))?;
        let fetch = Self {
            issuer: issuer.clone(),
            config: Arc::clone(config),
            stage: Stage::Document,
            line,
            response: Response::default(),
        };
        Ok((fetch, Next::Pipe(Some(peer), bytes)))
    }

    /// Whose keys they are.
    #[must_use]
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Takes what came from the peer.
    pub fn piped(&mut self, piped: &Piped) -> Result<Next, FetchError> {
        let (heard, bytes) = self.line.carry(&piped.bytes)?;
        self.response.push(&heard.text)?;
        if heard.ended {
            self.response.end()?;
        }
        let broken = piped.ended.as_deref();
        if broken == Some("") && self.line.may_just_end() {
            self.response.end()?;
        }
        match (self.response.whole().map(<[u8]>::to_vec), broken) {
            (Some(body), _) => self.turn(body),
            (None, Some("")) => Err(InvalidResponse::Truncated.into()),
            (None, Some(why)) => {
                Err(FetchError::Ended(why.chars().filter(|c| !c.is_control()).take(200).collect()))
            }
            (None, None) => Ok(Next::Pipe(None, bytes)),
        }
    }

    /// An answer is whole: on to the keys, or done.
    fn turn(&mut self, body: Vec<u8>) -> Result<Next, FetchError> {
        match self.stage {
            Stage::Document => {
                let address = discovery::key_address(&self.issuer, &body)?;
                let (line, peer, bytes) = Line::open(&self.config, &address, &request(&address))?;
                (self.stage, self.line, self.response) = (Stage::Keys, line, Response::default());
                Ok(Next::Pipe(Some(peer), bytes))
            }
            Stage::Keys => {
                let text = String::from_utf8(body).map_err(|_| InvalidKeys::Malformed)?;
                let keys = KeySet::parse(&self.issuer, &text)?;
                Ok(Next::Fetched(text, keys))
            }
        }
    }
}

/// INVARIANT: authority and target are printable ASCII without spaces (`Address`), so no field can be added.
fn request(address: &Address) -> Vec<u8> {
    format!(
        "GET {} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\naccept-encoding: identity\r\n\
         user-agent: chancery/{}\r\nconnection: close\r\n\r\n",
        address.target(),
        address.authority(),
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes()
}
