//! Released signatures of what lies in registries, each put beside its subject in one visit.

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;
use chancery_core::id::StatementId;
use chancery_core::port::registry::{Attach, Place, RegistryError};
use chancery_format::oci::beside::{beside, visit};
use futures_util::future::join_all;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::intent::internal;
use crate::released::Released;

/// Subjects that are worked on at the same time.
const AT_ONCE: usize = 8;

/// What became of a signature in its registry.
pub type Attached = Result<Place, RegistryError>;

/// Puts every signature of an image beside it; what lies in no registry is passed over. The subjects fail each for itself.
pub async fn attach(
    gateway: &Gateway,
    results: &[Released],
) -> Result<BTreeMap<StatementId, Attached>, Failure> {
    let wishes = wishes(results)?;
    let mut outcomes = BTreeMap::new();
    for some in wishes.chunks(AT_ONCE) {
        let visits = some.iter().map(|wish| async {
            let outcome = gateway.parts.registry.attach(&wish.attach).await;
            if let Err(error) = &outcome {
                say_failed(wish, error);
            }
            outcome
        });
        for (wish, outcome) in some.iter().zip(join_all(visits).await) {
            for (at, statement) in wish.statements.iter().enumerate() {
                let place = outcome.clone().and_then(|places| {
                    let gone = || RegistryError::Invalid("a signature without a place".to_owned());
                    places.get(at).cloned().ok_or_else(gone)
                });
                outcomes.insert(*statement, place);
            }
        }
    }
    Ok(outcomes)
}

fn say_failed(wish: &Wish, error: &RegistryError) {
    let (repository, subject) = (&wish.attach.repository, wish.attach.subject);
    tracing::warn!(repository, %subject, %error, "signatures were not attached");
}

/// All signatures of one subject.
struct Wish {
    attach: Attach,
    statements: Vec<StatementId>,
}

fn wishes(results: &[Released]) -> Result<Vec<Wish>, Failure> {
    let mut wishes: BTreeMap<(String, Sha256), Wish> = BTreeMap::new();
    for released in results {
        let made = released.made();
        let statement = &made.statement;
        let Some(empty) = visit(statement, made.at).map_err(internal)? else { continue };
        let wish = wishes
            .entry((empty.repository.clone(), empty.subject))
            .or_insert_with(|| Wish { attach: empty, statements: Vec::new() });
        wish.attach.signatures.push(beside(statement, released.blob()).map_err(internal)?);
        wish.statements.push(made.statement_id);
    }
    Ok(wishes.into_values().collect())
}
