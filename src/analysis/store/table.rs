//! The tables: results by address, with the hour of their last use.
//!
//! `entries` is small and has all data for lookup, last use and eviction; `bodies` has the bytes, which eviction never reads.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::super::address::Key;
use super::rows::{self, Entry};
use crate::analysis::address::RESULTS;
use crate::database::{self, Schema};

/// The layout of the tables and rows. Raise it when either changes.
const LAYOUT: u32 = 1;

/// The tables of this version. The version covers the computation as well, since old results are as useless as old layouts.
pub const SCHEMA: Schema = Schema {
    version: LAYOUT << 16 | RESULTS,
    tables: "
        CREATE TABLE entries (
            key BLOB PRIMARY KEY,
            used INTEGER NOT NULL,
            size INTEGER NOT NULL,
            body INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE bodies (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    ",
};

/// The table with one row per result.
pub const ENTRIES: &str = "entries";

/// Approximate number of bytes that SQLite needs for a row besides its content.
const ROW: u64 = 48;

/// Hours since 1970; finer times of use are not worth a write.
pub type Hour = u32;

/// A change to write.
#[derive(Debug, Clone)]
pub enum Note {
    /// A new result.
    Keep(Key, Entry),
    /// Results that were used.
    Used(Vec<Key>),
}

/// A result from a lookup.
pub struct Found {
    /// The result; `None` if its bytes are damaged.
    pub entry: Option<Entry>,
    /// The recorded hour of its last use.
    pub used: Hour,
}

/// Looks up results; one answer per key.
///
/// # Errors
/// The error of SQLite.
pub fn find(connection: &Connection, keys: &[Key]) -> rusqlite::Result<Vec<Option<Found>>> {
    // One transaction for all lookups; separate ones would lock and unlock the file each time.
    let view = connection.unchecked_transaction()?;
    let mut statement = view.prepare(
        "SELECT entries.used, bodies.bytes FROM entries JOIN bodies ON bodies.id = entries.body WHERE key = ?1",
    )?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let row = statement
            .query_row([key.bytes()], |row| {
                Ok(Found {
                    used: row.get(0)?,
                    entry: rows::decode(*key, row.get_ref(1)?.as_blob()?),
                })
            })
            .optional()?;
        found.push(row);
    }
    drop(statement);
    view.finish()?;
    Ok(found)
}

/// Writes all notes in one transaction.
///
/// # Errors
/// The error of SQLite.
pub fn write(connection: &mut Connection, notes: &[Note], now: Hour) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut known = transaction.prepare("SELECT body FROM entries WHERE key = ?1")?;
        let mut body = transaction.prepare("INSERT INTO bodies (bytes) VALUES (?1)")?;
        let mut again = transaction.prepare("UPDATE bodies SET bytes = ?2 WHERE id = ?1")?;
        let mut entry = transaction.prepare("INSERT INTO entries (key, used, size, body) VALUES (?1, ?2, ?3, ?4)")?;
        let mut resized = transaction.prepare("UPDATE entries SET used = ?2, size = ?3 WHERE key = ?1")?;
        let mut used = transaction.prepare("UPDATE entries SET used = ?2 WHERE key = ?1 AND used < ?2")?;
        for note in notes {
            match note {
                Note::Keep(key, result) => {
                    let bytes = rows::encode(*key, result);
                    let size = bytes.len() as i64;
                    let id: Option<i64> = known.query_row([key.bytes()], |row| row.get(0)).optional()?;
                    if let Some(id) = id {
                        // Another process wrote the same result, or the row was damaged.
                        again.execute(params![id, bytes])?;
                        resized.execute(params![key.bytes(), now, size])?;
                    } else {
                        let id = body.insert(params![bytes])?;
                        entry.execute(params![key.bytes(), now, size, id])?;
                    }
                }
                Note::Used(keys) => {
                    for key in keys {
                        used.execute(params![key.bytes(), now])?;
                    }
                }
            }
        }
    }
    transaction.commit()
}

/// Keeps the file within `limit` bytes: evicts the least recently used rows, and shrinks the file.
///
/// # Errors
/// The error of SQLite.
pub fn bound(connection: &mut Connection, limit: u64) -> rusqlite::Result<()> {
    if database::bytes_used(connection)? > limit {
        drop_oldest(connection, limit)?;
    }
    // Also without an eviction now: a reader may have kept the file from shrinking after an earlier one.
    if database::file_bytes(connection) > limit {
        database::shrink(connection)?;
    }
    Ok(())
}

/// Evicts the least recently used rows: a quarter of the limit at once, so that it happens rarely.
fn drop_oldest(connection: &mut Connection, limit: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have evicted rows while this one waited for the lock.
    let excess = database::bytes_used(&transaction)?.saturating_sub(limit / 4 * 3);
    {
        let mut oldest = transaction.prepare("SELECT key, body, size FROM entries ORDER BY used, body")?;
        let mut rows = oldest.query([])?;
        let mut gone: Vec<(Vec<u8>, i64)> = Vec::new();
        let mut bytes = 0;
        while bytes < excess {
            let Some(row) = rows.next()? else { break };
            gone.push((row.get(0)?, row.get(1)?));
            bytes += row.get::<_, i64>(2)?.unsigned_abs() + ROW;
        }
        drop(rows);
        let mut entry = transaction.prepare("DELETE FROM entries WHERE key = ?1")?;
        let mut body = transaction.prepare("DELETE FROM bodies WHERE id = ?1")?;
        for (key, id) in gone {
            entry.execute([key])?;
            body.execute([id])?;
        }
    }
    transaction.commit()
}
