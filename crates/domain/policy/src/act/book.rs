//! What acts have left in force: freezes and exceptions, as gateway, keyguard and audit keep them, each by itself.
//!
//! A freeze counts as soon as its leaf is read. Everything that gives something (an unfreeze, an exception, a review)
//! counts only with an [`AcceptedAct`]: whoever writes the ledger cannot give it.

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::caller::Caller;
use chancery_core::digest::Sha256;
use chancery_core::freeze::Scope;
use chancery_core::id::{KeyId, PersonId, ProfileName};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;

use super::accept::AcceptedAct;
use super::document::{Deed, Exception, Waive};
use super::refused::ActRefused;
use crate::standing::{Exception as Granted, Waived};

/// Most freezes and exceptions in force at a time.
pub const MAX_ENTRIES: usize = 256;
/// An exception whose review is this late stops its profile, in seconds: three days.
pub const GRACE: i64 = 3 * 86_400;
/// More emergencies of a profile than this within [`HABIT_WINDOW`] are no emergencies.
const HABIT: usize = 3;
const HABIT_WINDOW: i64 = 30 * 86_400;

/// A stop in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// What.
    pub scope: Scope,
    /// From when on.
    pub from: Option<Time>,
    /// Until when.
    pub until: Option<Time>,
}

/// An exception that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// For which profile.
    pub profile: ProfileName,
    /// What it takes away.
    pub waives: BTreeSet<Waive>,
    /// When it began.
    pub from: Time,
    /// Its end.
    pub until: Time,
    /// How many signatures it is good for.
    pub count: u32,
    /// How many intents named it.
    pub used: u32,
    /// When its review is due.
    pub review: Time,
    /// Whether approvers opened it in an emergency.
    pub emergency: bool,
    /// Who signed it: they do not review it.
    pub signers: BTreeSet<PersonId>,
    /// Who answers for it, and does not review it either.
    pub owner: PersonId,
    /// When it was reviewed, if it was.
    pub reviewed: Option<Time>,
}

/// Why nothing is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// A freeze covers it.
    Frozen {
        /// Its name.
        freeze: Sha256,
        /// Its end, if it has one.
        until: Option<Time>,
    },
    /// An exception of the profile was not reviewed in time.
    Overdue {
        /// Its name.
        exception: Sha256,
        /// When the review was due.
        review: Time,
    },
}

impl Stop {
    /// As it is told to the caller.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Frozen { freeze, until } => {
                let end =
                    until.map_or_else(|| "until it is lifted".to_owned(), |until| format!("until {until}"));
                Refusal::new(RefusalCode::Frozen, format!("a freeze is in force {end}"))
                    .because(freeze.to_string(), "no freeze")
                    .hint("chancery freeze list shows why; the root's people lift it: chancery freeze lift")
            }
            Self::Overdue { exception, review } => {
                let what = format!("the review of an exception of this profile was due at {review}");
                Refusal::new(RefusalCode::ReviewOverdue, what)
                    .because(exception.to_string(), "reviewed")
                    .hint("an auditor reviews it: chancery exception review")
            }
        }
    }
}

/// Everything in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    freezes: BTreeMap<Sha256, Freeze>,
    exceptions: BTreeMap<Sha256, Open>,
}

impl Book {
    /// Freezes with their names.
    #[must_use]
    pub const fn freezes(&self) -> &BTreeMap<Sha256, Freeze> {
        &self.freezes
    }
    /// Exceptions with their names, also those that are over and wait for their review.
    #[must_use]
    pub const fn exceptions(&self) -> &BTreeMap<Sha256, Open> {
        &self.exceptions
    }
    /// Stops something. The book is never too full for a stop: then everything stops.
    pub fn freeze(&mut self, name: Sha256, freeze: Freeze, now: Time) {
        self.freezes.retain(|_, known| known.until.is_none_or(|until| now < until));
        let is_full = self.freezes.len() >= MAX_ENTRIES;
        let freeze =
            if is_full { Freeze { scope: Scope::default(), from: None, until: None } } else { freeze };
        self.freezes.insert(name, freeze);
    }
    /// Whether an act can be done now, before it is logged.
    pub fn check(&self, accepted: &AcceptedAct, now: Time) -> Result<(), ActRefused> {
        match &accepted.act().deed {
            // Whether a list can follow the one in force is known where the instances are: in the lineage.
            Deed::Freeze { .. } | Deed::Reanchor { .. } | Deed::Trust { .. } => Ok(()),
            Deed::Unfreeze { freeze, .. } => match self.freezes.contains_key(freeze) {
                true => Ok(()),
                false => Err(ActRefused::Unknown(format!("no freeze {freeze} is in force"))),
            },
            Deed::Review { exception, .. } => self.reviewable(exception, accepted),
            Deed::Exception(exception) => self.openable(exception, now),
        }
    }
    fn reviewable(&self, name: &Sha256, accepted: &AcceptedAct) -> Result<(), ActRefused> {
        let open = self.exceptions.get(name).filter(|open| open.reviewed.is_none());
        let open =
            open.ok_or_else(|| ActRefused::Unknown(format!("no exception {name} waits for a review")))?;
        let own =
            accepted.signers().iter().find(|person| open.signers.contains(*person) || **person == open.owner);
        own.map_or(Ok(()), |person| Err(ActRefused::MayNot(person.clone())))
    }
    fn openable(&self, exception: &Exception, now: Time) -> Result<(), ActRefused> {
        if self.exceptions.len() >= MAX_ENTRIES {
            return Err(ActRefused::Standing("too many exceptions are kept".to_owned()));
        }
        let own = || self.exceptions.values().filter(|open| open.profile == exception.profile);
        if let Some(late) = own().find(|open| open.reviewed.is_none() && now >= open.review) {
            return Err(ActRefused::Standing(format!("one was to be reviewed by {}", late.review)));
        }
        let recent =
            own().filter(|open| open.emergency && now.seconds_since(open.from) < HABIT_WINDOW).count();
        if exception.emergency && recent >= HABIT {
            return Err(ActRefused::Standing(format!("{recent} emergencies within 30 days are a habit")));
        }
        Ok(())
    }
    /// Does an act that was accepted and logged. Freezes are done by [`Book::freeze`], when their leaf is read.
    pub fn perform(&mut self, accepted: &AcceptedAct, now: Time) -> Result<(), ActRefused> {
        self.check(accepted, now)?;
        match &accepted.act().deed {
            Deed::Freeze { .. } | Deed::Reanchor { .. } | Deed::Trust { .. } => {}
            Deed::Unfreeze { freeze, .. } => drop(self.freezes.remove(freeze)),
            Deed::Review { exception, .. } => {
                if let Some(open) = self.exceptions.get_mut(exception) {
                    open.reviewed = Some(now);
                }
            }
            Deed::Exception(exception) => {
                self.forget(now);
                self.exceptions.insert(accepted.id(), Open::new(exception, accepted, now));
            }
        }
        Ok(())
    }
    /// What is over, reviewed, and counts for no habit any more.
    fn forget(&mut self, now: Time) {
        self.exceptions.retain(|_, open| {
            open.reviewed.is_none() || now < open.until || now.seconds_since(open.from) < HABIT_WINDOW
        });
    }
    /// Why a signature is not made now, if so.
    #[must_use]
    pub fn stop(&self, caller: &Caller, profile: &ProfileName, key: &KeyId, now: Time) -> Option<Stop> {
        let frozen = self.freezes.iter().find(|(_, freeze)| {
            let holds =
                freeze.from.is_none_or(|from| from <= now) && freeze.until.is_none_or(|until| now < until);
            holds && freeze.scope.covers(caller, profile, key)
        });
        if let Some((name, freeze)) = frozen {
            return Some(Stop::Frozen { freeze: *name, until: freeze.until });
        }
        let late = |open: &Open| open.reviewed.is_none() && now.seconds_since(open.review) >= GRACE;
        let overdue = self.exceptions.iter().find(|(_, open)| open.profile == *profile && late(open));
        overdue.map(|(name, open)| Stop::Overdue { exception: *name, review: open.review })
    }
    /// The exceptions of a profile that are in force and have uses left, by name.
    pub fn usable(&self, profile: &ProfileName, now: Time) -> impl Iterator<Item = (&Sha256, &Open)> {
        let is_usable = move |open: &Open| open.from <= now && now < open.until && open.used < open.count;
        self.exceptions.iter().filter(move |(_, open)| open.profile == *profile && is_usable(open))
    }
    /// Counts an intent that names an exception.
    pub fn used(&mut self, exception: &Sha256) {
        if let Some(open) = self.exceptions.get_mut(exception) {
            open.used = open.used.saturating_add(1);
        }
    }
}

impl Open {
    /// As a decision sees it.
    #[must_use]
    pub fn granted(&self, name: &Sha256) -> Granted {
        let waived = |waive: &Waive| match waive {
            Waive::Approvals => Waived::Approvals,
            Waive::Hold => Waived::Hold,
            Waive::Limits => Waived::Limits,
        };
        Granted { id: name.to_string(), waives: self.waives.iter().map(waived).collect() }
    }
    fn new(exception: &Exception, accepted: &AcceptedAct, now: Time) -> Self {
        Self {
            profile: exception.profile.clone(),
            waives: exception.waives.iter().copied().collect(),
            from: now,
            until: exception.until,
            count: exception.count,
            used: 0,
            review: exception.review,
            emergency: exception.emergency,
            signers: accepted.signers().clone(),
            owner: exception.owner.clone(),
            reviewed: None,
        }
    }
}
