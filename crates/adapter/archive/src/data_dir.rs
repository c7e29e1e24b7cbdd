//! The data directory of an embedded service, stopped or running: its database on a connection that cannot write, in
//! one read transaction, so that everything is of one moment; and the tiles that it publishes as files.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use chancery_audit::rows::{Row, Rows, Table};
use chancery_audit::source::{Evidence, Ledger, Part, StoredTile, Unreadable, Wanted};
use chancery_core::digest::Sha256;
use chancery_ledger::tile::{Content, Tile, entries};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::runtime::Runtime;

use crate::files;
use crate::wish::{self, Contents};

/// Most leaves that one stored batch may hold; only a bound for reading.
const MAX_BATCH: usize = 1 << 20;
/// Rows that are read at a time.
const AHEAD: i64 = 256;

const LEAVES: &str = "SELECT first, entries FROM ledger_batch \
     WHERE first >= (SELECT COALESCE(MAX(first), 0) FROM ledger_batch WHERE first <= ?1) AND first < ?2 ORDER BY first";
const WISHES: &str = "SELECT i.idx, COALESCE(i.wish, b.wish), i.request, i.statement, i.profile, i.at FROM intent i LEFT JOIN intent b ON b.idx = i.base \
     WHERE i.idx >= ?1 ORDER BY i.idx LIMIT ?2";
const RESULTS: &str = "SELECT intent, result, request, statement, '', leaf FROM release WHERE intent >= ?1 ORDER BY intent LIMIT ?2";

/// A service's data, read only.
#[derive(Debug)]
pub struct DataDir {
    tiles: PathBuf,
    runtime: Runtime,
    connection: RefCell<SqliteConnection>,
    checkpoint: String,
    size: u64,
    published: u64,
    wishes: RefCell<Ahead>,
    results: RefCell<Ahead>,
}

/// A query for texts by index, and how each is read.
type Column = (&'static str, fn(&str) -> Contents);

/// Rows that were read ahead: those of `from..to`, parsed when they are asked for.
#[derive(Debug, Default)]
struct Ahead {
    rows: std::collections::BTreeMap<i64, (String, Row)>,
    from: i64,
    to: i64,
    parsed: Option<(i64, Contents)>,
}

fn failed(error: impl std::fmt::Display) -> Unreadable {
    Unreadable::new("the service's database", error)
}

impl DataDir {
    /// Opens `DIR/gateway/state.db` and what lies beside it. The checkpoint is read first: what the database holds is
    /// then at least as new.
    pub fn open(directory: &Path) -> Result<Self, Unreadable> {
        let gateway = directory.join("gateway");
        let tiles = gateway.join("ledger");
        let path = tiles.join("checkpoint");
        let note = files::read(&path)?;
        let note = note.ok_or_else(|| Unreadable::new(format!("`{}`", path.display()), "no such file"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let connection = runtime.block_on(connect(&gateway.join("state.db")))?;
        let mut data = Self {
            tiles,
            runtime,
            connection: RefCell::new(connection),
            checkpoint: String::from_utf8_lossy(&note).into_owned(),
            size: 0,
            published: 0,
            wishes: RefCell::default(),
            results: RefCell::default(),
        };
        data.size = data.stored_size()?;
        data.published = data.number("SELECT value FROM ledger_mark WHERE name = 'published'")?;
        Ok(data)
    }

    fn rows(&self, query: &'static str, from: i64, to: i64) -> Result<Vec<SqliteRow>, Unreadable> {
        let mut connection = self.connection.borrow_mut();
        let query = sqlx::query(query).bind(from).bind(to);
        self.runtime.block_on(query.fetch_all(&mut *connection)).map_err(failed)
    }
    fn number(&self, query: &'static str) -> Result<u64, Unreadable> {
        let mut connection = self.connection.borrow_mut();
        let query = sqlx::query_scalar::<_, i64>(query);
        let found = self.runtime.block_on(query.fetch_optional(&mut *connection)).map_err(failed)?;
        Ok(u64::try_from(found.unwrap_or(0)).unwrap_or(0))
    }
    /// Where the last stored batch ends.
    fn stored_size(&self) -> Result<u64, Unreadable> {
        let last = self.number("SELECT COALESCE(MAX(first), 0) FROM ledger_batch")?;
        let leaves = self.read_leaves(last, u64::MAX)?;
        Ok(leaves.last().map_or(0, |(index, _)| index.saturating_add(1)))
    }
    fn read_leaves(&self, from: u64, to: u64) -> Result<Vec<(u64, Vec<u8>)>, Unreadable> {
        let column = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let mut leaves = Vec::new();
        for row in self.rows(LEAVES, column(from), column(to))? {
            let first = u64::try_from(row.try_get::<i64, _>(0).map_err(failed)?).map_err(failed)?;
            let bytes: Vec<u8> = row.try_get(1).map_err(failed)?;
            // What is not a run of entries leaves a hole, which the audit reports with its index.
            let Ok(found) = entries(&bytes, MAX_BATCH) else { continue };
            let numbered = (first..).zip(found).filter(|(index, _)| (from..to).contains(index));
            leaves.extend(numbered.map(|(index, leaf)| (index, leaf.to_vec())));
        }
        Ok(leaves)
    }

    /// Brings the row of an index in, with those that follow it.
    fn bring(&self, ahead: &mut Ahead, query: &'static str, index: i64) -> Result<(), Unreadable> {
        if (ahead.from..ahead.to).contains(&index) {
            return Ok(());
        }
        ahead.rows.clear();
        ahead.parsed = None;
        for row in self.rows(query, index, AHEAD)? {
            let text: Option<String> = row.try_get(1).map_err(failed)?;
            let said = Row {
                request: row.try_get(2).map_err(failed)?,
                statement: row.try_get(3).map_err(failed)?,
                profile: row.try_get(4).map_err(failed)?,
                number: row.try_get(5).map_err(failed)?,
            };
            ahead.rows.insert(row.try_get(0).map_err(failed)?, (text.unwrap_or_default(), said));
        }
        let last = ahead.rows.keys().next_back().copied();
        (ahead.from, ahead.to) = (index, last.unwrap_or(index).max(index).saturating_add(1));
        Ok(())
    }

    fn row(
        &self,
        ahead: &RefCell<Ahead>,
        query: &'static str,
        index: u64,
    ) -> Result<Option<Row>, Unreadable> {
        let index = i64::try_from(index).map_err(failed)?;
        let mut ahead = ahead.borrow_mut();
        self.bring(&mut ahead, query, index)?;
        Ok(ahead.rows.get(&index).map(|(_, row)| row.clone()))
    }

    fn ahead(
        &self,
        ahead: &RefCell<Ahead>,
        (query, parse): Column,
        wanted: Wanted,
    ) -> Result<Option<Vec<u8>>, Unreadable> {
        let index = i64::try_from(wanted.index).map_err(failed)?;
        let mut ahead = ahead.borrow_mut();
        self.bring(&mut ahead, query, index)?;
        if ahead.parsed.as_ref().is_none_or(|(known, _)| *known != index) {
            let contents = ahead.rows.get(&index).map(|(text, _)| parse(text)).unwrap_or_default();
            ahead.parsed = Some((index, contents));
        }
        Ok(ahead.parsed.as_ref().and_then(|(_, contents)| contents.get(&wanted.part).cloned()))
    }

    /// The text of a row whose other column names the hash; of several rows the one that is of it.
    fn named(&self, query: &'static str, wanted: Wanted) -> Result<Option<Vec<u8>>, Unreadable> {
        let mut connection = self.connection.borrow_mut();
        let query = sqlx::query_scalar::<_, String>(query).bind(wanted.digest.to_string());
        let found = self.runtime.block_on(query.fetch_all(&mut *connection)).map_err(failed)?;
        let mut texts: Vec<Vec<u8>> = found.into_iter().map(String::into_bytes).collect();
        let right = texts.iter().position(|text| Sha256::of(text) == wanted.digest).unwrap_or(0);
        Ok((!texts.is_empty()).then(|| texts.swap_remove(right)))
    }

    /// Signatures lie beside their documents and are found by hashing them: there are as many as policy versions.
    fn signatures(&self, wanted: Wanted) -> Result<Option<Vec<u8>>, Unreadable> {
        let mut connection = self.connection.borrow_mut();
        let query = sqlx::query_scalar::<_, String>("SELECT signatures FROM policy ORDER BY sequence DESC");
        let found = self.runtime.block_on(query.fetch_all(&mut *connection)).map_err(failed)?;
        let mut texts = found.into_iter().map(String::into_bytes);
        Ok(texts.find(|text| Sha256::of(text) == wanted.digest))
    }

    /// Every piece of content that the database holds, in no particular order.
    pub fn each_content(
        &self,
        mut work: impl FnMut(&[u8]) -> Result<(), Unreadable>,
    ) -> Result<u64, Unreadable> {
        let mut count = 0_u64;
        let mut one = |bytes: &[u8]| {
            count = count.saturating_add(1);
            work(bytes)
        };
        let texts = [
            "SELECT document FROM policy WHERE sequence BETWEEN ?1 AND ?2",
            "SELECT signatures FROM policy WHERE sequence BETWEEN ?1 AND ?2",
            "SELECT body FROM record WHERE seq BETWEEN ?1 AND ?2",
        ];
        for query in texts {
            for row in self.rows(query, 0, i64::MAX)? {
                one(row.try_get::<String, _>(0).map_err(failed)?.as_bytes())?;
            }
        }
        let tables: [Column; 2] = [(WISHES, wish::of_wish), (RESULTS, wish::of_result)];
        for (query, parse) in tables {
            let mut from = 0;
            loop {
                let rows = self.rows(query, from, AHEAD)?;
                for row in &rows {
                    from = row.try_get::<i64, _>(0).map_err(failed)?.saturating_add(1);
                    let text: Option<String> = row.try_get(1).map_err(failed)?;
                    let contents = parse(&text.unwrap_or_default());
                    contents.values().try_for_each(|bytes| one(bytes))?;
                }
                if rows.is_empty() {
                    break;
                }
            }
        }
        Ok(count)
    }
}

/// Opens the database without the right to write, and begins the one transaction.
async fn connect(path: &Path) -> Result<SqliteConnection, Unreadable> {
    if !path.exists() {
        return Err(Unreadable::new(format!("`{}`", path.display()), "there is no such file"));
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = options.connect().await.map_err(failed)?;
    sqlx::query("BEGIN").execute(&mut connection).await.map_err(failed)?;
    Ok(connection)
}

impl Ledger for DataDir {
    fn checkpoint(&self) -> Result<String, Unreadable> {
        Ok(self.checkpoint.clone())
    }
    fn size(&self) -> Result<u64, Unreadable> {
        Ok(self.size)
    }
    fn leaves(&self, from: u64, to: u64) -> Result<Vec<Option<Vec<u8>>>, Unreadable> {
        let count = usize::try_from(to.saturating_sub(from)).map_err(failed)?;
        let mut leaves = vec![None; count];
        for (index, leaf) in self.read_leaves(from, to)? {
            let place = usize::try_from(index.saturating_sub(from)).unwrap_or(usize::MAX);
            if let Some(slot) = leaves.get_mut(place) {
                *slot = Some(leaf);
            }
        }
        Ok(leaves)
    }
    fn tiles(&self, tile: Tile) -> Result<Vec<StoredTile>, Unreadable> {
        let mut stored = files::partial(&self.tiles, tile.content, tile.index)?;
        let full = files::full(&self.tiles, tile)?;
        let shift = match tile.content {
            Content::Entries => 0,
            Content::Hashes(level) => u32::from(level).saturating_mul(8),
        };
        let end = tile.index.saturating_add(1).saturating_mul(256).checked_shl(shift).unwrap_or(u64::MAX);
        if full.bytes.is_some() || (tile.is_full() && end <= self.published) {
            stored.push(full);
        }
        if let Content::Hashes(level) = tile.content
            && (level > 0 || tile.is_full())
        {
            let index = i64::try_from(tile.index).map_err(failed)?;
            let query = "SELECT hashes FROM ledger_tile WHERE level = ?1 AND idx = ?2";
            let rows = self.rows(query, i64::from(level), index)?;
            let bytes = rows.first().map(|row| row.try_get(0)).transpose().map_err(failed)?;
            stored.push(StoredTile { place: format!("row `{tile}` of ledger_tile"), width: None, bytes });
        }
        Ok(stored)
    }
}

impl Evidence for DataDir {
    fn content(&self, wanted: Wanted) -> Result<Option<Vec<u8>>, Unreadable> {
        match wanted.part {
            Part::Policy => self.named("SELECT document FROM policy WHERE version = ?1", wanted),
            Part::PolicySignatures => self.signatures(wanted),
            Part::Record => self.named("SELECT body FROM record WHERE sha256 = ?1 ORDER BY seq", wanted),
            Part::Evidence | Part::Request => self.ahead(&self.wishes, (WISHES, wish::of_wish), wanted),
            Part::Certificate | Part::PublicKey | Part::Signature | Part::Timestamp => {
                self.ahead(&self.results, (RESULTS, wish::of_result), wanted)
            }
        }
    }
}

impl Rows for DataDir {
    fn intent(&self, index: u64) -> Result<Option<Row>, Unreadable> {
        self.row(&self.wishes, WISHES, index)
    }
    fn result(&self, intent: u64) -> Result<Option<Row>, Unreadable> {
        self.row(&self.results, RESULTS, intent)
    }
    fn count(&self, table: Table) -> Result<u64, Unreadable> {
        self.number(match table {
            Table::Intents => "SELECT COUNT(*) FROM intent",
            Table::Open => "SELECT COUNT(*) FROM intent_open",
            Table::Records => "SELECT COUNT(*) FROM record",
            Table::Results => "SELECT COUNT(*) FROM release",
        })
    }
}
