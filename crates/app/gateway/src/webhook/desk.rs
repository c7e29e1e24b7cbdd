//! What an operator does with webhooks: try one, look at what was given up, send it again.

use chancery_core::port::outbox::DeadLetter;

use super::notice;
use super::queue::{Hook, Parts, Webhooks, attempt_once};
use crate::failure::Failure;

/// Most dead letters in one answer.
const LIST: u32 = 100;

/// There is no webhook, or no dead letter, of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no {0}")]
pub struct Unknown(pub String);

/// What was sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redelivered {
    /// Dead letters that were taken now.
    pub delivered: u64,
    /// Dead letters that are left.
    pub left: u64,
}

/// Why not all of it was.
#[derive(Debug, thiserror::Error)]
pub enum NotRedelivered {
    /// The gateway failed.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The receiver would not take it.
    #[error("the receiver of webhook `{webhook}` did not take notice `{notice}`: {why}")]
    NotTaken {
        /// Which webhook.
        webhook: String,
        /// Which notice.
        notice: String,
        /// Why, in one line.
        why: String,
        /// What was taken before it.
        before: Redelivered,
    },
    /// No such webhook or dead letter.
    #[error(transparent)]
    Unknown(#[from] Unknown),
}

impl Webhooks {
    /// Sends a notice that tells nothing, once; answers with its id.
    pub async fn test(&self, webhook: &str) -> Result<String, NotRedelivered> {
        let (parts, hook) = self.find(webhook)?;
        let gateway = parts.gateway.parts();
        let notice = notice::trial(&gateway.builder, webhook, gateway.clock.now());
        match attempt_once(parts, hook, &notice).await {
            Ok(()) => Ok(notice.id),
            Err(why) => Err(not_taken(hook, notice.id, why, Redelivered { delivered: 0, left: 0 })),
        }
    }
    /// What was given up, oldest first, at most a hundred from behind `after`.
    pub async fn dead(&self, webhook: &str, after: u64) -> Result<Vec<DeadLetter>, NotRedelivered> {
        let (parts, hook) = self.find(webhook)?;
        Ok(parts.outbox.dead(hook.name(), after, LIST).await.map_err(Failure::from)?)
    }
    /// Sends dead letters again, once each, oldest first: all, or the one of this number. Stops at the first that is not
    /// taken.
    pub async fn redeliver(&self, webhook: &str, number: Option<u64>) -> Result<Redelivered, NotRedelivered> {
        let (parts, hook) = self.find(webhook)?;
        let mut after = number.map_or(0, |number| number.saturating_sub(1));
        let mut delivered = 0_u64;
        loop {
            let letters =
                parts.outbox.dead(hook.name(), after, if number.is_some() { 1 } else { LIST }).await;
            let mut letters = letters.map_err(Failure::from)?;
            letters.retain(|letter| number.is_none_or(|number| letter.number == number));
            let Some(last) = letters.last().map(|letter| letter.number) else { break };
            for letter in letters {
                let outcome = attempt_once(parts, hook, &letter.notice).await;
                if let Err(why) = outcome {
                    let before = Redelivered { delivered, left: self.left(parts, hook).await? };
                    return Err(not_taken(hook, letter.notice.id, why, before));
                }
                parts.outbox.bury(hook.name(), letter.number).await.map_err(Failure::from)?;
                delivered = delivered.saturating_add(1);
            }
            after = last;
            if number.is_some() {
                break;
            }
        }
        if let (Some(number), 0) = (number, delivered) {
            return Err(Unknown(format!("dead letter {number} of webhook `{webhook}`")).into());
        }
        Ok(Redelivered { delivered, left: self.left(parts, hook).await? })
    }

    async fn left(&self, parts: &Parts, hook: &Hook) -> Result<u64, Failure> {
        let left = parts.outbox.dead_count(hook.name()).await?;
        hook.with(|standing| standing.dead = left);
        Ok(left)
    }

    fn find(&self, webhook: &str) -> Result<(&Parts, &Hook), Unknown> {
        let hook = self.hooks.iter().find(|hook| hook.subscription.name == webhook);
        let found = self.parts.as_ref().zip(hook);
        found.ok_or_else(|| Unknown(format!("webhook `{webhook}` in the configuration")))
    }
}

fn not_taken(hook: &Hook, notice: String, why: String, before: Redelivered) -> NotRedelivered {
    NotRedelivered::NotTaken { webhook: hook.name(), notice, why, before }
}
