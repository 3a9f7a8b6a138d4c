//! The index: what the files of a folder hold that people name, with its vectors, in a file of SQLite that outlives the process, or in a
//! store on a server of Postgres that many read (`postgres`, a feature of its own).
//!
//! Everything is kept by content. What a file holds is found again wherever a file has the same bytes, so that a renamed file, a second
//! checkout or another branch costs nothing; the vector of a unit is found again wherever the same text stands in the same language.
//! Several processes may bring the same file up to date at once: what both write is the same. Names of items are in it, but no text.

mod across;
mod calibrating;
mod changes;
mod collection;
mod conventions;
mod coverage;
mod encoding;
mod files;
#[cfg(fuzzing)]
pub mod fuzzed;
mod generated;
mod globs;
mod groups;
mod headers;
mod ignored;
mod lexicon;
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
mod searching;
mod selection;
mod sketch;
mod store;
mod table;
#[cfg(test)]
mod tests;
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
pub use collection::{Asked, Collection, Elsewhere, Filter, Found, Known, Opener, Tests};
pub use conventions::{is_foreign_file, is_test_file, is_test_item};
pub use coverage::{Coverage, LanguageCoverage, LeftOut};
pub use files::{File as FolderFile, Limits, Skipped, read as read_file, refused_root, walk};
pub use globs::Globs;
pub use groups::{Group, Grouping};
pub use headers::beside;
pub use passages::item_words;
pub use projects::is_indexed_with;
pub use query::{Asks, Query, folded};
pub use ranking::{Why, Without};
pub use read_query::{ReadQuery, read_query, route_query};
pub use reading::{EmbeddedItem, embed_items, embed_query};
pub use renew::{Progress, Renewal};
pub use searching::search;
pub use selection::holds_data;
pub use vector_index::VectorIndex;

/// The name of the file in its folder.
const FILE: &str = "index.sqlite";

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePosition {
    /// Byte offset.
    pub byte: usize,
    /// Line, from 0.
    pub line: u32,
    /// Column in UTF-8 bytes, from 0.
    pub column: u32,
    /// The same column in UTF-16 code units: an editor may count in them, and the line's text is not kept.
    pub utf16: u32,
    /// The same column in characters.
    pub utf32: u32,
}

impl FilePosition {
    /// The place of a byte of a text.
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

    /// The place as a position in an encoding.
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

/// What people name in a file, and where it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedItem {
    /// What the source calls it.
    pub name: String,
    /// Its kind.
    pub kind: ItemKind,
    /// Its language.
    pub language: Language,
    /// Where it starts.
    pub start: FilePosition,
    /// Where it ends, exclusive.
    pub end: FilePosition,
    /// Where its name starts.
    pub name_start: FilePosition,
    /// Where its name ends, exclusive.
    pub name_end: FilePosition,
}

impl IndexedItem {
    /// An item of a text.
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

    /// What stands around the items of a text, without the name of its file.
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

/// Why the index did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The folder is one that nobody means to have indexed.
    #[error("{}: {why}", .root.display())]
    Root {
        /// The folder.
        root: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file of the index cannot be used.
    #[error("cannot use the index {}: {trouble}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        trouble: DatabaseError,
    },
    /// A store on a server cannot be used.
    #[error("the store {store}: {why}")]
    Store {
        /// Its database and host.
        store: String,
        /// Why.
        why: String,
    },
    /// The model failed.
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    /// Others dropped, twice, what was found a moment before.
    #[error("other processes keep rewriting the index; try again")]
    Restless,
    /// The checkpoint said so; what was done until then is kept.
    #[error("stopped; the index keeps the files that were already indexed")]
    Stopped,
}

/// The file of the index, open.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    path: PathBuf,
}

impl Index {
    /// Opens the index in a folder, making both where they are missing.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn open(folder: &Path) -> Result<Index, IndexError> {
        let path = folder.join(FILE);
        match database::open(&path, &table::SCHEMA) {
            Ok(connection) => Ok(Index { connection, path }),
            Err(trouble) => Err(IndexError::Database { path, trouble }),
        }
    }

    /// An index that is forgotten with the process.
    ///
    /// # Errors
    /// If SQLite has no memory for it.
    pub fn in_memory() -> Result<Index, IndexError> {
        let path = PathBuf::from(":memory:");
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

    /// An index that is forgotten with the process, with what the one in `folder` has of the folder `root`: where that cannot be
    /// written, what it knows need not be computed again. One that cannot be read is taken for empty.
    ///
    /// # Errors
    /// If SQLite has no memory for it.
    pub fn in_memory_with(folder: &Path, root: &Path) -> Result<Index, IndexError> {
        let index = Index::in_memory()?;
        let copied = match renew::canonical(root) {
            Ok(root) => table::copy(&index.connection, &folder.join(FILE), &root),
            // Whoever brings it up to date will say so.
            Err(_) => return Ok(index),
        };
        match copied {
            Ok(()) => Ok(index),
            Err(error) => {
                tracing::debug!(%error, "the index is not read into memory");
                Index::in_memory()
            }
        }
    }

    /// Where it is.
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

/// Looks at the index in a folder without changing anything; the file, and what it is found to be if it is there.
///
/// # Errors
/// Why it cannot be looked at.
pub fn examine(folder: &Path) -> Result<(PathBuf, Option<Examination>), DatabaseError> {
    let path = folder.join(FILE);
    let found = database::examine(&path, &table::SCHEMA, "files")?;
    Ok((path, found))
}
