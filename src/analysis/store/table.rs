//! The tables: results by their address, and when each was last of use.
//!
//! `entries` is small and holds what looking up, keeping in use and dropping need; `bodies` holds the bytes, which these never touch.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::super::cache::Key;
use super::rows::{self, Entry};
use crate::analysis::cache::RESULTS;
use crate::database::{self, Schema};

/// The layout of the tables and rows. To be raised with either.
const LAYOUT: u32 = 1;

/// The tables of this version. Results that were computed differently are as useless as rows that are laid out differently.
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

/// What SQLite needs for a row besides its bytes, about.
const ROW: u64 = 48;

/// An hour of the clock: finer differences of use are not worth writing down.
pub type Hour = u32;

/// Something to write.
#[derive(Debug, Clone)]
pub enum Note {
    /// A new result.
    Keep(Key, Entry),
    /// Results that were of use.
    Used(Vec<Key>),
}

/// A result that was found.
pub struct Found {
    /// The result; `None` if its bytes are damaged.
    pub entry: Option<Entry>,
    /// When it was last noted to be of use.
    pub used: Hour,
}

/// Looks results up; one answer per key.
///
/// # Errors
/// SQLite's reason.
pub fn find(connection: &Connection, keys: &[Key]) -> rusqlite::Result<Vec<Option<Found>>> {
    // One view for all of them: asked for one by one, each would take and leave the locks by itself.
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

/// Writes notes down, all of them or none.
///
/// # Errors
/// SQLite's reason.
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
                        // Another process was as quick, or the row was damaged.
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

/// Keeps the file within `limit` bytes: drops the rows that nobody has used for longest, and gives their room back to the disk.
///
/// # Errors
/// SQLite's reason.
pub fn bound(connection: &mut Connection, limit: u64) -> rusqlite::Result<()> {
    if database::bytes_used(connection)? > limit {
        drop_oldest(connection, limit)?;
    }
    // Not only when rows were dropped: a reader may have kept the file from getting shorter then.
    if database::file_bytes(connection) > limit {
        database::shrink(connection)?;
    }
    Ok(())
}

/// Drops the rows that nobody has used for longest: a quarter of the limit at once, so that it is seldom done.
fn drop_oldest(connection: &mut Connection, limit: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while we waited for its lock.
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
