//! Finds the grants that can concern a caller without looking at the others.
//!
//! A grant holds only when its issuer and its anchor (an exact immutable id) are the caller's, so the grants of the
//! caller's own (issuer, attribute, value) are all that can permit. Cost: one look-up for each attribute that anchors
//! any grant of the profile, whatever their number.

use std::collections::BTreeMap;

use chancery_core::caller::Caller;
use chancery_core::id::IssuerName;

use crate::attribute::Attribute;
use crate::grant::Grant;

type ByValue = BTreeMap<String, Vec<usize>>;

/// Positions in the profile's list of grants, by issuer, attribute and value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index(BTreeMap<IssuerName, BTreeMap<Attribute, ByValue>>);

impl Index {
    pub(crate) fn of(grants: &[Grant]) -> Self {
        let mut index: BTreeMap<IssuerName, BTreeMap<Attribute, ByValue>> = BTreeMap::new();
        for (position, grant) in grants.iter().enumerate() {
            let anchor = grant.anchor();
            let by_attribute = index.entry(grant.issuer().clone()).or_default();
            let by_value = by_attribute.entry(anchor.attribute.clone()).or_default();
            by_value.entry(anchor.value.clone()).or_default().push(position);
        }
        Self(index)
    }
    /// Positions of the grants that name the caller, ascending.
    pub(crate) fn candidates(&self, caller: &Caller) -> Vec<usize> {
        let Some(by_attribute) = self.0.get(&caller.issuer_name) else { return Vec::new() };
        let mut found: Vec<usize> = by_attribute
            .iter()
            .filter_map(|(attribute, by_value)| by_value.get(attribute.read(&caller.claims)?))
            .flatten()
            .copied()
            .collect();
        found.sort_unstable();
        found
    }
}
