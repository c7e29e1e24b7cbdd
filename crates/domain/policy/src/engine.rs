//! One question to Cedar, and its answer in our words.

use std::collections::BTreeSet;

use cedar_policy::{Authorizer, Decision, Entities, PolicySet, Request};
use chancery_core::environment::Environment;

use crate::facts::{Facts, Names};
use crate::schema::Vocabulary;

/// What Cedar said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Some permit held, no forbid did, and nothing went wrong.
    pub(crate) allowed: bool,
    /// The ids of the permits that allowed, or of the forbids that denied.
    pub(crate) determining: BTreeSet<String>,
    /// Whether every policy could be evaluated. Cedar skips a policy that errs, also a forbid; here that denies.
    pub(crate) sound: bool,
    /// How many policies were evaluated.
    pub(crate) evaluated: usize,
}

/// What stays the same from request to request.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) names: Names,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) authorizer: Authorizer,
}

impl Engine {
    pub(crate) fn ask(&self, set: &PolicySet, facts: &Facts<'_>, environment: Environment) -> Answer {
        let evaluated = set.num_of_policies();
        let Some(request) = self.request(facts, environment) else {
            return Answer { allowed: false, determining: BTreeSet::new(), sound: false, evaluated };
        };
        let response = self.authorizer.is_authorized(&request, set, &Entities::empty());
        let sound = response.diagnostics().errors().next().is_none();
        let determining = response.diagnostics().reason().map(ToString::to_string).collect();
        let allowed = sound && response.decision() == Decision::Allow;
        Answer { allowed, determining, sound, evaluated }
    }

    /// Facts are typed, so the schema is not consulted again for every request; a test holds the two together.
    fn request(&self, facts: &Facts<'_>, environment: Environment) -> Option<Request> {
        let context = self.names.context(facts, environment, &self.vocabulary).ok()?;
        let (principal, resource) = (self.names.principal(facts), self.names.resource(facts));
        Request::new(principal, self.names.sign.clone(), resource, context, None).ok()
    }
}
