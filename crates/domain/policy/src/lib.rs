//! Profiles, grants and guardrails decide, with a trace of every rule.
