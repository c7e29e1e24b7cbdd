//! The facts that one decision sees: one statement of one caller under one profile.

use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use chancery_core::artifact::Artifact;
use chancery_core::caller::{AudienceBinding, Caller};
use chancery_core::depth::Depth;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::ProfileName;
use chancery_core::statement::Statement;
use chancery_core::time::Time;

use crate::attribute::{self, Space};
use crate::limit::Counts;
use crate::profile::Binding;
use crate::schema::Vocabulary;
use crate::standing::{Standing, Waived};

/// What is decided about. The environment is the profile's own and is not among what a caller can say.
///
/// For a request of many statements, decide each, with the statements before it already in `counts`.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The profile asked for.
    pub profile: &'a ProfileName,
    /// Who asks.
    pub caller: &'a Caller,
    /// The native format.
    pub format: FormatName,
    /// The family of signed bytes.
    pub family: Family,
    /// How much of the artifact was seen.
    pub depth: Depth,
    /// What is to be signed.
    pub artifact: &'a Artifact,
    /// What the signature will say about it: the predicate type of an in-toto statement.
    pub predicate: Option<&'a str>,
    /// Now.
    pub time: Time,
    /// What each window of the profile's limits holds already, without this signature.
    pub counts: &'a Counts,
    /// How the request stands: approvals, builders, when it was first seen, habits, exceptions.
    pub standing: &'a Standing,
}

impl<'a> Facts<'a> {
    /// The facts of a statement.
    #[must_use]
    pub fn of_statement(
        profile: &'a ProfileName,
        caller: &'a Caller,
        statement: &'a Statement,
        time: Time,
        (counts, standing): (&'a Counts, &'a Standing),
    ) -> Self {
        Self {
            profile,
            caller,
            format: statement.format,
            family: statement.family,
            depth: statement.depth,
            artifact: &statement.artifact,
            predicate: chancery_format::predicate::of(statement),
            time,
            counts,
            standing,
        }
    }
    /// How tightly the caller's token is bound.
    #[must_use]
    pub const fn binding(&self) -> Binding {
        match self.caller.binding {
            AudienceBinding::Sigstore => Binding::Sigstore,
            AudienceBinding::Fixed => Binding::Fixed,
            AudienceBinding::Request(_) => Binding::Request,
            AudienceBinding::Session(_) => Binding::Session,
        }
    }
}

/// A fact that the engine does not take; never the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsayable;

/// Cedar names that every request uses, parsed once.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    issuer: EntityTypeName,
    profile: EntityTypeName,
    binding: EntityTypeName,
    environment: EntityTypeName,
    family: EntityTypeName,
    format: EntityTypeName,
    pub(crate) sign: EntityUid,
}

impl Names {
    /// Fails only if the names in this function were no Cedar identifiers.
    pub(crate) fn new() -> Result<Self, String> {
        let kind = |name: &str| name.parse::<EntityTypeName>().map_err(|error| error.to_string());
        Ok(Self {
            issuer: kind("Issuer")?,
            profile: kind("Profile")?,
            binding: kind("Binding")?,
            environment: kind("Environment")?,
            family: kind("Family")?,
            format: kind("Format")?,
            sign: EntityUid::from_type_name_and_id(kind("Action")?, EntityId::new("sign")),
        })
    }
    pub(crate) fn principal(&self, facts: &Facts<'_>) -> EntityUid {
        uid(&self.issuer, facts.caller.issuer_name.as_str())
    }
    pub(crate) fn resource(&self, facts: &Facts<'_>) -> EntityUid {
        uid(&self.profile, facts.profile.as_str())
    }
    /// The context record of [`Vocabulary::text`].
    pub(crate) fn context(
        &self,
        facts: &Facts<'_>,
        environment: Environment,
        vocabulary: &Vocabulary,
    ) -> Result<Context, Unsayable> {
        let entity = |kind, name| RestrictedExpression::new_entity_uid(uid(kind, name));
        let predicate = facts.predicate.map(|predicate| ("predicate", text(predicate)));
        let pairs = [
            ("artifact", artifact(facts.artifact)?),
            ("attested", attested(facts)),
            ("binding", entity(&self.binding, facts.binding().name())),
            ("claims", claims(facts, vocabulary, Space::Normalised)?),
            ("counts", counts(facts, vocabulary)?),
            ("depth", RestrictedExpression::new_long(i64::from(facts.depth.level()))),
            ("environment", entity(&self.environment, environment.name())),
            ("family", entity(&self.family, facts.family.name())),
            ("format", entity(&self.format, facts.format.name())),
            ("raw", claims(facts, vocabulary, Space::Raw)?),
            ("time", time(facts.time)?),
            ("waived", waived(facts)?),
        ];
        let pairs = pairs.into_iter().chain(predicate).map(|(name, value)| (name.to_owned(), value));
        Context::from_pairs(pairs).map_err(|_| Unsayable)
    }
}

fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}

fn record(
    fields: impl IntoIterator<Item = (String, RestrictedExpression)>,
) -> Result<RestrictedExpression, Unsayable> {
    RestrictedExpression::new_record(fields).map_err(|_| Unsayable)
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

/// Cedar's numbers are 64 bits with sign; what is larger is as large as can be said.
fn long(value: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(value).unwrap_or(i64::MAX))
}

fn artifact(artifact: &Artifact) -> Result<RestrictedExpression, Unsayable> {
    record([
        ("digest".to_owned(), text(&artifact.digest.to_string())),
        ("name".to_owned(), text(&artifact.name)),
        ("size".to_owned(), long(artifact.size)),
    ])
}

/// Names of demanded attestations that are met.
fn attested(facts: &Facts<'_>) -> RestrictedExpression {
    RestrictedExpression::new_set(facts.standing.attested.met().map(text))
}

fn claims(
    facts: &Facts<'_>,
    vocabulary: &Vocabulary,
    space: Space,
) -> Result<RestrictedExpression, Unsayable> {
    let claims = &facts.caller.claims;
    match space {
        Space::Normalised => {
            record(attribute::present(claims).map(|(name, value)| (name.to_owned(), text(value))))
        }
        Space::Raw => {
            let known = claims.raw.iter().filter(|(name, _)| vocabulary.raw.contains(*name));
            record(known.map(|(name, value)| (name.clone(), text(value))))
        }
    }
}

fn counts(facts: &Facts<'_>, vocabulary: &Vocabulary) -> Result<RestrictedExpression, Unsayable> {
    let named = facts.counts.each().filter(|(window, _)| vocabulary.windows.contains(window));
    record(named.map(|(window, count)| (window.to_string(), long(count))))
}

/// What an exception in force waives. Guardrails may forbid such requests more.
fn waived(facts: &Facts<'_>) -> Result<RestrictedExpression, Unsayable> {
    let each = [("approvals", Waived::Approvals), ("hold", Waived::Hold), ("limits", Waived::Limits)];
    let said = |condition| RestrictedExpression::new_bool(facts.standing.waiver(condition).is_some());
    record(each.map(|(name, condition)| (name.to_owned(), said(condition))))
}

/// UTC. The first of January 1970 was a Thursday; Monday is 1, Sunday 7 (ISO 8601).
fn time(time: Time) -> Result<RestrictedExpression, Unsayable> {
    let seconds = time.seconds();
    let hour = seconds.rem_euclid(86_400).div_euclid(3600);
    let weekday = seconds.div_euclid(86_400).saturating_add(3).rem_euclid(7).saturating_add(1);
    let fields = [("hour", hour), ("seconds", seconds), ("weekday", weekday)];
    record(fields.map(|(name, value)| (name.to_owned(), RestrictedExpression::new_long(value))))
}
