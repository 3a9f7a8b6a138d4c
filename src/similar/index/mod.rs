//! The index: items of folders with their vectors, in a persistent SQLite file.
//!
//! With the `postgres` feature, a Postgres server can store it for many readers. All data is addressed by content. A file with known bytes
//! is not read again, so a renamed file, a second checkout or another branch costs nothing; a unit with known text and language is not
//! embedded again. Several processes may update the same index concurrently: both write the same data. The index contains names of items,
//! but no text.

mod across;
mod calibrating;
mod changes;
mod collection;
mod conventions;
mod coverage;
mod doubt;
mod encoding;
mod file_store;
mod files;
mod filter;
#[cfg(fuzzing)]
pub mod fuzzed;
mod generated;
mod globs;
mod groups;
mod headers;
mod ignored;
mod lexicon;
mod nearest;
mod neighbors;
mod notebook;
mod passages;
#[cfg(feature = "postgres")]
pub mod postgres;
mod projects;
mod query;
mod ranking;
mod read_query;
mod reading;
mod renew;
mod scripts;
mod searching;
mod selection;
mod sketch;
mod skipped;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod unvisited;
mod vector_index;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::database::{self, DatabaseError, Examination};
use crate::segment::{Item, ItemKind};
use crate::text::{ByteRange, Language, Position, PositionEncoding, Snapshot};

pub use calibrating::calibration;
#[cfg(test)]
pub use calibrating::snippet_vectors;
pub use changes::concerns;
pub use collection::{Asked, Collection, Elsewhere, Found, Known, Opener};
pub use conventions::{is_foreign_file, is_test_file, is_test_item};
pub use coverage::{Coverage, LanguageCoverage, LeftOut};
pub use doubt::doubt;
pub use files::{File as FolderFile, Limits, read as read_file, refused_root, walk};
pub use filter::{Filter, Tests};
pub use globs::Globs;
pub use groups::{Group, Grouping};
pub use headers::beside;
pub use passages::{item_fingerprint, item_words};
pub use projects::is_indexed_with;
pub use query::{Asks, Query, folded};
pub use ranking::{Why, Without};
pub use read_query::{ReadQuery, read_query, route_query};
pub use reading::{EmbeddedItem, embed_items, embed_query};
pub use renew::{Progress, Renewal};
pub use searching::{Surroundings, search, search_in};
pub use selection::holds_data;
pub use skipped::Skipped;
pub use vector_index::VectorIndex;

/// Name of the index file in its folder.
const FILE: &str = "index.sqlite";

/// A position in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePosition {
    /// Byte offset.
    pub byte: usize,
    /// Line, from 0.
    pub line: u32,
    /// Column in UTF-8 bytes, from 0.
    pub column: u32,
    /// The same column in UTF-16 code units. An editor may use them, and the index does not store the line's text.
    pub utf16: u32,
    /// The same column in Unicode characters.
    pub utf32: u32,
}

impl FilePosition {
    /// The position of a byte of a text.
    pub fn new(snapshot: &Snapshot, byte: usize) -> FilePosition {
        let at = |encoding| snapshot.position(byte, encoding);
        let Position { line, column } = at(PositionEncoding::Utf8);
        FilePosition {
            byte,
            line,
            column,
            utf16: at(PositionEncoding::Utf16).column,
            utf32: at(PositionEncoding::Utf32).column,
        }
    }

    /// Converts to a position in an encoding.
    pub fn position(&self, encoding: PositionEncoding) -> Position {
        let column = match encoding {
            PositionEncoding::Utf8 => self.column,
            PositionEncoding::Utf16 => self.utf16,
            PositionEncoding::Utf32 => self.utf32,
        };
        let line = self.line;
        Position { line, column }
    }
}

/// An indexed item, and its location in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedItem {
    /// Its name in the source.
    pub name: String,
    /// Its kind.
    pub kind: ItemKind,
    /// Its language.
    pub language: Language,
    /// Start of the item.
    pub start: FilePosition,
    /// End of the item, exclusive.
    pub end: FilePosition,
    /// Start of its name.
    pub name_start: FilePosition,
    /// End of its name, exclusive.
    pub name_end: FilePosition,
}

impl IndexedItem {
    /// Describes an item of a text.
    pub fn of(snapshot: &Snapshot, item: &Item) -> IndexedItem {
        let place = |byte| FilePosition::new(snapshot, byte);
        IndexedItem {
            name: item.name.clone(),
            kind: item.kind,
            language: snapshot.language(),
            start: place(item.range.start),
            end: place(item.range.end),
            name_start: place(item.name_range.start),
            name_end: place(item.name_range.end),
        }
    }

    /// Describes a passage outside of items, without the name of its file.
    fn of_file(snapshot: &Snapshot, range: &ByteRange) -> IndexedItem {
        let start = FilePosition::new(snapshot, range.start);
        IndexedItem {
            name: String::new(),
            kind: ItemKind::File,
            language: snapshot.language(),
            start,
            end: FilePosition::new(snapshot, range.end),
            name_start: start,
            name_end: start,
        }
    }
}

/// Errors of the index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The folder must not be indexed.
    #[error("{}: {why}", .root.display())]
    Root {
        /// The folder.
        root: PathBuf,
        /// The reason, and what to do.
        why: String,
    },
    /// The index file cannot be used.
    #[error("cannot use the index {}: {trouble}", .path.display())]
    Database {
        /// The path of the index file.
        path: PathBuf,
        /// The cause.
        trouble: DatabaseError,
    },
    /// The Postgres store cannot be used.
    #[error("the store {store}: {why}")]
    Store {
        /// Its database and host.
        store: String,
        /// The cause.
        why: String,
    },
    /// The model reported an error.
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    /// Other processes deleted, twice, rows that this process had just found.
    #[error("other processes keep rewriting the index; try again")]
    Restless,
    /// The checkpoint requested a stop; finished work is kept.
    #[error("stopped; the index keeps the files that were already indexed")]
    Stopped,
}

/// The path of an index in memory.
const MEMORY: &str = ":memory:";

/// The open index file.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    path: PathBuf,
}

impl Index {
    /// Opens the index in a folder; creates both if they are missing.
    ///
    /// # Errors
    /// If the index file cannot be used.
    pub fn open(folder: &Path) -> Result<Index, IndexError> {
        let path = folder.join(FILE);
        match database::open(&path, &table::SCHEMA) {
            Ok(connection) => Ok(Index { connection, path }),
            Err(trouble) => Err(IndexError::Database { path, trouble }),
        }
    }

    /// An index in memory, which ends with the process.
    ///
    /// # Errors
    /// If SQLite has no memory for it.
    pub fn in_memory() -> Result<Index, IndexError> {
        let path = PathBuf::from(MEMORY);
        let made = Connection::open_in_memory().and_then(|connection| {
            connection.execute_batch(table::SCHEMA.tables)?;
            Ok(connection)
        });
        match made {
            Ok(connection) => Ok(Index { connection, path }),
            Err(error) => Err(IndexError::Database {
                path,
                trouble: error.into(),
            }),
        }
    }

    /// An index in memory with a copy of the data of `root` from `folder`.
    ///
    /// For an index file that cannot be written: its data need not be computed again. An unreadable index counts as empty.
    ///
    /// # Errors
    /// If SQLite has no memory for it.
    pub fn in_memory_with(folder: &Path, root: &Path) -> Result<Index, IndexError> {
        let index = Index::in_memory()?;
        let copied = match files::canonical(root) {
            Ok(root) => table::copy(&index.connection, &folder.join(FILE), &root),
            // The next renewal reports this error.
            Err(_) => return Ok(index),
        };
        match copied {
            Ok(()) => Ok(index),
            Err(error) => {
                tracing::debug!(%error, "cannot copy the index into memory");
                Index::in_memory()
            }
        }
    }

    /// Empties the file if an error shows that it is damaged: its data is computed again. `false` if it is not damaged, is in memory, or cannot
    /// be repaired.
    pub fn repair(&mut self, error: &IndexError) -> bool {
        let IndexError::Database { trouble, .. } = error else {
            return false;
        };
        if self.path == Path::new(MEMORY) || !(trouble.calls_for_repair() || trouble.is_damaged_value()) {
            return false;
        }
        match database::repair(&self.path, &table::SCHEMA, Some(trouble)) {
            Ok(connection) => {
                self.connection = connection;
                true
            }
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "the damaged index cannot be repaired");
                false
            }
        }
    }

    /// Examines the whole file.
    ///
    /// # Errors
    /// If it is damaged, or cannot be examined.
    pub fn check(&self) -> Result<(), IndexError> {
        let wrong = database::check(&self.connection).map_err(|error| self.trouble(error))?;
        match wrong.into_iter().next() {
            Some(wrong) => Err(self.trouble(DatabaseError::Damaged(wrong))),
            None => Ok(()),
        }
    }

    /// The path of the index file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn trouble(&self, error: impl Into<DatabaseError>) -> IndexError {
        IndexError::Database {
            path: self.path.clone(),
            trouble: error.into(),
        }
    }
}

/// Examines the index in a folder without a change. Returns the path, and the result if the file exists.
///
/// # Errors
/// If the file cannot be examined.
pub fn examine(folder: &Path) -> Result<(PathBuf, Option<Examination>), DatabaseError> {
    let path = folder.join(FILE);
    let found = database::examine(&path, &table::SCHEMA, "files")?;
    Ok((path, found))
}
