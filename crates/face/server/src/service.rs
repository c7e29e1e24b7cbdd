//! What all handlers share.

use std::sync::Arc;

use chancery_gateway::gateway::Gateway;
use chancery_gateway::webhook::Webhooks;

use crate::admission::Admission;
use crate::dev_issuer::DevIssuer;
use crate::http::health::{LastHealth, LastIntents};
use crate::http::overview::LastOverview;
use crate::http::trust::LastTrust;
use crate::measures::Measures;
use crate::metrics::Metrics;
use crate::patience::Patience;

/// The state behind every route.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) dev: Option<DevIssuer>,
    pub(crate) patience: Patience,
    pub(crate) admission: Admission,
    pub(crate) metrics: Metrics,
    pub(crate) measures: Vec<Arc<dyn Measures>>,
    pub(crate) health: LastHealth,
    pub(crate) intents: LastIntents,
    pub(crate) overview: LastOverview,
    pub(crate) trust: LastTrust,
}

impl Service {
    /// A service over a gateway.
    pub(crate) fn new(
        (gateway, webhooks): (Arc<Gateway>, Arc<Webhooks>),
        dev: Option<DevIssuer>,
        measures: Vec<Arc<dyn Measures>>,
        patience: Patience,
    ) -> Arc<Self> {
        Arc::new(Self {
            gateway,
            webhooks,
            dev,
            patience,
            admission: Admission::default(),
            metrics: Metrics::default(),
            measures,
            intents: LastIntents::default(),
            overview: LastOverview::default(),
            health: LastHealth::default(),
            trust: LastTrust::default(),
        })
    }
}
