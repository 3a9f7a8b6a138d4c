//! The index of a team, on a server of Postgres with pgvector: a job brings it up to date, many read it.
//!
//! What is in it has the same addresses as in a file, so that a renewal costs the same. Candidates are found by the server through
//! two graphs (HNSW), of the vectors as they are and of those less the mean of their language; which of them count, and in which order, is
//! settled here by the rules that hold for a file. None of it may be called from within an async runtime: the client has its own.

mod backoff;
mod centring;
mod counting;
mod filter;
mod halfvec;
mod link;
mod password;
mod place;
mod read;
mod schema;
mod search;
mod session;
mod similar;
mod tls;
mod trouble;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use link::Link;
pub use place::{BadPlace, StorePlace, VARIABLE};

use super::renew::{Reader, canonical, renew};
use super::{IndexError, Limits, Progress, Renewal, calibration};
use crate::model::{Checkpoint, Model};
use session::{Reads, Role, Session};
use trouble::Trouble;

/// A store as those see it who bring it up to date.
#[derive(Debug)]
pub struct Job {
    session: Session,
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
    pub fn open(place: StorePlace, model: &Model) -> Result<Job, IndexError> {
        let mut session = Session::new(place, Role::Indexer, reads(model)?);
        session.ask(|_| Ok(())).map_err(|trouble| told(&session, &trouble))?;
        Ok(Job { session, link: None })
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
    pub fn settle(&mut self) -> Result<(), IndexError> {
        self.ask(centring::settle)
    }

    /// Where it is, in words.
    pub fn place(&self) -> String {
        self.session.place().to_string()
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

    fn ask<T>(&mut self, question: impl FnMut(&mut session::Open) -> Result<T, Trouble>) -> Result<T, IndexError> {
        let answer = self.session.ask(question);
        answer.map_err(|trouble| told(&self.session, &trouble))
    }
}

/// A store as those see it who ask: everything that was indexed into it. A role that may only read is enough.
#[derive(Debug)]
pub struct Shared {
    session: Mutex<Session>,
    /// Under which name the folder that is asked about was indexed, if that is known.
    own: Option<PathBuf>,
}

impl Shared {
    /// Connects to a store. `own` is the name under which the folder that questions come from is in the store, so that an item is no
    /// news of itself; without it, or where the store has no such folder, a file of the same path in any folder counts as the item's own.
    ///
    /// # Errors
    /// [`IndexError::Store`] with the reason: not reachable, nothing in it yet, of another version or model, no right to read.
    pub fn open(place: StorePlace, model: &Model, own: Option<&Path>) -> Result<Shared, IndexError> {
        let mut session = Session::new(place, Role::Reader, reads(model)?);
        session.ask(|_| Ok(())).map_err(|trouble| told(&session, &trouble))?;
        Ok(Shared {
            session: Mutex::new(session),
            own: own.map(Path::to_owned),
        })
    }

    fn ask<T>(&self, question: impl FnMut(&mut session::Open) -> Result<T, Trouble>) -> Result<T, IndexError> {
        // A panic in a question leaves a connection that is made again.
        let mut session = self.session.lock().unwrap_or_else(|poisoned| {
            self.session.clear_poison();
            poisoned.into_inner()
        });
        let answer = session.ask(question);
        answer.map_err(|trouble| told(&session, &trouble))
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

fn told(session: &Session, trouble: &Trouble) -> IndexError {
    IndexError::Store {
        store: session.place().to_string(),
        why: trouble.to_string(),
    }
}
