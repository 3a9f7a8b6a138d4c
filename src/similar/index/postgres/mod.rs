//! The index of a team, on a server of Postgres with pgvector: a job brings it up to date, many read it.
//!
//! What is in it has the same addresses as in a file, so that a renewal costs the same. Candidates are found by the server through
//! two graphs (HNSW), of the vectors as they are and of those less the mean of their language; which of them count, and in which order, is
//! settled here by the rules that hold for a file. None of it may be called from within an async runtime: the client has its own.

mod address;
mod backoff;
mod centering;
mod connection;
mod counting;
mod error;
mod filter;
mod halfvec;
mod link;
mod password;
mod read;
mod schema;
mod search;
mod similar;
mod tls;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use address::{BadAddress, StoreAddress, VARIABLE};
pub use link::Link;

use super::renew::{Reader, canonical, renew};
use super::{IndexError, Limits, Progress, Renewal, calibration};
use crate::model::{Checkpoint, Model};
use connection::{Connection, Reads, Role};
use error::StoreError;

/// A store as those see it who bring it up to date.
#[derive(Debug)]
pub struct Job {
    connection: Connection,
    /// Where the folder that is being renewed is shown on the web.
    link: Option<Link>,
}

/// A folder as a store is to know it.
#[derive(Debug, Clone, Copy)]
pub struct Folder<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// What it is called; its path, where that is not said.
    pub name: Option<&'a str>,
    /// Where it is shown on the web; what was said before stays, where it is not said.
    pub link: Option<&'a Link>,
}

impl Job {
    /// Connects to a store, making its tables where there are none.
    ///
    /// # Errors
    /// [`IndexError::Store`] with the reason: not reachable, of a newer version, of another model, without pgvector.
    pub fn open(place: StoreAddress, model: &Model) -> Result<Job, IndexError> {
        let mut connection = Connection::new(place, Role::Indexer, reads(model)?);
        connection.ask(|_| Ok(())).map_err(|error| told(&connection, &error))?;
        Ok(Job { connection, link: None })
    }

    /// Brings what the store has of a folder up to date. What was done when it is stopped or fails is kept.
    ///
    /// # Errors
    /// [`IndexError::Root`] for a folder that is not to be indexed; [`IndexError::Stopped`]; what the model or the store reports.
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

    /// Brings the means of languages and the graphs up to date; a renewal that changed something has done so already.
    ///
    /// # Errors
    /// What the store reports.
    pub fn refresh_means(&mut self) -> Result<(), IndexError> {
        self.ask(centering::refresh)
    }

    /// Where it is, in words.
    pub fn place(&self) -> String {
        self.connection.place().to_string()
    }

    /// Bytes that the store takes on the server's disk.
    ///
    /// # Errors
    /// What the store reports.
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
        answer.map_err(|error| told(&self.connection, &error))
    }
}

/// A store as those see it who ask: everything that was indexed into it. A role that may only read is enough.
#[derive(Debug)]
pub struct Shared {
    connection: Mutex<Connection>,
    /// Under which name the folder that is asked about was indexed, if that is known.
    own: Option<PathBuf>,
}

impl Shared {
    /// Connects to a store. `own` is the name under which the folder that questions come from is in the store, so that an item is no
    /// news of itself; without it, or where the store has no such folder, a file of the same path in any folder counts as the item's own.
    ///
    /// # Errors
    /// [`IndexError::Store`] with the reason: not reachable, nothing in it yet, of another version or model, no right to read.
    pub fn open(place: StoreAddress, model: &Model, own: Option<&Path>) -> Result<Shared, IndexError> {
        let mut connection = Connection::new(place, Role::Reader, reads(model)?);
        connection.ask(|_| Ok(())).map_err(|error| told(&connection, &error))?;
        Ok(Shared {
            connection: Mutex::new(connection),
            own: own.map(Path::to_owned),
        })
    }

    fn ask<T>(&self, question: impl FnMut(&mut connection::Open) -> Result<T, StoreError>) -> Result<T, IndexError> {
        // A panic in a question leaves a connection that is made again.
        let mut connection = self.connection.lock().unwrap_or_else(|poisoned| {
            self.connection.clear_poison();
            poisoned.into_inner()
        });
        let answer = connection.ask(question);
        answer.map_err(|error| told(&connection, &error))
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

fn told(connection: &Connection, error: &StoreError) -> IndexError {
    IndexError::Store {
        store: connection.place().to_string(),
        why: error.to_string(),
    }
}
