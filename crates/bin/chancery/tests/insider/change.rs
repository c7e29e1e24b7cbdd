//! What an insider changes: rows through the database's own tool, files byte by byte.
//!
//! Not among them, because the service decides nothing by them that is not checked elsewhere: `search.db` (found hits are
//! confirmed in the leaf), `ledger_mark` (how far full tiles were published), `ledger_head` (its root is compared at every
//! start), `policy.applied_at` (never read), `token_use` (the keyguard and the audit see to single use themselves),
//! `intent.plan` and the caller in a wish (a signature is taken up with them only if it verifies for them), and of a result
//! what is not signature, certificate or timestamp: the whole is verified again before it is given out.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};

use crate::random::Random;

/// One kind of change; says what it did, or nothing where it changed nothing.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) apply: fn(&Path, &mut Random) -> Option<Changed>,
}

/// What was changed, and the entries of the ledger that it belongs to: an audit must name one of them.
pub(crate) struct Changed {
    pub(crate) said: String,
    pub(crate) entries: Vec<RangeInclusive<u64>>,
}

impl Changed {
    /// Whether an audit that found something at these entries found this change.
    pub(crate) fn is_named_by(&self, mut found: impl Iterator<Item = u64>) -> bool {
        found.any(|index| self.entries.iter().any(|entries| entries.contains(&index)))
    }
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
        apply: |data, random| {
            let (said, _) = bit(&data.join("gateway/ledger/checkpoint"), random)?;
            Some(Changed { said, entries: vec![0..=0] })
        },
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

/// A row too many belongs to no entry: it is reported at the ledger's last.
fn run(data: &Path, statement: &'static str) -> Option<Changed> {
    with(data, async |connection| {
        sqlx::query(statement).execute(&mut *connection).await.unwrap();
        let last = size(connection).await - 1;
        Some(Changed { said: statement.to_owned(), entries: vec![last..=last] })
    })
}

async fn number(connection: &mut SqliteConnection, query: String) -> Option<u64> {
    let row = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_one(connection).await.unwrap();
    row.get::<Option<i64>, _>(0).map(|number| u64::try_from(number).unwrap())
}

async fn size(connection: &mut SqliteConnection) -> u64 {
    number(connection, "SELECT MAX(size) FROM ledger_head".to_owned()).await.unwrap()
}

/// The entries that a row stands for.
async fn entries(connection: &mut SqliteConnection, table: &str, at: i64) -> Vec<RangeInclusive<u64>> {
    let key = u64::try_from(at).unwrap();
    match table {
        "ledger_batch" => {
            let next = format!("SELECT MIN(first) FROM ledger_batch WHERE first > {at}");
            let next = number(connection, next).await;
            vec![key..=next.unwrap_or(u64::MAX) - 1]
        }
        "intent" | "release" => {
            // An intent and its result: the entry before it, where it has one, is `leaf`.
            let leaf = format!("SELECT MAX(leaf) FROM release WHERE intent = {at}");
            let leaf = number(connection, leaf).await;
            std::iter::once(key..=key).chain(leaf.map(|leaf| leaf..=leaf + 1)).collect()
        }
        // The world has one version: the first, which is entry 1.
        "policy" => vec![1..=1],
        // No entry: then nothing that an audit finds counts.
        _other => Vec::new(),
    }
}

/// The ledger as it was before its last commits, with a checkpoint of that time that was really cosigned, as a backup has
/// it: consistent in itself.
fn restored(data: &Path, _: &mut Random) -> Option<Changed> {
    let backup = data.join("backup");
    for name in ["state.db", "state.db-wal", "ledger/checkpoint"] {
        let (from, to) = (backup.join(name), data.join("gateway").join(name));
        if from.exists() {
            std::fs::copy(from, to).unwrap();
        } else if to.exists() {
            std::fs::remove_file(to).unwrap();
        }
    }
    // Reported where the ledger now ends, which the auditor saw go further.
    let end = with(data, async |connection| size(connection).await);
    Some(Changed { said: "restored a backup".to_owned(), entries: vec![end..=end] })
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

fn delete(data: &Path, random: &mut Random, table: &str, key: &str) -> Option<Changed> {
    with(data, async |connection| {
        let keys = keys(connection, table, key, key).await;
        let at = keys[random.below(keys.len())];
        let entries = entries(connection, table, at).await;
        let query = format!("DELETE FROM {table} WHERE {key} = ?1");
        sqlx::query(sqlx::AssertSqlSafe(query)).bind(at).execute(connection).await.unwrap();
        Some(Changed { said: format!("deleted {table} {at}"), entries })
    })
}

fn swap(data: &Path, random: &mut Random, place: (&str, &str, &str)) -> Option<Changed> {
    with(data, async |connection| {
        let keys = keys(connection, place.0, place.1, place.2).await;
        let (a, b) = (keys[random.below(keys.len())], keys[random.below(keys.len())]);
        let (one, two) = (read(connection, place, a).await, read(connection, place, b).await);
        if one == two {
            return None;
        }
        write(connection, place, a, two).await;
        write(connection, place, b, one).await;
        let mut entries = entries(connection, place.0, a).await;
        entries.extend(self::entries(connection, place.0, b).await);
        Some(Changed { said: format!("swapped {} of {a} and {b}", place.2), entries })
    })
}

/// One letter or digit inside of a text becomes another.
fn edit(data: &Path, random: &mut Random, place: (&str, &str, &str)) -> Option<Changed> {
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
        let entries = entries(connection, place.0, at).await;
        Some(Changed { said: format!("{} of {at}: byte {spot}", place.2), entries })
    })
}

/// A byte of one part of a result, which is base64.
fn part(data: &Path, random: &mut Random, name: &str) -> Option<Changed> {
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
        let entries = entries(connection, place.0, at).await;
        Some(Changed { said: format!("{name} of {at}: byte {spot}"), entries })
    })
}

fn leaf_bit(data: &Path, random: &mut Random) -> Option<Changed> {
    let place = ("ledger_batch", "first", "entries");
    with(data, async |connection| {
        let keys = keys(connection, place.0, place.1, place.2).await;
        let at = keys[random.below(keys.len())];
        let mut bytes = read(connection, place, at).await;
        let spot = random.below(bytes.len());
        bytes[spot] ^= 1 << random.below(8);
        write(connection, place, at, bytes).await;
        let entries = entries(connection, place.0, at).await;
        Some(Changed { said: format!("batch {at}: byte {spot}"), entries })
    })
}

/// Two entries of one batch change places.
fn leaves_reordered(data: &Path, random: &mut Random) -> Option<Changed> {
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
        let (said, changed) = (format!("batch {at}: entries {a} and {b}"), entries.concat());
        write(connection, place, at, changed).await;
        Some(Changed { said, entries: self::entries(connection, place.0, at).await })
    })
}

fn bit(path: &Path, random: &mut Random) -> Option<(String, usize)> {
    let mut bytes = std::fs::read(path).unwrap();
    let spot = random.below(bytes.len());
    bytes[spot] ^= 1 << random.below(8);
    std::fs::write(path, bytes).unwrap();
    Some((format!("{}: byte {spot}", path.display()), spot))
}

fn file_bit(data: &Path, random: &mut Random, below: &str) -> Option<Changed> {
    let mut files = Vec::new();
    collect(&data.join(below), &mut files);
    files.sort();
    let path = &files[random.below(files.len())];
    let (said, spot) = bit(path, random)?;
    Some(Changed { entries: vec![leaves_under(&data.join(below), path, spot)], said })
}

/// The leaves under a byte of a tile: a hash stands for one leaf on level 0, for 256 on the next, and a byte of an entry
/// bundle may shift all that come after it.
fn leaves_under(tiles: &Path, path: &Path, spot: usize) -> RangeInclusive<u64> {
    let place = path.strip_prefix(tiles).unwrap().to_str().unwrap();
    let (level, rest) = place.split_once('/').unwrap();
    let number = rest.split_once(".p/").map_or(rest, |(number, _width)| number);
    let number: u64 = number.replace(['x', '/'], "").parse().unwrap();
    let Ok(level) = level.parse::<u32>() else { return number * 256..=number * 256 + 255 };
    let width = 256_u64.pow(level);
    let first = (number * 256 + u64::try_from(spot / 32).unwrap()) * width;
    first..=first + width - 1
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
