//! An outbox in memory, as strict as the stored one. Clones are the same outbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_core::port::Boxed;
use chancery_core::port::outbox::{DeadLetter, Outbox, Settled};
use chancery_core::port::state::StateError;

#[derive(Debug, Default)]
struct State {
    next: BTreeMap<String, u64>,
    told: BTreeSet<(String, String)>,
    dead: Vec<(String, DeadLetter)>,
    numbers: u64,
}

/// The fake.
#[derive(Debug, Clone, Default)]
pub struct FakeOutbox(Arc<Mutex<State>>);

impl FakeOutbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> Boxed<'a, Result<T, StateError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Outbox for FakeOutbox {
    fn next(&self, webhook: String, size: u64) -> Boxed<'_, Result<u64, StateError>> {
        let mut state = self.state();
        let next = state.next.entry(webhook).or_insert(size);
        *next = if *next > size { size } else { *next };
        ready(*next)
    }
    fn was_told(&self, webhook: String, id: String) -> Boxed<'_, Result<bool, StateError>> {
        ready(self.state().told.contains(&(webhook, id)))
    }
    fn settle(&self, webhook: String, settled: Settled) -> Boxed<'_, Result<(), StateError>> {
        let mut state = self.state();
        let Settled { next, told, dead } = settled;
        state.next.insert(webhook.clone(), next);
        if let Some(id) = told {
            state.told.insert((webhook.clone(), id));
        }
        if let Some(letter) = dead {
            state.numbers = state.numbers.saturating_add(1);
            let number = state.numbers;
            state.dead.push((webhook, DeadLetter { number, ..letter }));
        }
        ready(())
    }
    fn dead(
        &self,
        webhook: String,
        after: u64,
        limit: u32,
    ) -> Boxed<'_, Result<Vec<DeadLetter>, StateError>> {
        let state = self.state();
        let own = state.dead.iter().filter(|(name, letter)| *name == webhook && letter.number > after);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        ready(own.take(limit).map(|(_, letter)| letter.clone()).collect())
    }
    fn dead_count(&self, webhook: String) -> Boxed<'_, Result<u64, StateError>> {
        let count = self.state().dead.iter().filter(|(name, _)| *name == webhook).count();
        ready(u64::try_from(count).unwrap_or(u64::MAX))
    }
    fn bury(&self, webhook: String, number: u64) -> Boxed<'_, Result<(), StateError>> {
        self.state().dead.retain(|(name, letter)| *name != webhook || letter.number != number);
        ready(())
    }
}
