//! One child process, started when it is needed and again after it ended.

use std::ffi::OsString;
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::wire::{self, Answer, GREETING, Request, TextId};

/// An answer that takes longer does not come: the child's own watchdog ends it before.
const PATIENCE: Duration = Duration::from_secs(6);

/// How a child is started.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No child could be started.
    #[error("cannot start {}: {source}", path.display())]
    NotStarted { path: PathBuf, source: io::Error },
    /// The child ended, or said something that makes no sense, so that we ended it.
    #[error("the process ended")]
    Ended,
    /// The tree belonged to a child that has ended.
    #[error("the tree is lost")]
    Lost,
}

/// A child process that parses, or the place of one.
#[derive(Debug)]
pub(super) struct Process {
    program: Program,
    state: Mutex<ProcessState>,
}

#[derive(Debug, Default)]
struct ProcessState {
    running: Option<Running>,
    /// How often a child was started. Trees of an earlier child are lost.
    generation: u64,
    next: TextId,
    /// Trees that nobody needs any more.
    forgotten: Vec<TextId>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Answer>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be busy for seconds, and has nothing to lose. A child that has ended already is only waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tree of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub generation: u64,
    pub id: TextId,
}

impl Process {
    pub fn new(program: Program) -> Self {
        Self {
            program,
            state: Mutex::default(),
        }
    }

    /// Asks the child to parse. `request` makes the request, given the name of the new text.
    ///
    /// # Errors
    /// [`Failure`] says why nothing was answered; [`Failure::Lost`] if `of` is a tree of an earlier child.
    pub fn parse<'a>(
        &self,
        of: Option<Held>,
        request: impl FnOnce(TextId) -> Request<'a>,
    ) -> Result<(Held, Answer), Failure> {
        let mut state = self.state();
        if of.is_some_and(|held| state.running.is_none() || held.generation != state.generation) {
            return Err(Failure::Lost);
        }
        self.start(&mut state)?;
        state.next += 1;
        let held = Held {
            generation: state.generation,
            id: state.next,
        };
        let answer = state.ask(&request(held.id))?;
        Ok((held, answer))
    }

    /// Asks about a tree.
    ///
    /// # Errors
    /// [`Failure`] says why nothing was answered.
    pub fn ask(&self, held: Held, request: &Request<'_>) -> Result<Answer, Failure> {
        let mut state = self.state();
        if state.running.is_none() || held.generation != state.generation {
            return Err(Failure::Lost);
        }
        state.ask(request)
    }

    /// Lets the child forget a tree, with its next request.
    pub fn forget(&self, held: Held) {
        let mut state = self.state();
        if held.generation == state.generation {
            state.forgotten.push(held.id);
        }
    }

    fn state(&self) -> MutexGuard<'_, ProcessState> {
        // Whoever panicked left a child and counters, which stay true.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, state: &mut ProcessState) -> Result<(), Failure> {
        if state.running.is_some() {
            return Ok(());
        }
        let running = start(&self.program).map_err(|source| Failure::NotStarted {
            path: self.program.path.clone(),
            source,
        })?;
        state.generation += 1;
        state.forgotten.clear();
        state.running = Some(running);
        Ok(())
    }
}

impl ProcessState {
    /// Gives the child a request, and waits for the answer. A child that fails is ended.
    fn ask(&mut self, request: &Request<'_>) -> Result<Answer, Failure> {
        let forgotten = std::mem::take(&mut self.forgotten);
        let answer = self.running.as_mut().and_then(|running| {
            if !forgotten.is_empty() {
                wire::write(&mut running.input, &Request::Forget(forgotten)).ok()?;
            }
            wire::write(&mut running.input, request).ok()?;
            running.answers.recv_timeout(PATIENCE).ok()
        });
        if answer.is_none() {
            self.running = None;
        }
        answer.ok_or(Failure::Ended)
    }
}

fn start(program: &Program) -> io::Result<Running> {
    let mut child = Command::new(&program.path)
        .args(&program.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What a scanner says when it aborts helps nobody, and stderr may be the editor's log.
        .stderr(Stdio::null())
        .spawn()?;
    let (sender, answers) = mpsc::channel();
    let (greeted, greeting) = mpsc::channel();
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (input, output) = pipes.ok_or_else(|| io::Error::other("no pipes"))?;
    let running = Running { child, input, answers };
    std::thread::Builder::new()
        .name("fovea-parser".to_owned())
        .spawn(move || {
            let mut output = BufReader::new(output);
            let greeting = wire::read::<String>(&mut output);
            let sound = matches!(&greeting, Ok(Some(greeting)) if greeting == GREETING);
            if greeted.send(sound).is_err() || !sound {
                return;
            }
            // Ends with the child, or with what is no answer: whoever waits hears of it by the end of the channel.
            while let Ok(Some(answer)) = wire::read(&mut output) {
                if sender.send(answer).is_err() {
                    return;
                }
            }
        })?;
    match greeting.recv_timeout(PATIENCE) {
        Ok(true) => Ok(running),
        // Dropping it ends the child.
        _ => Err(io::Error::other("it is another version of Fovea, or ended at once")),
    }
}
