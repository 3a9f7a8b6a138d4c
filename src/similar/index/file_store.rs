//! The SQLite file as storage of the index.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::reading::{Address, UnitVector};
use super::store::{Entry, Known, Store};
use super::{Index, IndexError, table};

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
