//! The ledger and its tables as the gateway's ports: state, and the read side.

use chancery_core::digest::Sha256;
use chancery_core::id::{ProfileName, RequestId, StatementId};
use chancery_core::port::Boxed;
use chancery_core::port::ledger_reader::{LedgerReader, Query};
use chancery_core::port::sequencer::{Record, RecordKind};
use chancery_core::port::state::{CurrentPolicy, OpenIntent, Recalled, State, StateError};
use chancery_core::receipt::Receipt;
use chancery_core::time::Time;

use crate::database::StoreError;
use crate::ledger::Ledger;
use crate::policy::StoredPolicy;
use crate::{intent, limit, policy, record, token_use};

/// Open intents are few; more than this at once means that something else is wrong.
const MAX_OPEN: u32 = 100_000;
/// Most moments that a limit's window is rebuilt from.
const MAX_MOMENTS: u32 = 1_000_000;

fn unavailable(error: &StoreError) -> StateError {
    StateError(error.to_string())
}

/// "Not found" is an answer, everything else is not.
fn found<T>(outcome: Result<T, StoreError>) -> Result<Option<T>, StateError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(unavailable(&error)),
    }
}

impl State for Ledger {
    fn released(
        &self,
        request: RequestId,
        statement: StatementId,
    ) -> Boxed<'_, Result<Option<Recalled>, StateError>> {
        Box::pin(async move {
            let released = self.reader().released(request, statement).await.map_err(|e| unavailable(&e))?;
            Ok(released.map(|released| Recalled { leaf: released.leaf, result: released.result }))
        })
    }
    fn token_use(&self, token: Sha256) -> Boxed<'_, Result<Option<RequestId>, StateError>> {
        Box::pin(
            async move { token_use::bound_to(self.database(), token).await.map_err(|e| unavailable(&e)) },
        )
    }
    fn signed_put(&self, index: u64, signed: String) -> Boxed<'_, Result<(), StateError>> {
        Box::pin(async move { self.signed().put(index, &signed).map_err(|e| unavailable(&e)) })
    }
    fn open_intents(&self) -> Boxed<'_, Result<Vec<OpenIntent>, StateError>> {
        Box::pin(async move {
            let open = intent::open(self.database(), MAX_OPEN).await.map_err(|e| unavailable(&e))?;
            let with_signed = |open: intent::OpenIntent| {
                let signed = self.signed().find(open.index).map_err(|e| unavailable(&e))?;
                let intent::OpenIntent { index, request, statement, kept, .. } = open;
                let intent::Kept { wish, plan } = kept;
                Ok(OpenIntent { index, request, statement, wish, plan, signed })
            };
            open.into_iter().map(with_signed).collect()
        })
    }
    fn intents_since(&self, profile: ProfileName, since: Time) -> Boxed<'_, Result<Vec<Time>, StateError>> {
        Box::pin(async move {
            let moments =
                limit::moments(self.database(), since, MAX_MOMENTS).await.map_err(|e| unavailable(&e))?;
            Ok(moments.into_iter().filter(|(name, _)| *name == profile).map(|(_, at)| at).collect())
        })
    }
    fn policy_put(&self, current: CurrentPolicy) -> Boxed<'_, Result<(), StateError>> {
        Box::pin(async move {
            let stored = StoredPolicy {
                version: current.version,
                sequence: current.sequence,
                document: current.documents,
                signatures: current.signatures,
                applied_at: Time::from_millis(0),
            };
            policy::put(self.database(), &stored).await.map_err(|e| unavailable(&e))
        })
    }
    fn policy_current(&self) -> Boxed<'_, Result<Option<CurrentPolicy>, StateError>> {
        Box::pin(async move {
            let latest = policy::latest(self.database()).await.map_err(|e| unavailable(&e))?;
            Ok(latest.map(|stored| CurrentPolicy {
                version: stored.version,
                sequence: stored.sequence,
                documents: stored.document,
                signatures: stored.signatures,
            }))
        })
    }
    fn records(
        &self,
        kind: RecordKind,
        topic: Option<String>,
        most: u32,
    ) -> Boxed<'_, Result<Vec<Record>, StateError>> {
        Box::pin(async move {
            let records = record::of_kind(self.database(), kind, topic.as_deref(), most).await;
            records.map_err(|e| unavailable(&e))
        })
    }
    fn kept_with(&self, sha256: Sha256) -> Boxed<'_, Result<Option<u64>, StateError>> {
        Box::pin(async move { record::leaf(self.database(), sha256).await.map_err(|e| unavailable(&e)) })
    }
    fn record(&self, sha256: Sha256) -> Boxed<'_, Result<Option<Record>, StateError>> {
        Box::pin(async move { record::by_sha256(self.database(), sha256).await.map_err(|e| unavailable(&e)) })
    }
}

impl LedgerReader for Ledger {
    fn leaf(&self, index: u64) -> Boxed<'_, Result<Option<String>, StateError>> {
        Box::pin(async move { found(self.reader().leaf(index).await) })
    }
    fn leaves(&self, from: u64, to: u64) -> Boxed<'_, Result<Vec<String>, StateError>> {
        Box::pin(async move { self.reader().leaves(from, to).await.map_err(|e| unavailable(&e)) })
    }
    fn receipt(&self, index: u64) -> Boxed<'_, Result<Option<Receipt>, StateError>> {
        Box::pin(async move { found(self.reader().receipt(index).await) })
    }
    fn search(&self, query: Query, limit: u32) -> Boxed<'_, Result<Vec<u64>, StateError>> {
        Box::pin(async move {
            let hits = match query {
                Query::Artifact(digest) => self.reader().by_artifact(digest).await,
                Query::Request(digest) => self.reader().by_request(RequestId::new(digest)).await,
                Query::Statement(digest) => self.reader().by_statement(StatementId::new(digest)).await,
            };
            let hits = hits.map_err(|e| unavailable(&e))?;
            Ok(hits.into_iter().rev().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
        })
    }
    fn file<'a>(&'a self, path: &'a str) -> Boxed<'a, Result<Option<Vec<u8>>, StateError>> {
        Box::pin(async move { self.reader().resource(path).await.map_err(|e| unavailable(&e)) })
    }
    fn size(&self) -> u64 {
        self.reader().size()
    }
}
