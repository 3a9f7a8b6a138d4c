//! Parses in child processes.
//!
//! The scanners of grammars are third-party C code, and some texts crash them or make them loop. So the server delegates parsing to
//! children of its own program. If a text ends its child, the text is split at lines, and the next text starts a new child. Text never
//! leaves the machine and is never written to a file.

mod child;
#[cfg(fuzzing)]
pub mod fuzzed;
mod process;
mod wire;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

pub use child::run;
pub use process::Program;

use self::process::{Failure, Held, Process};
use self::wire::{Answer, Request, Text};
use crate::segment::{Edit, Parser, Purpose, Syntax, Tree, Unparsed, has_grammar};
use crate::text::Snapshot;

/// Number of crashing texts that are remembered.
const MAX_CRASHED: usize = 256;

/// Number of idle children kept for texts that are read once.
const MAX_IDLE: usize = 2;

/// Child processes that parse.
#[derive(Debug)]
pub struct Processes {
    program: Program,
    /// Parses open documents, and keeps their trees between versions.
    documents: Arc<Process>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Idle children for texts that are read once.
    idle: Mutex<Vec<Arc<Process>>>,
    /// Hashes of texts that ended a child, oldest first.
    crashed: Mutex<VecDeque<[u8; 32]>>,
}

impl Processes {
    /// Configures children of this program; each starts on first use.
    pub fn new(program: Program) -> Self {
        Self {
            documents: Arc::new(Process::new(program.clone())),
            program,
            shared: Arc::default(),
        }
    }
}

impl Parser for Processes {
    fn parse(&self, snapshot: &Snapshot, purpose: Purpose) -> Result<Syntax, Unparsed> {
        if !has_grammar(snapshot) {
            return Err(Unparsed::NoGrammar);
        }
        match purpose {
            Purpose::Document => whole(&self.shared, &self.documents, purpose, snapshot),
            Purpose::Once => {
                let idle = lock(&self.shared.idle).pop();
                let process = idle.unwrap_or_else(|| Arc::new(Process::new(self.program.clone())));
                whole(&self.shared, &process, purpose, snapshot)
            }
        }
    }
}

/// Parses a text from scratch.
fn whole(
    shared: &Arc<Shared>,
    process: &Arc<Process>,
    purpose: Purpose,
    snapshot: &Snapshot,
) -> Result<Syntax, Unparsed> {
    let text = snapshot.rope().to_string();
    let hash = shared.hash_of_crash(&text, snapshot);
    if let Some(known) = hash
        && lock(&shared.crashed).contains(&known)
    {
        return Err(Unparsed::Crashed);
    }
    // Try twice, because a child may end for a reason unrelated to the text.
    for _ in 0..2 {
        let request = |id| Request::Parse {
            id,
            language: snapshot.language(),
            text: Text::Whole(&text),
        };
        match process.parse(None, request) {
            Ok((held, answer)) => return syntax(shared, process, purpose, snapshot, held, answer),
            Err(Failure::Ended | Failure::Lost) => {}
            Err(Failure::NotStarted { path, source }) => {
                tracing::warn!(path = %path.display(), %source, "the parser process does not start");
                return Err(Unparsed::NotStarted);
            }
        }
    }
    tracing::warn!(
        language = snapshot.language().name(),
        bytes = text.len(),
        "a grammar crashed on a text"
    );
    shared.remember_crash(hash_of(&text, snapshot));
    Err(Unparsed::Crashed)
}

fn syntax(
    shared: &Arc<Shared>,
    process: &Arc<Process>,
    purpose: Purpose,
    snapshot: &Snapshot,
    held: Held,
    answer: Answer,
) -> Result<Syntax, Unparsed> {
    let Answer::Syntax(answer) = answer else {
        return Err(Unparsed::Crashed);
    };
    let tree = Remote {
        shared: shared.clone(),
        process: process.clone(),
        purpose,
        snapshot: snapshot.clone(),
        held,
    };
    let (outline, changed) = answer?;
    Ok(Syntax::new(outline, changed, Arc::new(tree)))
}

impl Shared {
    /// The hash of a text, if any text has crashed a grammar. Most sessions never need it.
    fn hash_of_crash(&self, text: &str, snapshot: &Snapshot) -> Option<[u8; 32]> {
        let any = !lock(&self.crashed).is_empty();
        any.then(|| hash_of(text, snapshot))
    }

    fn remember_crash(&self, hash: [u8; 32]) {
        let mut crashed = lock(&self.crashed);
        if crashed.len() == MAX_CRASHED {
            crashed.pop_front();
        }
        crashed.push_back(hash);
    }
}

fn hash_of(text: &str, snapshot: &Snapshot) -> [u8; 32] {
    let language = snapshot.language().name();
    Sha256::new()
        .chain_update(language)
        .chain_update([0])
        .chain_update(text)
        .finalize()
        .into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The list stays valid after a panic, so a poisoned lock is accepted.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A tree in a child process.
#[derive(Debug)]
struct Remote {
    shared: Arc<Shared>,
    process: Arc<Process>,
    purpose: Purpose,
    snapshot: Snapshot,
    held: Held,
}

impl Tree for Remote {
    fn parse_again(&self, next: &Snapshot) -> Result<Syntax, Unparsed> {
        let everything = || whole(&self.shared, &self.process, self.purpose, next).map(changed_everywhere(next));
        if next.language() != self.snapshot.language() {
            return everything();
        }
        let (replaced, by) = match Edit::between(self.snapshot.rope(), next.rope()) {
            Some(edit) => edit.of_text(self.snapshot.rope(), next.rope()),
            None => (0..0, String::new()),
        };
        let request = |id| Request::Parse {
            id,
            language: next.language(),
            text: Text::Edit {
                of: self.held.id,
                replaced,
                by: &by,
            },
        };
        match self.process.parse(Some(self.held), request) {
            Ok((held, answer)) => syntax(&self.shared, &self.process, self.purpose, next, held, answer),
            // The child has ended, because of this text or earlier. A new child will show which.
            Err(_) => everything(),
        }
    }

    fn depths(&self, starts: &[usize], end: usize) -> Vec<u32> {
        let request = Request::Depths {
            id: self.held.id,
            starts: starts.to_vec(),
            end,
        };
        match self.process.ask(self.held, &request) {
            Ok(Answer::Depths(depths)) => depths,
            _ => Vec::new(),
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.process.forget(self.held);
        if self.purpose == Purpose::Once {
            let mut idle = lock(&self.shared.idle);
            if idle.len() < MAX_IDLE {
                idle.push(self.process.clone());
            }
        }
    }
}

/// Marks the whole text as changed, for a syntax that was parsed from scratch.
fn changed_everywhere(snapshot: &Snapshot) -> impl FnOnce(Syntax) -> Syntax {
    let all = 0..snapshot.len();
    move |syntax| syntax.changed_in(vec![all])
}
