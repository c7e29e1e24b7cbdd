//! The ports that the ledger in memory serves. Every call lets others run once before it works, so that tests of
//! concurrency interleave.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use chancery_core::digest::Sha256;
use chancery_core::id::{ProfileName, RequestId, StatementId};
use chancery_core::port::Boxed;
use chancery_core::port::ledger_reader::{LedgerReader, Query};
use chancery_core::port::sequencer::{Append, AppendError, Record, RecordKind, Sequencer};
use chancery_core::port::state::{CurrentPolicy, OpenIntent, Recalled, State, StateError};
use chancery_core::receipt::Receipt;
use chancery_core::time::Time;
use chancery_ledger::event::{Body, Event};

use super::FakeLedger;

/// Pending once.
struct Turn(Option<()>);

impl Future for Turn {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0.take().is_some() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

fn later<'a, T: Send + 'a>(work: impl FnOnce() -> T + Send + 'a) -> Boxed<'a, T> {
    Box::pin(async move {
        Turn(Some(())).await;
        work()
    })
}

impl Sequencer for FakeLedger {
    fn append(&self, append: Append) -> Boxed<'_, Result<Vec<Receipt>, AppendError>> {
        later(move || self.append_now(&append))
    }
}

impl LedgerReader for FakeLedger {
    fn leaf(&self, index: u64) -> Boxed<'_, Result<Option<String>, StateError>> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        later(move || Ok(self.state().tree.leaves.get(index).cloned()))
    }
    fn receipt(&self, index: u64) -> Boxed<'_, Result<Option<Receipt>, StateError>> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        later(move || Ok(self.state().receipt(index)))
    }
    fn search(&self, _: Query, _: u32) -> Boxed<'_, Result<Vec<u64>, StateError>> {
        later(|| Err(StateError("the ledger in memory has no index".to_owned())))
    }
    fn file<'a>(&'a self, _: &'a str) -> Boxed<'a, Result<Option<Vec<u8>>, StateError>> {
        later(|| Err(StateError("the ledger in memory publishes no files".to_owned())))
    }
    fn size(&self) -> u64 {
        u64::try_from(self.state().tree.leaves.len()).unwrap_or(u64::MAX)
    }
}

impl State for FakeLedger {
    fn released(
        &self,
        request: RequestId,
        statement: StatementId,
    ) -> Boxed<'_, Result<Option<Recalled>, StateError>> {
        later(move || {
            let state = self.state();
            let mut known = state.releases.iter().filter(|known| known.0 == request && known.1 == statement);
            Ok(known.next().map(|known| known.2.clone()))
        })
    }
    fn token_use(&self, token: Sha256) -> Boxed<'_, Result<Option<RequestId>, StateError>> {
        later(move || Ok(self.state().tokens.get(&token).copied()))
    }
    fn signed_put(&self, index: u64, signed: String) -> Boxed<'_, Result<(), StateError>> {
        later(move || match self.state().intents.get_mut(&index) {
            Some(open) => {
                open.signed = Some(signed);
                Ok(())
            }
            None => Err(StateError(format!("intent {index} is not open"))),
        })
    }
    fn open_intents(&self) -> Boxed<'_, Result<Vec<OpenIntent>, StateError>> {
        later(|| Ok(self.state().intents.values().cloned().collect()))
    }
    fn intents_since(&self, profile: ProfileName, since: Time) -> Boxed<'_, Result<Vec<Time>, StateError>> {
        later(move || {
            let leaves = self.leaves();
            let events = leaves.iter().filter_map(|leaf| Event::decode(leaf).ok());
            let own = events.filter(|event| matches!(&event.body, Body::Intent(i) if i.profile == profile));
            Ok(own.map(|event| event.time).filter(|time| *time > since).collect())
        })
    }
    fn policy_put(&self, policy: CurrentPolicy) -> Boxed<'_, Result<(), StateError>> {
        later(move || {
            self.state().policies.push(policy);
            Ok(())
        })
    }
    fn records(
        &self,
        kind: RecordKind,
        topic: Option<String>,
        most: u32,
    ) -> Boxed<'_, Result<Vec<Record>, StateError>> {
        later(move || {
            let state = self.state();
            let fits = |record: &&Record| {
                record.kind == kind && topic.as_ref().is_none_or(|topic| *topic == record.topic)
            };
            let found: Vec<Record> = state.records.iter().filter(fits).cloned().collect();
            let left_out = found.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
            Ok(found.into_iter().skip(left_out).collect())
        })
    }
    fn record(&self, sha256: Sha256) -> Boxed<'_, Result<Option<Record>, StateError>> {
        later(move || Ok(self.state().records.iter().find(|record| record.sha256 == sha256).cloned()))
    }
    fn kept_with(&self, sha256: Sha256) -> Boxed<'_, Result<Option<u64>, StateError>> {
        later(move || Ok(self.state().kept_with.get(&sha256).copied()))
    }
    fn policy_current(&self) -> Boxed<'_, Result<Option<CurrentPolicy>, StateError>> {
        later(|| Ok(self.state().policies.iter().max_by_key(|policy| policy.sequence).cloned()))
    }
}
