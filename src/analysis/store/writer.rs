//! The thread that opens the results file and writes to it.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::pool::lower_priority;
use super::table::{self, Note, SCHEMA};
use super::{Message, Phase, ResultsFile, SharedPhase, hour};
use crate::database::{self, DatabaseError};

/// Messages that arrive within this time are written together.
const GATHER: Duration = Duration::from_millis(200);

/// Maximum number of notes per write.
const BATCH: usize = 256;

/// Maximum number of repairs per process; more frequent damage has a cause outside of Fovea.
const MAX_REPAIRS: u32 = 3;

/// Opens the file and writes until the channel closes.
pub(super) fn run(place: &ResultsFile, shared: &SharedPhase, messages: &Receiver<Message>) {
    struct Last<'a>(&'a SharedPhase);
    impl Drop for Last<'_> {
        fn drop(&mut self) {
            self.0.set(Phase::Ended);
        }
    }
    let _last = Last(shared);
    let Some(mut writer) = Writer::open(place, shared) else {
        return;
    };
    // Not earlier, because the first lookup waits for the file to be open.
    lower_priority();
    loop {
        let (notes, next) = gather(messages);
        let sound = writer.write(&notes);
        match next {
            Next::End => return,
            Next::More if sound => {}
            _ if writer.repair(shared) => {}
            _ => return,
        }
    }
}

/// The reason why gathering ended.
enum Next {
    More,
    Repair,
    End,
}

/// Waits for the first note, and then for a moment for more.
fn gather(messages: &Receiver<Message>) -> (Vec<Note>, Next) {
    let mut notes = Vec::new();
    let mut until: Option<Instant> = None;
    while notes.len() < BATCH {
        let message = match until {
            None => messages.recv().ok(),
            Some(until) => match messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) => Some(message),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => break,
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            },
        };
        match message {
            Some(Message::Note(note)) => notes.push(note),
            Some(Message::Damaged) => return (notes, Next::Repair),
            None => return (notes, Next::End),
        }
        until.get_or_insert_with(|| Instant::now() + GATHER);
    }
    (notes, Next::More)
}

/// The connection that writes, and its state.
pub(super) struct Writer {
    /// The file.
    pub(super) connection: Connection,
    path: PathBuf,
    limit: u64,
    /// Whether the last write failed, so that a full disk is logged once.
    failing: bool,
    /// Number of repairs so far.
    repairs: u32,
}

impl Writer {
    /// Opens the file and allows lookups.
    pub(super) fn open(place: &ResultsFile, shared: &SharedPhase) -> Option<Writer> {
        let path = place.file();
        let opened =
            database::open(&path, &SCHEMA).and_then(|connection| Ok((connection, database::open_to_read(&path)?)));
        match opened {
            Ok((connection, reader)) => {
                shared.set(Phase::Open(reader));
                Some(Writer {
                    connection,
                    path,
                    limit: place.bytes,
                    failing: false,
                    repairs: 0,
                })
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot open the results file; results stay in memory");
                None
            }
        }
    }

    /// Writes notes; logs a first failure. `false` if the file needs repair.
    pub(super) fn write(&mut self, notes: &[Note]) -> bool {
        if notes.is_empty() {
            return true;
        }
        let written = table::write(&mut self.connection, notes, hour());
        let written = written.and_then(|()| table::bound(&mut self.connection, self.limit));
        let Err(error) = written.map_err(DatabaseError::from) else {
            self.failing = false;
            return true;
        };
        if error.calls_for_repair() {
            return false;
        }
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(path = %self.path.display(), %error, "cannot write results; they stay in memory");
        }
        true
    }

    /// Opens the file again, which empties it if it is damaged; `false` if it is no longer used.
    fn repair(&mut self, shared: &SharedPhase) -> bool {
        shared.set(Phase::Shut);
        self.repairs += 1;
        if self.repairs > MAX_REPAIRS {
            tracing::warn!(path = %self.path.display(), "the results file was damaged repeatedly; results stay in memory");
            return false;
        }
        let again = database::repair(&self.path, &SCHEMA, None)
            .and_then(|connection| Ok((connection, database::open_to_read(&self.path)?)));
        match again {
            Ok((connection, reader)) => {
                self.connection = connection;
                shared.set(Phase::Open(reader));
                true
            }
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "cannot open the results file; results stay in memory");
                false
            }
        }
    }
}
