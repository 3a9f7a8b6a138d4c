//! Results that outlive the process: numbers by content address in an SQLite file, never any text.
//!
//! Only the model thread looks up results here; other threads use the cache in memory. A thread of its own opens the file, writes
//! results in batches, and sleeps while there are none. If the file fails in any way, the analysis goes on without it.

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

use super::address::Key;
use super::queue::lock;
use crate::database;
pub use crate::database::{DatabaseError, Examination};
pub use rows::Entry;
use table::{ENTRIES, Hour, Note, SCHEMA};

/// The name of the file in its folder.
const FILE: &str = "results.sqlite";

/// Maximum number of notes that wait to be written. If the disk is slower, further results are not stored.
const WAITING: usize = 4096;

/// Maximum time that the first lookup waits for the file to be opened.
const OPENING: Duration = Duration::from_secs(1);

/// The location and maximum size of the results file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultsFile {
    /// The folder; it is created if it is missing.
    pub folder: PathBuf,
    /// Maximum size of the file in bytes.
    pub bytes: u64,
}

impl ResultsFile {
    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}

/// Examines the results file in a folder without changing it; returns its path, and its state if it exists.
///
/// # Errors
/// The reason why it cannot be examined.
pub fn examine(folder: &Path) -> Result<(PathBuf, Option<Examination>), DatabaseError> {
    let path = folder.join(FILE);
    let found = database::examine(&path, &SCHEMA, ENTRIES)?;
    Ok((path, found))
}

/// The state of the file.
enum Phase {
    /// It is being opened.
    Opening,
    /// It can be read.
    Open(Connection),
    /// It is not read, for any reason.
    Shut,
    /// The writer thread has ended.
    Ended,
}

/// State that the readers and the writer thread share.
struct SharedPhase {
    phase: Mutex<Phase>,
    changed: Condvar,
}

impl SharedPhase {
    fn set(&self, phase: Phase) {
        let previous = std::mem::replace(&mut *lock(&self.phase), phase);
        self.changed.notify_all();
        drop(previous);
    }
}

/// A message to the writer thread.
enum Message {
    Note(Note),
    /// A lookup found the file damaged.
    Damaged,
}

/// The results of one file.
pub struct Store {
    shared: Arc<SharedPhase>,
    /// The channel to the thread, which ends after the last message when it closes.
    inbox: Mutex<Option<SyncSender<Message>>>,
}

impl Store {
    /// Starts the thread that opens the file. Never fails: a file that cannot be opened acts as empty.
    pub fn start(place: ResultsFile) -> Store {
        let shared = Arc::new(SharedPhase {
            phase: Mutex::new(Phase::Opening),
            changed: Condvar::new(),
        });
        let (inbox, messages) = sync_channel(WAITING);
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("fovea-results".into())
            .spawn(move || writer::run(&place, &for_thread, &messages));
        if thread.is_err() {
            shared.set(Phase::Ended);
        }
        Store {
            shared,
            inbox: Mutex::new(Some(inbox)),
        }
    }

    /// Looks up results; one answer per key. Only for the model thread, since it may wait for the disk.
    pub fn find(&self, keys: &[Key]) -> Vec<Option<Entry>> {
        let nothing = || vec![None; keys.len()];
        if keys.is_empty() {
            return nothing();
        }
        let opening = |phase: &mut Phase| matches!(phase, Phase::Opening);
        let (mut phase, waited) = self
            .shared
            .changed
            .wait_timeout_while(lock(&self.shared.phase), OPENING, opening)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            // Only the first lookup waits for a slow disk; lookups succeed as soon as the file is open.
            *phase = Phase::Shut;
        }
        let Phase::Open(connection) = &*phase else {
            return nothing();
        };
        let found = match table::find(connection, keys) {
            Ok(found) => found,
            Err(error) => {
                // Another process may lock the file for a moment, which is no reason to give up.
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
        let stale_use = |(key, found): (&Key, &Option<table::Found>)| {
            let found = found.as_ref()?;
            (found.entry.is_some() && found.used < now).then_some(*key)
        };
        let used: Vec<Key> = keys.iter().zip(&found).filter_map(stale_use).collect();
        if !used.is_empty() {
            self.send(Message::Note(Note::Used(used)));
        }
        found.into_iter().map(|found| found?.entry).collect()
    }

    /// Queues a result for writing. Never waits.
    pub fn keep(&self, key: Key, entry: Entry) {
        self.send(Message::Note(Note::Keep(key, entry)));
    }

    /// Writes all queued results, and stores nothing after that.
    pub fn end(&self) {
        drop(lock(&self.inbox).take());
    }

    /// Same as [`Store::end`], and waits until it is done, but at most `limit`.
    pub fn finish(&self, limit: Duration) {
        self.end();
        let working = |phase: &mut Phase| !matches!(phase, Phase::Ended);
        let _ended = self
            .shared
            .changed
            .wait_timeout_while(lock(&self.shared.phase), limit, working);
    }

    fn send(&self, message: Message) {
        // Full: the disk is slower than the model, and the result is not stored. Closed: nothing is stored any more.
        let _ = lock(&self.inbox).as_ref().map(|inbox| inbox.try_send(message));
    }
}

/// The current time in hours since 1970.
fn hour() -> Hour {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Hour::try_from(since.as_secs() / 3600).unwrap_or(Hour::MAX)
}
