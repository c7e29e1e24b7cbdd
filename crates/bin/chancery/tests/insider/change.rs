//! What an insider changes: rows through the database's own tool, files byte by byte.
//!
//! Not among them, because the service decides nothing by them that is not checked elsewhere: `search.db` (found hits are
//! confirmed in the leaf), `ledger_mark` (how far full tiles were published), `ledger_head` (its root is compared at every
//! start), `policy.applied_at` (never read), `token_use` (the keyguard and the audit see to single use themselves),
//! `intent.plan` and the caller in a wish (a signature is taken up with them only if it verifies for them), and of a result
//! what is not signature, certificate or timestamp: the whole is verified again before it is given out.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};

use crate::random::Random;

/// One kind of change; says what it did, or nothing where it changed nothing.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) apply: fn(&Path, &mut Random) -> Option<String>,
}

pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "leaf-bit", apply: leaf_bit },
    Kind { name: "batch-deleted", apply: |data, random| delete(data, random, "ledger_batch", "first") },
    Kind {
        name: "batches-swapped",
        apply: |data, random| swap(data, random, ("ledger_batch", "first", "entries")),
    },
    Kind { name: "leaves-reordered", apply: leaves_reordered },
    Kind { name: "tile-file-bit", apply: |data, random| file_bit(data, random, "gateway/ledger/tile") },
    Kind {
        name: "checkpoint-bit",
        apply: |data, random| bit(&data.join("gateway/ledger/checkpoint"), random),
    },
    Kind { name: "wish-edited", apply: |data, random| edit(data, random, ("intent", "idx", "wish")) },
    Kind { name: "wish-deleted", apply: |data, random| delete(data, random, "intent", "idx") },
    Kind { name: "wishes-swapped", apply: |data, random| swap(data, random, ("intent", "idx", "wish")) },
    Kind { name: "signature-edited", apply: |data, random| part(data, random, "signature") },
    Kind { name: "certificate-edited", apply: |data, random| part(data, random, "chain") },
    Kind { name: "timestamp-edited", apply: |data, random| part(data, random, "token") },
    Kind { name: "result-deleted", apply: |data, random| delete(data, random, "release", "intent") },
    Kind {
        name: "results-swapped",
        apply: |data, random| swap(data, random, ("release", "intent", "result")),
    },
    Kind {
        name: "policy-edited",
        apply: |data, random| edit(data, random, ("policy", "sequence", "document")),
    },
    Kind {
        name: "policy-signatures-edited",
        apply: |data, random| edit(data, random, ("policy", "sequence", "signatures")),
    },
    Kind {
        name: "intent-request-edited",
        apply: |data, random| edit(data, random, ("intent", "idx", "request")),
    },
    Kind {
        name: "intent-profile-edited",
        apply: |data, random| edit(data, random, ("intent", "idx", "profile")),
    },
    Kind {
        name: "result-request-edited",
        apply: |data, random| edit(data, random, ("release", "intent", "request")),
    },
    Kind { name: "intent-inserted", apply: |data, _| run(data, INSERT_INTENT) },
    Kind {
        name: "open-intent-inserted",
        apply: |data, _| run(data, "INSERT INTO intent_open (idx) SELECT MAX(idx) FROM intent"),
    },
    Kind { name: "approval-inserted", apply: |data, _| run(data, INSERT_APPROVAL) },
    Kind { name: "restored-backup", apply: restored },
    Kind { name: "policy-deleted", apply: |data, random| delete(data, random, "policy", "sequence") },
];

const INSERT_INTENT: &str = "INSERT INTO intent (idx, request, statement, profile, at, plan, wish, base) \
     SELECT idx + 1, request, statement, profile, at, plan, wish, base FROM intent ORDER BY idx DESC LIMIT 1";
const INSERT_APPROVAL: &str = "INSERT INTO record (sha256, kind, topic, body, leaf) \
     SELECT request, 'approval', request, '-----BEGIN SSH SIGNATURE-----', idx FROM intent LIMIT 1";

fn run(data: &Path, statement: &'static str) -> Option<String> {
    with(data, async |connection| {
        sqlx::query(statement).execute(connection).await.unwrap();
        Some(statement.to_owned())
    })
}

/// The ledger as it was before its last commits, with a checkpoint of that time that was really cosigned, as a backup has
/// it: consistent in itself.
fn restored(data: &Path, _: &mut Random) -> Option<String> {
    let backup = data.join("backup");
    for name in ["state.db", "state.db-wal", "ledger/checkpoint"] {
        let (from, to) = (backup.join(name), data.join("gateway").join(name));
        if from.exists() {
            std::fs::copy(from, to).unwrap();
        } else if to.exists() {
            std::fs::remove_file(to).unwrap();
        }
    }
    Some("restored a backup".to_owned())
}

/// Runs statements on the service's database.
fn with<T>(data: &Path, work: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(data.join("gateway/state.db"));
        let mut connection = options.connect().await.unwrap();
        work(&mut connection).await
    })
}

async fn keys(connection: &mut SqliteConnection, table: &str, key: &str, column: &str) -> Vec<i64> {
    let query = format!("SELECT {key} FROM {table} WHERE {column} IS NOT NULL ORDER BY {key}");
    let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn read(connection: &mut SqliteConnection, place: (&str, &str, &str), at: i64) -> Vec<u8> {
    let (table, key, column) = place;
    let query = format!("SELECT CAST({column} AS BLOB) FROM {table} WHERE {key} = ?1");
    let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(at).fetch_one(connection).await.unwrap();
    row.get(0)
}

async fn write(connection: &mut SqliteConnection, place: (&str, &str, &str), at: i64, bytes: Vec<u8>) {
    let (table, key, column) = place;
    let query = format!("UPDATE {table} SET {column} = ?1 WHERE {key} = ?2");
    let query = sqlx::query(sqlx::AssertSqlSafe(query));
    let query = match String::from_utf8(bytes) {
        Ok(text) if column != "entries" => query.bind(text),
        Ok(text) => query.bind(text.into_bytes()),
        Err(error) => query.bind(error.into_bytes()),
    };
    query.bind(at).execute(connection).await.unwrap();
}

fn delete(data: &Path, random: &mut Random, table: &str, key: &str) -> Option<String> {
    with(data, async |connection| {
        let keys = keys(connection, table, key, key).await;
        let at = keys[random.below(keys.len())];
        let query = format!("DELETE FROM {table} WHERE {key} = ?1");
        sqlx::query(sqlx::AssertSqlSafe(query)).bind(at).execute(connection).await.unwrap();
        Some(format!("deleted {table} {at}"))
    })
}

fn swap(data: &Path, random: &mut Random, place: (&str, &str, &str)) -> Option<String> {
    with(data, async |connection| {
        let keys = keys(connection, place.0, place.1, place.2).await;
        let (a, b) = (keys[random.below(keys.len())], keys[random.below(keys.len())]);
        let (one, two) = (read(connection, place, a).await, read(connection, place, b).await);
        if one == two {
            return None;
        }
        write(connection, place, a, two).await;
        write(connection, place, b, one).await;
        Some(format!("swapped {} of {a} and {b}", place.2))
    })
}

/// One letter or digit inside of a text becomes another.
fn edit(data: &Path, random: &mut Random, place: (&str, &str, &str)) -> Option<String> {
    with(data, async |connection| {
        let keys = keys(connection, place.0, place.1, place.2).await;
        let at = keys[random.below(keys.len())];
        let mut bytes = read(connection, place, at).await;
        // In a wish, the caller is the gateway's own reading of the token, which the audit makes anew.
        let from = bytes.windows(11).position(|w| w == b"\"evidence\":").unwrap_or(0);
        let from = if from > 0 { from + 12 } else { 0 };
        let spot = from + random.below(bytes.len() - from);
        let old = bytes[spot];
        if !old.is_ascii_alphanumeric() {
            return None;
        }
        bytes[spot] = if old == b'b' { b'c' } else { b'b' };
        write(connection, place, at, bytes).await;
        Some(format!("{} of {at}: byte {spot}", place.2))
    })
}

/// A byte of one part of a result, which is base64.
fn part(data: &Path, random: &mut Random, name: &str) -> Option<String> {
    let place = ("release", "intent", "result");
    with(data, async |connection| {
        let keys = keys(connection, place.0, place.1, place.2).await;
        let at = keys[random.below(keys.len())];
        let mut value: serde_json::Value =
            serde_json::from_slice(&read(connection, place, at).await).unwrap();
        let member = if name == "chain" { &mut value["chain"][0] } else { &mut value[name] };
        let text = member.as_str()?.to_owned();
        // The last quantum may hold bits that decode to nothing.
        let spot = random.below(text.len() - 4);
        let old = text.as_bytes()[spot];
        let new = if old == b'A' { 'B' } else { 'A' };
        let mut changed = text.clone();
        changed.replace_range(spot..=spot, &new.to_string());
        *member = serde_json::Value::String(changed);
        write(connection, place, at, value.to_string().into_bytes()).await;
        Some(format!("{name} of {at}: byte {spot}"))
    })
}

fn leaf_bit(data: &Path, random: &mut Random) -> Option<String> {
    let place = ("ledger_batch", "first", "entries");
    with(data, async |connection| {
        let keys = keys(connection, place.0, place.1, place.2).await;
        let at = keys[random.below(keys.len())];
        let mut bytes = read(connection, place, at).await;
        let spot = random.below(bytes.len());
        bytes[spot] ^= 1 << random.below(8);
        write(connection, place, at, bytes).await;
        Some(format!("batch {at}: byte {spot}"))
    })
}

/// Two entries of one batch change places.
fn leaves_reordered(data: &Path, random: &mut Random) -> Option<String> {
    let place = ("ledger_batch", "first", "entries");
    with(data, async |connection| {
        let keys = keys(connection, place.0, place.1, place.2).await;
        let at = keys[random.below(keys.len())];
        let bytes = read(connection, place, at).await;
        let mut entries: Vec<&[u8]> = Vec::new();
        let mut rest = bytes.as_slice();
        while let [high, low, ..] = rest {
            let length = 2 + usize::from(*high) * 256 + usize::from(*low);
            entries.push(&rest[..length]);
            rest = &rest[length..];
        }
        let (a, b) = (random.below(entries.len()), random.below(entries.len()));
        if entries[a] == entries[b] {
            return None;
        }
        entries.swap(a, b);
        let changed = entries.concat();
        write(connection, place, at, changed).await;
        Some(format!("batch {at}: entries {a} and {b}"))
    })
}

fn bit(path: &Path, random: &mut Random) -> Option<String> {
    let mut bytes = std::fs::read(path).unwrap();
    let spot = random.below(bytes.len());
    bytes[spot] ^= 1 << random.below(8);
    std::fs::write(path, bytes).unwrap();
    Some(format!("{}: byte {spot}", path.display()))
}

fn file_bit(data: &Path, random: &mut Random, below: &str) -> Option<String> {
    let mut files = Vec::new();
    collect(&data.join(below), &mut files);
    files.sort();
    let path = &files[random.below(files.len())];
    bit(path, random)
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
