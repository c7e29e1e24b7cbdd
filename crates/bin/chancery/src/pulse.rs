//! Whether the keyguard lives: two questions at two paces, and word to the supervisor when it hangs.
//!
//! ```text
//! KeyList    every 1.5 s, 2 s to answer, 3 misses in a row     the process: answered while disk or token are slow
//! Health     every 5 s, 20 s to answer                         its workers and backends
//! ```
//! A process that was stopped or hangs as a whole is replaced after 1.5 s + 3 × 2 s at the latest. Any reply at all is a
//! sign of life, and misses are counted instead of time, so that a machine that stood still as a whole for a while
//! raises no alarm. A keyguard that never answered yet may be opening a slow token: it gets more time.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use chancery_core::message::Call;
use chancery_core::port::keyguard::Keyguard as _;
use chancery_gateway::bootstrap;
use chancery_gateway::gateway::Gateway;
use chancery_link::client::{KeyguardClient, Vital};

use crate::gateway_role::CALL_DEADLINE;

const PAUSE: Duration = Duration::from_millis(1500);
const PATIENCE: Duration = Duration::from_secs(2);
/// Misses in a row that are a hang.
const MISSES: u32 = 3;
/// The same before the first reply of a connection: half a minute.
const FIRST_MISSES: u32 = 15;
const HEALTH_PAUSE: Duration = Duration::from_secs(5);

/// Starts both questions. Nothing is asked once the supervisor is gone.
pub(crate) fn watch(
    gateway: &Arc<Gateway>,
    keyguard: &Arc<KeyguardClient>,
    control: UnixStream,
) -> io::Result<()> {
    let health = health(Arc::clone(gateway), Arc::clone(keyguard), control.try_clone()?);
    tokio::spawn(health);
    tokio::spawn(life(Arc::clone(keyguard), control));
    Ok(())
}

async fn life(keyguard: Arc<KeyguardClient>, mut control: UnixStream) {
    let mut missed = Missed::default();
    loop {
        if missed.0 == 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let before = keyguard.vital();
        let _late = tokio::time::timeout(PATIENCE, keyguard.call(Call::KeyList)).await.is_err();
        if missed.is_hang(before, keyguard.vital()) && !asks_for_another(&mut control) {
            return;
        }
    }
}

/// Looks at workers and backends, and tells a keyguard that was started anew the policy.
async fn health(gateway: Arc<Gateway>, keyguard: Arc<KeyguardClient>, mut control: UnixStream) {
    let connection = || keyguard.vital().map(|vital| vital.connection);
    loop {
        tokio::time::sleep(HEALTH_PAUSE).await;
        let before = connection();
        let health = tokio::time::timeout(CALL_DEADLINE, keyguard.call(Call::Health)).await;
        if matches!(health, Ok(Ok(_))) {
            if let Err(error) = bootstrap::greet_again(&gateway).await {
                tracing::warn!(%error, "keyguard could not be told the policy");
            }
        } else if before.is_some() && before == connection() && !asks_for_another(&mut control) {
            return;
        }
    }
}

/// Whether there is still a supervisor to ask.
fn asks_for_another(control: &mut UnixStream) -> bool {
    tracing::error!("keyguard does not answer; asking the supervisor for another");
    control.write_all(b"h").is_ok()
}

/// Questions in a row that nothing answered.
#[derive(Debug, Default)]
struct Missed(u32);

impl Missed {
    /// Whether this question was one too many, from what was known before it and after.
    fn is_hang(&mut self, before: Option<Vital>, after: Option<Vital>) -> bool {
        // Without a connection the supervisor knows already; with another one, the first has ended.
        let Some(vital) = after.filter(|_| before == after) else {
            self.0 = 0;
            return false;
        };
        self.0 = self.0.saturating_add(1);
        let most = if vital.replies == 0 { FIRST_MISSES } else { MISSES };
        let is_hang = self.0 >= most;
        if is_hang {
            self.0 = 0;
        }
        is_hang
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_a_hang_and_anything_else_is_not() {
        let vital = |connection, replies| Some(Vital { connection, replies });
        // What is known before the first question and after each, and which of them must raise the alarm.
        let check = |story: &[Option<Vital>], alarms: &[usize]| {
            let mut missed = Missed::default();
            let pairs = story.windows(2).enumerate();
            let raised = pairs.filter(|(_, pair)| missed.is_hang(pair[0], pair[1]));
            assert_eq!(raised.map(|(at, _)| at).collect::<Vec<_>>(), alarms, "{story:?}");
        };
        check(&[vital(1, 7); 4], &[2]);
        check(&[vital(1, 7); 8], &[2, 5]);
        check(&[vital(1, 7), vital(1, 7), vital(1, 7), vital(1, 8), vital(1, 8), vital(1, 8)], &[]);
        check(&[vital(1, 7), vital(1, 7), vital(1, 7), vital(2, 0), vital(2, 0), vital(2, 1)], &[]);
        check(&[vital(2, 0); 15], &[]);
        check(&[vital(2, 0); 16], &[14]);
        check(&[None; 30], &[]);
        check(&[vital(1, 7), vital(1, 7), None, vital(2, 0), vital(2, 0)], &[]);
    }
}
