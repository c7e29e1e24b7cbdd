//! One question to Cedar, and its answer in our words.

use std::collections::BTreeSet;

use cedar_policy::{Authorizer, Decision, Entities, PolicySet, Request};
use chancery_core::environment::Environment;

use crate::facts::{Facts, Names};
use crate::schema::Vocabulary;

/// Yes, no, or nobody can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Some permit held, no forbid did, and every policy could be evaluated.
    Allow,
    /// No permit held, or a forbid did.
    Deny,
    /// Some policy could not be evaluated. Cedar skips such a policy, also a forbid; here it denies.
    Unsound,
}

/// What Cedar said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// The ids of the permits that allowed, or of the forbids that denied.
    pub(crate) determining: BTreeSet<String>,
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
        let Some(request) = self.request(facts, environment) else {
            return Answer { outcome: Outcome::Unsound, determining: BTreeSet::new() };
        };
        let response = self.authorizer.is_authorized(&request, set, &Entities::empty());
        let determining = response.diagnostics().reason().map(ToString::to_string).collect();
        let outcome = match (response.diagnostics().errors().next(), response.decision()) {
            (Some(_), _) => Outcome::Unsound,
            (None, Decision::Allow) => Outcome::Allow,
            (None, Decision::Deny) => Outcome::Deny,
        };
        Answer { outcome, determining }
    }

    /// Facts are typed, so the schema is not consulted again for every request; a test holds the two together.
    fn request(&self, facts: &Facts<'_>, environment: Environment) -> Option<Request> {
        let context = self.names.context(facts, environment, &self.vocabulary).ok()?;
        let (principal, resource) = (self.names.principal(facts), self.names.resource(facts));
        Request::new(principal, self.names.sign.clone(), resource, context, None).ok()
    }
}
