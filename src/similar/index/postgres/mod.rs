//! The shared index of a team in Postgres with pgvector. A job updates it, many clients read it.
//!
//! Contents have the same addresses as in a file, so a renewal costs the same. The server finds candidates with two HNSW graphs, over raw
//! and over language-centered vectors; the client then applies the same rules as for a file. Do not call these functions inside an async
//! runtime: the client has its own.

mod address;
mod backoff;
mod centering;
mod connection;
mod counting;
mod error;
mod filter;
mod link;
mod password;
mod read;
mod roots;
mod schema;
mod search;
mod similar;
mod snapshot;
mod tls;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use address::{StoreAddress, VARIABLE};
pub use error::BadAddress;
pub use link::Link;

use super::files::canonical;
use super::reading::Reader;
use super::renew::renew;
use super::{IndexError, Limits, Progress, Renewal, calibration};
use crate::model::{Checkpoint, Model};
use connection::{Connection, Role};
use error::StoreError;
use schema::Reads;

/// A store from the view of the processes that update it.
#[derive(Debug)]
pub struct Job {
    connection: Connection,
    /// The web link of the folder in the current renewal.
    link: Option<Link>,
}

/// A folder and its description in a store.
#[derive(Debug, Clone, Copy)]
pub struct Folder<'a> {
    /// Its location.
    pub path: &'a Path,
    /// Its name in the store; by default its path.
    pub name: Option<&'a str>,
    /// Its web link; without one, the stored link stays.
    pub link: Option<&'a Link>,
}

impl Job {
    /// Connects to a store and creates missing tables.
    ///
    /// # Errors
    /// [`IndexError::Store`] with the reason: unreachable, newer version, another model, no pgvector.
    pub fn open(place: StoreAddress, model: &Model) -> Result<Job, IndexError> {
        let mut connection = Connection::new(place, Role::Indexer, reads(model)?);
        connection
            .ask(|_| Ok(()))
            .map_err(|error| store_error(&connection, &error))?;
        Ok(Job { connection, link: None })
    }

    /// Updates the data of a folder. After a stop or an error, finished work is kept.
    ///
    /// # Errors
    /// [`IndexError::Root`] for a folder that must not be indexed; [`IndexError::Stopped`]; errors of the model or the store.
    pub fn renew(
        &mut self,
        model: &Model,
        folder: Folder,
        limits: &Limits,
        checkpoint: Checkpoint,
        tell: impl FnMut(Progress),
    ) -> Result<Renewal, IndexError> {
        let root = canonical(folder.path)?;
        let name = folder.name.map_or_else(|| root.clone(), PathBuf::from);
        self.link = folder.link.cloned();
        let reader = Reader {
            model,
            limits,
            checkpoint,
        };
        renew(self, &reader, &root, &name, |_| {}, tell)
    }

    /// Updates means and graphs; a renewal with changes has already done so.
    ///
    /// # Errors
    /// If the store fails.
    pub fn refresh_means(&mut self) -> Result<(), IndexError> {
        self.ask(centering::refresh)
    }

    /// A description of its location.
    pub fn place(&self) -> String {
        self.connection.place().to_string()
    }

    /// Size of the store on the server's disk, in bytes.
    ///
    /// # Errors
    /// If the store fails.
    pub fn bytes(&mut self) -> Result<u64, IndexError> {
        let sql = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'fovea' AND c.relkind = 'r'";
        let bytes: i64 = self.ask(|open| Ok(open.client.query_one(sql, &[])?.get(0)))?;
        Ok(bytes.unsigned_abs())
    }

    fn ask<T>(
        &mut self,
        question: impl FnMut(&mut connection::Open) -> Result<T, StoreError>,
    ) -> Result<T, IndexError> {
        let answer = self.connection.ask(question);
        answer.map_err(|error| store_error(&self.connection, &error))
    }
}

/// A store from the view of its readers: everything in it. Read access is enough.
#[derive(Debug)]
pub struct Shared {
    connection: Mutex<Connection>,
    /// The name of the current folder in the store, if known.
    own: Option<PathBuf>,
}

impl Shared {
    /// Connects to a store. `own` is the name of the current folder in the store; it excludes an item from its own results.
    ///
    /// Without it, or without such a folder in the store, a file with the same path in any folder counts as the item's own.
    ///
    /// # Errors
    /// [`IndexError::Store`] with the reason: unreachable, empty, another version or model, no read access.
    pub fn open(place: StoreAddress, model: &Model, own: Option<&Path>) -> Result<Shared, IndexError> {
        let mut connection = Connection::new(place, Role::Reader, reads(model)?);
        connection
            .ask(|_| Ok(()))
            .map_err(|error| store_error(&connection, &error))?;
        Ok(Shared {
            connection: Mutex::new(connection),
            own: own.map(Path::to_owned),
        })
    }

    fn ask<T>(&self, question: impl FnMut(&mut connection::Open) -> Result<T, StoreError>) -> Result<T, IndexError> {
        // After a panic in a query, the connection is reopened.
        let mut connection = self.connection.lock().unwrap_or_else(|poisoned| {
            self.connection.clear_poison();
            poisoned.into_inner()
        });
        let answer = connection.ask(question);
        answer.map_err(|error| store_error(&connection, &error))
    }
}

fn reads(model: &Model) -> Result<Reads, IndexError> {
    Ok(Reads {
        id: model.info().id.clone(),
        name: model.info().name.clone(),
        width: model.hidden(),
        calibration: calibration(model)?,
    })
}

fn store_error(connection: &Connection, error: &StoreError) -> IndexError {
    IndexError::Store {
        store: connection.place().to_string(),
        why: error.to_string(),
    }
}
