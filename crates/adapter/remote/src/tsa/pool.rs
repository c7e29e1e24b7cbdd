//! Several authorities, asked in order until one answers rightly.
//!
//! An authority that failed is asked last until its cool-down is over; one that answered wrongly is not asked at all
//! until then, because a wrong answer is a fault or a lie and not a matter of load.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::digest::DigestAlgorithm;
use chancery_core::port::Boxed;
use chancery_core::port::clock::Clock;
use chancery_core::port::entropy::Entropy;
use chancery_core::port::stamper::{StampError, Stamped, Stamper};
use chancery_core::time::Time;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::Nonce;
use chancery_x509::tsp::verify::VerifiedTimestamp;

use crate::http::HttpError;
use crate::tsa::authority::{Authority, AuthorityConfig, AuthorityError, Question};

/// Most authorities in one pool.
pub const MAX_AUTHORITIES: usize = 8;

/// How a pool behaves. All in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// How far genTime may be from the local time, in both directions.
    pub skew: i64,
    /// How long an authority that refused or was not reached is asked last.
    pub cool_down: i64,
    /// How long an authority that answered wrongly is not asked.
    pub quarantine: i64,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self { skew: 60, cool_down: 30, quarantine: 600 }
    }
}

/// Why a pool cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// None, or more than [`MAX_AUTHORITIES`].
    #[error("expected 1 to {MAX_AUTHORITIES} authorities, found {0}")]
    Count(usize),
    /// An authority trusts no root, so nothing that it says could be believed.
    #[error("authority `{0}` has no roots")]
    NoRoots(String),
    /// An authority cannot be asked as it is configured.
    #[error("authority `{name}` cannot be asked")]
    Http {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: HttpError,
    },
}

/// Why nobody stamped.
#[derive(Debug, thiserror::Error)]
pub enum PoolFailure {
    /// The generator gave no usable nonce.
    #[error("no nonce")]
    NoNonce,
    /// Every authority that may be asked failed; in the order asked.
    #[error("no authority stamped: {}", describe(.0))]
    All(Vec<(String, AuthorityError)>),
}

/// A timestamp with what it came in.
#[derive(Debug, Clone)]
pub struct PoolAnswer {
    /// The name of the authority.
    pub authority: String,
    /// TimeStampResp, byte for byte.
    pub response: Vec<u8>,
    /// What was checked.
    pub timestamp: VerifiedTimestamp,
}

/// Several remote authorities.
#[derive(Debug)]
pub struct TsaPool {
    members: Vec<Member>,
    config: PoolConfig,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

#[derive(Debug)]
struct Member {
    authority: Authority,
    standing: Mutex<Standing>,
}

/// How an authority did last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    /// Asked last until then.
    Deferred(Time),
    /// Not asked until then.
    Quarantined(Time),
}

impl TsaPool {
    /// Builds a pool; the first authority is asked first.
    pub fn new(
        authorities: Vec<AuthorityConfig>,
        config: PoolConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, PoolError> {
        if authorities.is_empty() || authorities.len() > MAX_AUTHORITIES {
            return Err(PoolError::Count(authorities.len()));
        }
        let members = authorities.into_iter().map(Member::new).collect::<Result<_, _>>()?;
        Ok(Self { members, config, clock, entropy })
    }
    /// A timestamp over an imprint, from the first authority that answers rightly.
    pub async fn timestamp(&self, imprint: &Imprint) -> Result<PoolAnswer, PoolFailure> {
        let mut failures = Vec::new();
        for member in self.order(self.clock.now()) {
            // A nonce is drawn per question: one that an authority has seen is no secret from it.
            let nonce = Nonce::from_random(&self.entropy.sixteen()).ok_or(PoolFailure::NoNonce)?;
            let question = Question { imprint, nonce: &nonce, asked_at: self.clock.now() };
            let name = member.authority.config.name.clone();
            match member.authority.ask(question, &|| self.clock.now(), self.config.skew).await {
                Ok(answer) => {
                    member.set(Standing::Good);
                    let (response, timestamp) = (answer.response, answer.timestamp);
                    return Ok(PoolAnswer { authority: name, response, timestamp });
                }
                Err(error) => {
                    member.set(self.standing_after(&error));
                    tracing::warn!(authority = name, error = chain(&error), "no timestamp");
                    failures.push((name, error));
                }
            }
        }
        Err(PoolFailure::All(failures))
    }

    /// Good ones in their order, then deferred ones by the end of their cool-down.
    fn order(&self, now: Time) -> Vec<&Member> {
        let mut good = Vec::new();
        let mut deferred = Vec::new();
        for member in &self.members {
            match member.standing() {
                Standing::Deferred(until) if until > now => deferred.push((until, member)),
                Standing::Quarantined(until) if until > now => {}
                Standing::Good | Standing::Deferred(_) | Standing::Quarantined(_) => good.push(member),
            }
        }
        deferred.sort_by_key(|(until, _)| *until);
        good.extend(deferred.into_iter().map(|(_, member)| member));
        good
    }
    fn standing_after(&self, error: &AuthorityError) -> Standing {
        let now = self.clock.now();
        match error {
            AuthorityError::Refused { .. } | AuthorityError::Unreachable(_) => {
                Standing::Deferred(now.plus_seconds(self.config.cool_down))
            }
            AuthorityError::WrongAnswer(_) => Standing::Quarantined(now.plus_seconds(self.config.quarantine)),
        }
    }
}

impl Stamper for TsaPool {
    fn stamp<'a>(&'a self, signature: &'a [u8]) -> Boxed<'a, Result<Stamped, StampError>> {
        Box::pin(async move {
            let imprint = Imprint::of(DigestAlgorithm::Sha256, signature);
            let answer = self.timestamp(&imprint).await.map_err(|error| StampError(error.to_string()))?;
            Ok(Stamped { response: answer.response, at: answer.timestamp.gen_time() })
        })
    }
}

impl Member {
    fn new(config: AuthorityConfig) -> Result<Self, PoolError> {
        let name = config.name.clone();
        if config.roots.is_empty() {
            return Err(PoolError::NoRoots(name));
        }
        let authority = Authority::new(config).map_err(|source| PoolError::Http { name, source })?;
        Ok(Self { authority, standing: Mutex::new(Standing::Good) })
    }
    fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn set(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

fn describe(failures: &[(String, AuthorityError)]) -> String {
    if failures.is_empty() {
        return "all are in quarantine after wrong answers".to_owned();
    }
    let texts: Vec<String> =
        failures.iter().map(|(name, error)| format!("`{name}` {}", chain(error))).collect();
    texts.join("; ")
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        out.push_str(": ");
        out.push_str(&inner.to_string());
        cause = inner.source();
    }
    out
}
