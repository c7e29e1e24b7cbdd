//! What each profile usually signs, kept by the keyguard from the orders that it signed itself: nobody else can teach it.
//!
//! Written when a package, workflow or format appeared that was not there (at most once a minute), and every ten minutes
//! when anything was signed. What a crash loses is unusual once more, which is the safe side.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chancery_core::canonical;
use chancery_core::id::ProfileName;
use chancery_core::port::memory::{Memory, MemoryError, Piece};
use chancery_core::time::Time;
use chancery_core::witness::Oddity;
use chancery_policy::habit::memory::{Habits, Novelty};
use chancery_policy::habit::observation::Observation;

/// Bytes that all habits together may take: what one piece of memory holds, with room.
const MAX_KEPT: usize = 200 * 1024;
/// Profiles whose habits are kept.
const MAX_PROFILES: usize = 64;
/// Seconds between two writes when something new appeared, and when only numbers changed.
const PAUSES: (i64, i64) = (60, 600);

/// The habits of all profiles.
#[derive(Debug, Default)]
pub struct HabitBook(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    profiles: BTreeMap<ProfileName, Habits>,
    written: Option<Time>,
    unwritten: Option<Novelty>,
}

impl HabitBook {
    /// Takes up what an earlier process kept. Errors when it is damaged: never guessed around.
    pub fn recall(memory: &dyn Memory) -> Result<Self, MemoryError> {
        let Some(bytes) = memory.read(Piece::Habits)? else { return Ok(Self::default()) };
        let text = String::from_utf8(bytes).map_err(|error| damaged(&error))?;
        let profiles = canonical::decode(&text).map_err(|error| damaged(&error))?;
        Ok(Self(Mutex::new(State { profiles, ..State::default() })))
    }

    /// What is unusual about statements that would be signed now, one after another: each counts for the next.
    #[must_use]
    pub fn judge(&self, profile: &ProfileName, asked: &[Observation], after: u32) -> Vec<Vec<Oddity>> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(habits) = state.profiles.get(profile) else { return vec![Vec::new(); asked.len()] };
        match asked {
            [] => Vec::new(),
            [one] => vec![habits.judge(one, after)],
            several => {
                let mut imagined = habits.clone();
                drop(state);
                let mut each = Vec::with_capacity(several.len());
                for one in several {
                    each.push(imagined.judge(one, after));
                    imagined.observe(one);
                }
                each
            }
        }
    }

    /// Takes note of a signature that was made.
    pub fn observe(&self, profile: &ProfileName, seen: &Observation) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.profiles.len() >= MAX_PROFILES && !state.profiles.contains_key(profile) {
            return;
        }
        let novelty = state.profiles.entry(profile.clone()).or_default().observe(seen);
        state.unwritten = match (state.unwritten, novelty) {
            (Some(Novelty::New), _) | (_, Novelty::New) => Some(Novelty::New),
            (None | Some(Novelty::Known), Novelty::Known) => Some(Novelty::Known),
        };
    }

    /// Writes what is due.
    pub fn keep(&self, memory: &dyn Memory, now: Time) -> Result<(), MemoryError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = match state.unwritten {
            None => return Ok(()),
            Some(Novelty::New) => PAUSES.0,
            Some(Novelty::Known) => PAUSES.1,
        };
        if state.written.is_some_and(|written| now.seconds_since(written).abs() < pause) {
            return Ok(());
        }
        let share = MAX_KEPT.checked_div(state.profiles.len()).unwrap_or(MAX_KEPT);
        for habits in state.profiles.values_mut() {
            habits.encode(share).map_err(|error| damaged(&error))?;
        }
        let text = canonical::encode(&state.profiles).map_err(|error| damaged(&error))?;
        memory.write(Piece::Habits, text.as_bytes())?;
        (state.written, state.unwritten) = (Some(now), None);
        Ok(())
    }
}

fn damaged(error: &dyn std::fmt::Display) -> MemoryError {
    MemoryError(format!("habits: {error}"))
}
