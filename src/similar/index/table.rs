//! The SQLite tables: files of folders, contents with items and units, vectors of units.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use half::f16;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::super::fingerprint::Fingerprint;
use super::IndexedItem;
use super::encoding::{
    bytes, kind_number, kind_of, numbers_from_bytes, numbers_in_bytes, path, places_from_bytes, places_in_bytes,
    skipped_number, skipped_of,
};
use super::files::Stamp;
use super::reading::{Address, CONTENTS, Contents, UnitVector};
use super::store::{Entry, Known, New};
use crate::database::{DatabaseError, Schema};
use crate::segment::ItemKind;
use crate::text::Language;

/// Version of the tables below. Raise it when they change.
const TABLES: u32 = 7;

/// The tables of this version.
///
/// The version contains that of the contents: a file with an unchanged stamp is not read again, so contents of another version must go.
pub const SCHEMA: Schema = Schema {
    version: TABLES * 100 + CONTENTS,
    tables: "
        CREATE TABLE roots (
            id INTEGER PRIMARY KEY,
            path BLOB NOT NULL,
            model TEXT NOT NULL,
            UNIQUE (path, model)
        ) STRICT;
        CREATE TABLE files (
            root INTEGER NOT NULL,
            path BLOB NOT NULL,
            size INTEGER NOT NULL,
            modified INTEGER NOT NULL,
            content INTEGER,
            skipped INTEGER,
            PRIMARY KEY (root, path)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX files_by_content ON files (content);
        CREATE TABLE contents (
            id INTEGER PRIMARY KEY,
            address BLOB NOT NULL UNIQUE,
            language TEXT NOT NULL,
            orphaned INTEGER
        ) STRICT;
        CREATE TABLE items (
            content INTEGER NOT NULL,
            ordinal INTEGER NOT NULL,
            name TEXT NOT NULL,
            kind INTEGER NOT NULL,
            places BLOB NOT NULL,
            units BLOB NOT NULL,
            words BLOB NOT NULL,
            fingerprint BLOB NOT NULL,
            PRIMARY KEY (content, ordinal)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE uses (
            content INTEGER NOT NULL,
            ordinal INTEGER NOT NULL,
            unit INTEGER NOT NULL,
            PRIMARY KEY (content, ordinal)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE units (
            id INTEGER PRIMARY KEY,
            address BLOB NOT NULL UNIQUE,
            tokens INTEGER NOT NULL,
            coverage REAL NOT NULL,
            vector BLOB NOT NULL
        ) STRICT;
    ",
};

/// How long contents without a file are kept. The user may switch back to their branch.
const KEPT_HOURS: i64 = 30 * 24;

/// Copies the data of one folder from an index file into empty tables.
pub fn copy(connection: &Connection, path: &Path, root: &Path) -> Result<(), DatabaseError> {
    // ATTACH would create a missing file.
    std::fs::metadata(path)?;
    connection.execute("ATTACH DATABASE ?1 AS kept", [path.to_string_lossy()])?;
    let found: u32 = connection.pragma_query_value(Some("kept"), "user_version", |row| row.get(0))?;
    if !SCHEMA.is_current(found)? {
        return Err(DatabaseError::Older(found));
    }
    let transaction = connection.unchecked_transaction()?;
    transaction.execute(
        "INSERT INTO main.roots SELECT * FROM kept.roots WHERE path = ?1",
        params![bytes(root)],
    )?;
    transaction.execute_batch(
        "INSERT INTO main.files SELECT * FROM kept.files WHERE root IN (SELECT id FROM main.roots);
         INSERT INTO main.contents SELECT * FROM kept.contents WHERE id IN (SELECT content FROM main.files);
         INSERT INTO main.items SELECT * FROM kept.items WHERE content IN (SELECT id FROM main.contents);
         INSERT INTO main.uses SELECT * FROM kept.uses WHERE content IN (SELECT id FROM main.contents);
         INSERT INTO main.units SELECT * FROM kept.units WHERE id IN (SELECT unit FROM main.uses);",
    )?;
    transaction.commit()?;
    Ok(connection.execute_batch("DETACH DATABASE kept")?)
}

/// The row of a folder for a model, if it exists.
pub fn known_root(connection: &Connection, path: &Path, model: &str) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare("SELECT id FROM roots WHERE path = ?1 AND model = ?2")?;
    statement
        .query_row(params![bytes(path), model], |row| row.get(0))
        .optional()
}

/// The row of a folder for a model, created if missing.
pub fn root(connection: &Connection, path: &Path, model: &str) -> rusqlite::Result<i64> {
    if let Some(known) = known_root(connection, path, model)? {
        return Ok(known);
    }
    // Another process may insert it first.
    let insert = "INSERT OR IGNORE INTO roots (path, model) VALUES (?1, ?2)";
    connection.execute(insert, params![bytes(path), model])?;
    known_root(connection, path, model)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// The files of a folder and their state when last read.
pub fn catalog(connection: &Connection, root: i64) -> rusqlite::Result<HashMap<PathBuf, Known>> {
    let mut statement = connection.prepare("SELECT path, size, modified, skipped FROM files WHERE root = ?1")?;
    let rows = statement.query_map([root], |row| {
        let known = Known {
            stamp: Stamp {
                size: row.get::<_, i64>(1)?.unsigned_abs(),
                modified: row.get(2)?,
            },
            skipped: row.get::<_, Option<i64>>(3)?.map(skipped_of),
        };
        Ok((path(row.get_ref(0)?.as_blob()?), known))
    })?;
    rows.collect()
}

/// Index statistics of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counts {
    pub path: PathBuf,
    pub language: Language,
    pub items: usize,
    pub passages: usize,
}

/// Statistics of each indexed file of a folder, in the order of paths.
pub fn counts(connection: &Connection, root: i64) -> rusqlite::Result<Vec<Counts>> {
    let mut statement = connection.prepare(
        "SELECT path, language, count(ordinal) FILTER (WHERE kind <> ?2), count(ordinal) FILTER (WHERE kind = ?2)
            FROM files JOIN contents ON contents.id = files.content LEFT JOIN items ON items.content = contents.id
            WHERE root = ?1 GROUP BY path ORDER BY path",
    )?;
    let rows = statement.query_map(params![root, kind_number(ItemKind::File)], |row| {
        Ok(Counts {
            path: path(row.get_ref(0)?.as_blob()?),
            language: Language::from_id(row.get_ref(1)?.as_str()?),
            items: row.get::<_, i64>(2)?.unsigned_abs() as usize,
            passages: row.get::<_, i64>(3)?.unsigned_abs() as usize,
        })
    })?;
    rows.collect()
}

/// The contents with an address, if known.
pub fn content(connection: &Connection, address: Address) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare("SELECT id FROM contents WHERE address = ?1")?;
    statement.query_row([address.0], |row| row.get(0)).optional()
}

/// The units with a stored vector, among the given ones.
pub fn known_units(connection: &Connection, units: &[Address]) -> rusqlite::Result<HashSet<Address>> {
    let mut statement = connection.prepare("SELECT 1 FROM units WHERE address = ?1")?;
    let mut known = HashSet::new();
    for unit in units {
        if statement.exists([unit.0])? {
            known.insert(*unit);
        }
    }
    Ok(known)
}

/// The stored data of a unit.
pub fn unit(connection: &Connection, address: Address) -> rusqlite::Result<Option<UnitVector>> {
    let mut statement = connection.prepare("SELECT tokens, coverage, vector FROM units WHERE address = ?1")?;
    let read = |row: &rusqlite::Row| {
        let (halves, _) = row.get_ref(2)?.as_blob()?.as_chunks::<2>();
        Ok(UnitVector {
            tokens: row.get::<_, i64>(0)? as usize,
            coverage: row.get::<_, f64>(1)? as f32,
            vector: halves.iter().map(|half| f16::from_le_bytes(*half)).collect(),
        })
    };
    statement.query_row([address.0], read).optional()
}

/// Stores units that belong to no file. They stay until unused units are dropped.
pub fn keep_units(connection: &Connection, units: &[(Address, &UnitVector)]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut statement = transaction
            .prepare("INSERT OR IGNORE INTO units (address, tokens, coverage, vector) VALUES (?1, ?2, ?3, ?4)")?;
        for (address, unit) in units {
            let vector: Vec<u8> = unit.vector.iter().flat_map(|v| v.to_le_bytes()).collect();
            let (tokens, coverage) = (unit.tokens as i64, f64::from(unit.coverage));
            statement.execute(params![address.0, tokens, coverage, vector])?;
        }
    }
    transaction.commit()
}

/// Stores files with their contents, in one transaction.
pub fn write(
    connection: &mut Connection,
    root: i64,
    entries: &[Entry],
    vectors: &HashMap<Address, UnitVector>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut unit = transaction
            .prepare("INSERT OR IGNORE INTO units (address, tokens, coverage, vector) VALUES (?1, ?2, ?3, ?4)")?;
        let mut needed =
            transaction.prepare("UPDATE contents SET orphaned = NULL WHERE id = ?1 AND orphaned IS NOT NULL")?;
        let mut file = transaction.prepare(
            "INSERT OR REPLACE INTO files (root, path, size, modified, content, skipped) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (address, known) in vectors {
            let vector: Vec<u8> = known.vector.iter().flat_map(|v| v.to_le_bytes()).collect();
            unit.execute(params![
                address.0,
                known.tokens as i64,
                f64::from(known.coverage),
                vector
            ])?;
        }
        for entry in entries {
            let content = match entry.content {
                Err(_) => None,
                Ok(New::Known(id)) => Some(id),
                Ok(New::Read(address, language, contents)) => Some(insert(&transaction, address, language, contents)?),
            };
            if let Some(content) = content {
                needed.execute([content])?;
            }
            let skipped = entry.content.err().map(skipped_number);
            let size = entry.stamp.size as i64;
            file.execute(params![
                root,
                bytes(entry.path),
                size,
                entry.stamp.modified,
                content,
                skipped
            ])?;
        }
    }
    transaction.commit()
}

/// Inserts the contents of a file, unless another process already has.
fn insert(
    transaction: &Transaction,
    address: Address,
    language: Language,
    contents: &Contents,
) -> rusqlite::Result<i64> {
    if let Some(id) = content(transaction, address)? {
        return Ok(id);
    }
    let mut statement = transaction.prepare("INSERT INTO contents (address, language) VALUES (?1, ?2)")?;
    let id = statement.insert(params![address.0, language.name()])?;
    let mut statement = transaction
        .prepare("INSERT INTO uses (content, ordinal, unit) SELECT ?1, ?2, id FROM units WHERE address = ?3")?;
    for (ordinal, unit) in contents.units.iter().enumerate() {
        if statement.execute(params![id, ordinal as i64, unit.address.0])? == 0 {
            // Another process dropped its vector, so the contents would be incomplete.
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
    }
    let mut statement = transaction.prepare(
        "INSERT INTO items (content, ordinal, name, kind, places, units, words, fingerprint) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (ordinal, passage) in contents.passages.iter().enumerate() {
        let item = &passage.item;
        let places = [item.start, item.end, item.name_start, item.name_end];
        statement.execute(params![
            id,
            ordinal as i64,
            item.name,
            kind_number(item.kind),
            places_in_bytes(&places),
            numbers_in_bytes(&passage.units),
            passage.words.to_bytes(),
            passage.fingerprint.to_bytes()
        ])?;
    }
    Ok(id)
}

/// Removes files from a folder, and drops contents unused for a long time.
pub fn forget<'a>(
    connection: &mut Connection,
    root: i64,
    gone: impl Iterator<Item = &'a Path>,
    hour: i64,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut statement = transaction.prepare("DELETE FROM files WHERE root = ?1 AND path = ?2")?;
        for path in gone {
            statement.execute(params![root, bytes(path)])?;
        }
    }
    transaction.execute(
        "UPDATE contents SET orphaned = ?1 WHERE orphaned IS NULL
            AND NOT EXISTS (SELECT 1 FROM files WHERE files.content = contents.id)",
        [hour],
    )?;
    let old = transaction.execute("DELETE FROM contents WHERE orphaned < ?1", [hour - KEPT_HOURS])?;
    if old > 0 {
        transaction.execute_batch(
            "DELETE FROM items WHERE content NOT IN (SELECT id FROM contents);
             DELETE FROM uses WHERE content NOT IN (SELECT id FROM contents);
             DELETE FROM units WHERE id NOT IN (SELECT unit FROM uses);",
        )?;
    }
    transaction.commit()?;
    if old > 0 {
        crate::database::shrink(connection)
    } else {
        Ok(())
    }
}

/// Stored contents: their passages and their units, in order.
pub type Held = (Vec<HeldPassage>, Vec<UnitVector>);

/// A stored passage.
#[derive(Debug)]
pub struct HeldPassage {
    pub item: IndexedItem,
    /// Indices of its units among those of the contents.
    pub units: Vec<usize>,
    /// Its words, as [`super::super::words::WordCounts::in_bytes`] reads them.
    pub words: Vec<u8>,
    /// Hashes of its text; empty if they cannot be read.
    pub fingerprint: Fingerprint,
}

/// Reads everything in a folder from one consistent view, in the order of paths.
///
/// The data may be large, so nothing is cached: contents of several files are read once for each.
pub fn load(connection: &Connection, root: i64, mut take: impl FnMut(PathBuf, i64, Held)) -> rusqlite::Result<()> {
    let view = connection.unchecked_transaction()?;
    let mut files: Vec<(PathBuf, i64)> = Vec::new();
    {
        let mut statement = view.prepare("SELECT path, content FROM files WHERE root = ?1 AND content IS NOT NULL")?;
        let mut rows = statement.query([root])?;
        while let Some(row) = rows.next()? {
            files.push((path(row.get_ref(0)?.as_blob()?), row.get(1)?));
        }
    }
    // SQLite sorts paths by bytes, where `a.rs` precedes `a/b.rs`.
    files.sort();
    {
        let mut items = view.prepare(
            "SELECT name, kind, places, units, words, language, fingerprint
                FROM items JOIN contents ON contents.id = content WHERE content = ?1 ORDER BY ordinal",
        )?;
        let mut units = view.prepare(
            "SELECT tokens, coverage, vector FROM uses JOIN units ON units.id = unit WHERE content = ?1 ORDER BY ordinal",
        )?;
        for (path, content) in files {
            let mut held = Held::default();
            let mut rows = items.query([content])?;
            while let Some(row) = rows.next()? {
                let language = Language::from_id(row.get_ref(5)?.as_str()?);
                let Some([start, end, name_start, name_end]) = places_from_bytes(row.get_ref(2)?.as_blob()?) else {
                    continue; // Damage that SQLite did not detect.
                };
                let item = IndexedItem {
                    name: row.get(0)?,
                    kind: kind_of(row.get(1)?),
                    language,
                    start,
                    end,
                    name_start,
                    name_end,
                };
                held.0.push(HeldPassage {
                    item,
                    units: numbers_from_bytes(row.get_ref(3)?.as_blob()?),
                    words: row.get(4)?,
                    fingerprint: Fingerprint::from_bytes(row.get_ref(6)?.as_blob()?).unwrap_or_default(),
                });
            }
            let mut rows = units.query([content])?;
            while let Some(row) = rows.next()? {
                let (halves, _) = row.get_ref(2)?.as_blob()?.as_chunks::<2>();
                held.1.push(UnitVector {
                    tokens: row.get::<_, i64>(0)? as usize,
                    coverage: row.get::<_, f64>(1)? as f32,
                    vector: halves.iter().map(|half| f16::from_le_bytes(*half)).collect(),
                });
            }
            take(path, content, held);
        }
    }
    view.finish()
}
