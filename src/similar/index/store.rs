//! The interface of index storage; a SQLite file (`file_store.rs`) and a Postgres server implement it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::files::Stamp;
use super::reading::{Address, Contents, UnitVector};
use super::{IndexError, Skipped};
use crate::text::Language;

/// Index storage, for processes that update it. Several may do so concurrently: they write the same data.
///
/// Every method may fail with an error of the store, and then changes nothing.
pub trait Store {
    /// The identifier of a folder for a model, created if missing.
    fn root(&mut self, folder: &Path, model: &str) -> Result<i64, IndexError>;

    /// The files of a folder and their state when last read.
    fn catalog(&mut self, root: i64) -> Result<HashMap<PathBuf, Known>, IndexError>;

    /// The identifiers of contents with the given addresses, if known. One answer per address, in order.
    fn contents(&mut self, addresses: &[Address]) -> Result<Vec<Option<i64>>, IndexError>;

    /// The units with a stored vector, among the given ones.
    fn known_units(&mut self, units: &[Address]) -> Result<HashSet<Address>, IndexError>;

    /// Stores files with their contents, in one transaction. `vectors` belong to the units that were unknown.
    ///
    /// Returns `false`, without any change, if a known unit has disappeared.
    fn write(
        &mut self,
        root: i64,
        entries: &[Entry],
        vectors: &HashMap<Address, UnitVector>,
    ) -> Result<bool, IndexError>;

    /// Ends a renewal with changes at an `hour`. It removes files from a folder, and drops contents unused for a long time.
    fn finish_renewal(&mut self, root: i64, gone: &[&Path], hour: i64) -> Result<(), IndexError>;
}

/// The stored state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its stamp when last read.
    pub stamp: Stamp,
    /// Why it is skipped because of its contents, if it is.
    pub skipped: Option<Skipped>,
}

/// The data to store for a file.
#[derive(Debug)]
pub struct Entry<'a> {
    pub path: &'a Path,
    pub stamp: Stamp,
    pub content: Result<New<'a>, Skipped>,
}

/// The contents of a file that was read.
#[derive(Debug, Clone, Copy)]
pub enum New<'a> {
    /// Already stored, with this identifier.
    Known(i64),
    /// New contents.
    Read(Address, Language, &'a Contents),
}
