//! The keyguard as the use cases see it: one that was started anew is told the policy before it is given an order.

use std::sync::{Arc, OnceLock, Weak};

use chancery_core::message::{Call, Reply};
use chancery_core::port::Boxed;
use chancery_core::port::keyguard::{Keyguard, KeyguardUnavailable};
use chancery_core::refusal::RefusalCode;
use chancery_gateway::bootstrap;
use chancery_gateway::gateway::Gateway;

/// Passes calls on. An order (or a wish for an issuer's keys) that is refused for want of a policy was not begun, so it
/// is given once more after the keyguard was told; without this, a caller would be blamed for a restart.
#[derive(Debug)]
pub(crate) struct Greeted {
    client: Arc<dyn Keyguard>,
    gateway: OnceLock<Weak<Gateway>>,
}

impl Greeted {
    /// Passes on to this client.
    #[must_use]
    pub(crate) fn new(client: Arc<dyn Keyguard>) -> Arc<Self> {
        Arc::new(Self { client, gateway: OnceLock::new() })
    }
    /// Knows the policy of this gateway.
    pub(crate) fn follow(&self, gateway: &Arc<Gateway>) {
        let _already = self.gateway.set(Arc::downgrade(gateway)).is_err();
    }
    async fn order(&self, call: Call) -> Result<Reply, KeyguardUnavailable> {
        let reply = self.client.call(call.clone()).await?;
        let gateway = self.gateway.get().and_then(Weak::upgrade);
        let (true, Some(gateway)) = (lacks_policy(&reply), gateway) else { return Ok(reply) };
        let told = bootstrap::greet_again(&gateway).await;
        told.map_err(|error| KeyguardUnavailable(error.to_string()))?;
        self.client.call(call).await
    }
}

fn lacks_policy(reply: &Reply) -> bool {
    matches!(reply, Reply::Refused(refusal) if refusal.code == RefusalCode::PolicyVersionWrong)
}

impl Keyguard for Greeted {
    fn call(&self, call: Call) -> Boxed<'_, Result<Reply, KeyguardUnavailable>> {
        if matches!(call, Call::Sign(_) | Call::IssuerKeys(_)) {
            Box::pin(self.order(call))
        } else {
            self.client.call(call)
        }
    }
}
