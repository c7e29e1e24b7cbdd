//! One remote authority: where it is, and which certificates may stamp there.

use std::time::Duration;

use chancery_core::port::dialer::Reach;
use chancery_core::time::Time;
use chancery_x509::certificate::Certificate;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::{CertificateWish, Nonce, TimestampRequest};
use chancery_x509::tsp::response::FailInfo;
use chancery_x509::tsp::verify::{
    self, Expected, Stamped, Stampers, TimestampError, Trust, VerifiedTimestamp,
};
use const_oid::ObjectIdentifier;

use crate::http::HttpError;
use crate::tsa::transport::Transport;

/// A remote authority as it is configured.
#[derive(Debug, Clone)]
pub struct AuthorityConfig {
    /// Its name in messages and statistics.
    pub name: String,
    /// Where it is asked. Plain `http` is common and harmless: the answer is signed and bound to the question.
    pub url: String,
    /// Which addresses may be contacted.
    pub reach: Reach,
    /// Roots that its chain must lead to.
    pub roots: Vec<Certificate>,
    /// Intermediates that it may leave out.
    pub known: Vec<Certificate>,
    /// When not empty, the only certificates that may stamp.
    pub pinned: Vec<Certificate>,
    /// The policy to ask for.
    pub policy: Option<ObjectIdentifier>,
    /// Until the last byte of the answer.
    pub timeout: Duration,
}

/// Why one authority did not stamp.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It answered that it will not.
    #[error("refused: {text}")]
    Refused {
        /// Its reason, where it is a known one.
        fail_info: Option<FailInfo>,
        /// Its words.
        text: String,
    },
    /// It could not be asked, or did not answer in time and form of HTTP.
    #[error("unreachable")]
    Unreachable(#[source] HttpError),
    /// Its answer is not what was asked for: a fault or a lie.
    #[error("answered wrongly")]
    WrongAnswer(#[source] WrongAnswer),
}

/// What is wrong with an answer.
#[derive(Debug, thiserror::Error)]
pub enum WrongAnswer {
    /// Not `application/timestamp-reply`.
    #[error("content type is `{0}`")]
    ContentType(String),
    /// Larger than 64 KiB.
    #[error("answer is too large")]
    Size,
    /// The timestamp does not verify.
    #[error("timestamp is not acceptable")]
    Timestamp(#[source] TimestampError),
}

/// A question, bound to its answer by nonce, imprint and time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    /// What shall be stamped.
    pub(crate) imprint: &'a Imprint,
    /// Drawn for this question alone.
    pub(crate) nonce: &'a Nonce,
    /// The local time before the question.
    pub(crate) asked_at: Time,
}

/// A remote authority that can be asked.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) config: AuthorityConfig,
    transport: Transport,
}

/// An answer that was checked completely.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Vec<u8>,
    pub(crate) timestamp: VerifiedTimestamp,
}

impl Authority {
    pub(crate) fn new(config: AuthorityConfig) -> Result<Self, HttpError> {
        let transport = Transport::new(&config.url, config.reach, config.timeout)?;
        Ok(Self { config, transport })
    }
    /// Asks once. `now` tells the local time; genTime may differ from it by `skew` seconds.
    pub(crate) async fn ask(
        &self,
        question: Question<'_>,
        now: &(dyn Fn() -> Time + Sync),
        skew: i64,
    ) -> Result<Answer, AuthorityError> {
        let request = TimestampRequest {
            imprint: question.imprint.clone(),
            policy: self.config.policy,
            nonce: Some(question.nonce.clone()),
            certificates: CertificateWish::Include,
        };
        let response = self.transport.exchange(request.to_der()).await?;
        let expected = Expected {
            stamped: Stamped::Imprint(question.imprint),
            nonce: Some(question.nonce),
            policy: self.config.policy,
            earliest: Some(question.asked_at.plus_seconds(-skew)),
            latest: Some(now().plus_seconds(skew)),
        };
        let pinned = self.config.pinned.as_slice();
        let trust = Trust {
            roots: &self.config.roots,
            known: &self.config.known,
            stampers: if pinned.is_empty() { Stampers::Any } else { Stampers::Only(pinned) },
            lists: &[],
        };
        let timestamp = verify::response(&response, &expected, &trust).map_err(judge)?;
        Ok(Answer { response, timestamp })
    }
}

fn judge(error: TimestampError) -> AuthorityError {
    match error {
        TimestampError::Rejected { fail_info, text } => AuthorityError::Refused { fail_info, text },
        other @ (TimestampError::Malformed(_)
        | TimestampError::Signature(_)
        | TimestampError::SignerNotNamed
        | TimestampError::NotPinned
        | TimestampError::Revoked { .. }
        | TimestampError::Untrusted(_)
        | TimestampError::Imprint
        | TimestampError::Nonce
        | TimestampError::Policy(_)
        | TimestampError::Time(_)) => AuthorityError::WrongAnswer(WrongAnswer::Timestamp(other)),
    }
}
