//! Results that outlive the process: numbers by content address in a file of SQLite, never any text.
//!
//! Only the model thread looks things up here; everybody else asks the cache in memory. A thread of its own opens the file and writes,
//! some results at a time, and sleeps while there is nothing to write. Whatever goes wrong with the file, the analysis goes on without.

mod rows;
mod table;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::cache::Key;
use super::queue::lock;
use crate::database;
pub use crate::database::{DatabaseError, Examination};
pub use rows::Entry;
use table::{ENTRIES, Hour, Note, SCHEMA};

/// The name of the file in its folder.
const FILE: &str = "results.sqlite";

/// How many notes may wait to be written. Where a disk is slower than that, the rest is not kept.
const WAITING: usize = 4096;

/// How long the first look-up waits for the file to be opened.
const OPENING: Duration = Duration::from_secs(1);

/// Where results are kept, and how much of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultsFile {
    /// The folder. It is made where it is missing.
    pub folder: PathBuf,
    /// The most bytes of the file.
    pub bytes: u64,
}

impl ResultsFile {
    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}

/// Looks at the results kept in a folder without changing anything; the file, and what it is found to be if it is there.
///
/// # Errors
/// Why it cannot be looked at.
pub fn examine(folder: &Path) -> Result<(PathBuf, Option<Examination>), DatabaseError> {
    let path = folder.join(FILE);
    let found = database::examine(&path, &SCHEMA, ENTRIES)?;
    Ok((path, found))
}

/// How far the file is.
enum Phase {
    /// It is being opened.
    Opening,
    /// It can be read.
    Open(Connection),
    /// It is not read, for whatever reason.
    Shut,
    /// The thread that wrote it has ended.
    Ended,
}

/// What the readers and the thread that writes share.
struct Desk {
    phase: Mutex<Phase>,
    changed: Condvar,
}

impl Desk {
    fn set(&self, phase: Phase) {
        let previous = std::mem::replace(&mut *lock(&self.phase), phase);
        self.changed.notify_all();
        drop(previous);
    }
}

/// Something for the thread that writes.
enum Message {
    Note(Note),
    /// What was read is not what should be there.
    Damaged,
}

/// The results of one file.
pub struct Store {
    desk: Arc<Desk>,
    /// The way to the thread, which writes all that is on it and ends when it is closed.
    inbox: Mutex<Option<SyncSender<Message>>>,
}

impl Store {
    /// Starts the thread that opens the file. Never fails: what cannot be opened holds nothing.
    pub fn start(place: ResultsFile) -> Store {
        let desk = Arc::new(Desk {
            phase: Mutex::new(Phase::Opening),
            changed: Condvar::new(),
        });
        let (inbox, messages) = sync_channel(WAITING);
        let of_thread = desk.clone();
        let thread = std::thread::Builder::new()
            .name("fovea-store".into())
            .spawn(move || writer::run(&place, &of_thread, &messages));
        if thread.is_err() {
            desk.set(Phase::Ended);
        }
        Store {
            desk,
            inbox: Mutex::new(Some(inbox)),
        }
    }

    /// Looks results up; one answer per key. For the model thread alone: it may wait for the disk.
    pub fn find(&self, keys: &[Key]) -> Vec<Option<Entry>> {
        let nothing = || vec![None; keys.len()];
        if keys.is_empty() {
            return nothing();
        }
        let opening = |phase: &mut Phase| matches!(phase, Phase::Opening);
        let (mut phase, waited) = self
            .desk
            .changed
            .wait_timeout_while(lock(&self.desk.phase), OPENING, opening)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            // A disk that hangs is waited for once. It is read as soon as it is there.
            *phase = Phase::Shut;
        }
        let Phase::Open(connection) = &*phase else {
            return nothing();
        };
        let found = match table::find(connection, keys) {
            Ok(found) => found,
            Err(error) => {
                // One who writes may hold everybody up for a moment; that is no reason to give up.
                if DatabaseError::from(error).calls_for_repair() {
                    *phase = Phase::Shut;
                    drop(phase);
                    self.send(Message::Damaged);
                }
                return nothing();
            }
        };
        drop(phase);
        let now = hour();
        let of_use = |(key, found): (&Key, &Option<table::Found>)| {
            let found = found.as_ref()?;
            (found.entry.is_some() && found.used < now).then_some(*key)
        };
        let used: Vec<Key> = keys.iter().zip(&found).filter_map(of_use).collect();
        if !used.is_empty() {
            self.send(Message::Note(Note::Used(used)));
        }
        found.into_iter().map(|found| found?.entry).collect()
    }

    /// Keeps a result, soon. Never waits.
    pub fn keep(&self, key: Key, entry: Entry) {
        self.send(Message::Note(Note::Keep(key, entry)));
    }

    /// Writes what is still to be written, and keeps nothing any more.
    pub fn end(&self) {
        drop(lock(&self.inbox).take());
    }

    /// As [`Store::end`], waiting until it is done, but no longer than `limit`.
    pub fn finish(&self, limit: Duration) {
        self.end();
        let working = |phase: &mut Phase| !matches!(phase, Phase::Ended);
        let _ended = self
            .desk
            .changed
            .wait_timeout_while(lock(&self.desk.phase), limit, working);
    }

    fn send(&self, message: Message) {
        // Full: the disk is slower than the model, and what does not fit is not kept. Closed: nothing is kept any more.
        let _ = lock(&self.inbox).as_ref().map(|inbox| inbox.try_send(message));
    }
}

/// The hour of the clock.
fn hour() -> Hour {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Hour::try_from(since.as_secs() / 3600).unwrap_or(Hour::MAX)
}
