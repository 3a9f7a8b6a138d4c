//! What a store has to offer for an index to be kept in it. Two do: a file of SQLite, and a server of Postgres.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::files::{Skipped, Stamp};
use super::reading::{Address, Contents, UnitVector};
use super::{Index, IndexError, table};
use crate::text::Language;

/// Where an index is kept, for those who bring it up to date. Several may do so at once: what both write is the same.
///
/// Every method fails with what the store reports, and changes nothing then.
pub trait Store {
    /// The number of a folder as a model reads it, given to it now if it has none.
    fn root(&mut self, folder: &Path, model: &str) -> Result<i64, IndexError>;

    /// The files of a folder as they were last read.
    fn catalog(&mut self, root: i64) -> Result<HashMap<PathBuf, Known>, IndexError>;

    /// The contents with some addresses, where a file has or had them: one answer per address, in order.
    fn contents(&mut self, addresses: &[Address]) -> Result<Vec<Option<i64>>, IndexError>;

    /// Which of some units are known.
    fn known_units(&mut self, units: &[Address]) -> Result<HashSet<Address>, IndexError>;

    /// Writes files down with what they hold, all of it or nothing; `false`, and nothing written, where a unit that was known is not any
    /// more. `vectors` are those of the units that were not.
    fn write(
        &mut self,
        root: i64,
        entries: &[Entry],
        vectors: &HashMap<Address, UnitVector>,
    ) -> Result<bool, IndexError>;

    /// Ends a renewal that changed something: takes files out of a folder, and drops what no file has had for a long time. `hour` is the
    /// clock's.
    fn finish_renewal(&mut self, root: i64, gone: &[&Path], hour: i64) -> Result<(), IndexError>;
}

/// A file as it was when it was last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What it looked like.
    pub stamp: Stamp,
    /// Why it is left out for what is in it, if it is.
    pub skipped: Option<Skipped>,
}

/// What is to be written down of a file.
#[derive(Debug)]
pub struct Entry<'a> {
    pub path: &'a Path,
    pub stamp: Stamp,
    pub content: Result<New<'a>, Skipped>,
}

/// The contents of a file that was read.
#[derive(Debug, Clone, Copy)]
pub enum New<'a> {
    /// They are known from elsewhere.
    Known(i64),
    /// They are not.
    Read(Address, Language, &'a Contents),
}

impl Store for Index {
    fn root(&mut self, folder: &Path, model: &str) -> Result<i64, IndexError> {
        table::root(&self.connection, folder, model).map_err(|error| self.trouble(error))
    }

    fn catalog(&mut self, root: i64) -> Result<HashMap<PathBuf, Known>, IndexError> {
        table::catalog(&self.connection, root).map_err(|error| self.trouble(error))
    }

    fn contents(&mut self, addresses: &[Address]) -> Result<Vec<Option<i64>>, IndexError> {
        let contents = addresses
            .iter()
            .map(|address| table::content(&self.connection, *address));
        contents
            .collect::<rusqlite::Result<_>>()
            .map_err(|error| self.trouble(error))
    }

    fn known_units(&mut self, units: &[Address]) -> Result<HashSet<Address>, IndexError> {
        table::known_units(&self.connection, units).map_err(|error| self.trouble(error))
    }

    fn write(
        &mut self,
        root: i64,
        entries: &[Entry],
        vectors: &HashMap<Address, UnitVector>,
    ) -> Result<bool, IndexError> {
        match table::write(&mut self.connection, root, entries, vectors) {
            Ok(()) => Ok(true),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(false),
            Err(error) => Err(self.trouble(error)),
        }
    }

    fn finish_renewal(&mut self, root: i64, gone: &[&Path], hour: i64) -> Result<(), IndexError> {
        table::forget(&mut self.connection, root, gone.iter().copied(), hour).map_err(|error| self.trouble(error))
    }
}
