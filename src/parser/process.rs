//! A child process that starts on demand and restarts after it has ended.

use std::ffi::OsString;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::wire::{self, Answer, GREETING, Request, TextId};

/// Timeout of an answer, from the first byte of the request on; the child's own watchdog fires earlier.
const TIMEOUT: Duration = Duration::from_secs(6);

/// The command line of a child.
#[derive(Debug, Clone)]
pub struct Program {
    /// The path of the program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The child could not be started.
    #[error("cannot start {}: {source}", path.display())]
    NotStarted { path: PathBuf, source: io::Error },
    /// The child ended, or was ended after an invalid answer or a timeout.
    #[error("the process ended")]
    Ended,
    /// The tree belonged to an earlier child.
    #[error("the tree is lost")]
    Lost,
}

/// A child process that parses, possibly not running.
#[derive(Debug)]
pub(super) struct Process {
    program: Program,
    timeout: Duration,
    state: Mutex<ProcessState>,
}

#[derive(Debug, Default)]
struct ProcessState {
    running: Option<Running>,
    /// Number of started children. Trees of earlier children are lost.
    generation: u64,
    next: TextId,
    /// Trees that are no longer needed.
    forgotten: Vec<TextId>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// Frames for the thread of the pipes, which may wait for the child; the last request has an answer.
    requests: Sender<Vec<u8>>,
    answers: Receiver<Answer>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // The child may be busy for seconds, and has nothing to save. After its end, this only waits.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Identifies a tree in a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub generation: u64,
    pub id: TextId,
}

impl Process {
    pub fn new(program: Program) -> Self {
        Self {
            program,
            timeout: TIMEOUT,
            state: Mutex::default(),
        }
    }

    /// Asks the child to parse; `request` creates the request for the new text's identifier.
    ///
    /// # Errors
    /// [`Failure`] gives the reason; [`Failure::Lost`] if `of` is a tree of an earlier child.
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
        let answer = state.ask(&request(held.id), self.timeout)?;
        Ok((held, answer))
    }

    /// Asks about a tree.
    ///
    /// # Errors
    /// [`Failure`] gives the reason.
    pub fn ask(&self, held: Held, request: &Request<'_>) -> Result<Answer, Failure> {
        let mut state = self.state();
        if state.running.is_none() || held.generation != state.generation {
            return Err(Failure::Lost);
        }
        state.ask(request, self.timeout)
    }

    /// Tells the child to drop a tree, together with the next request.
    pub fn forget(&self, held: Held) {
        let mut state = self.state();
        if held.generation == state.generation {
            state.forgotten.push(held.id);
        }
    }

    fn state(&self) -> MutexGuard<'_, ProcessState> {
        // The child and the counters stay valid after a panic, so a poisoned lock is accepted.
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
    /// Sends a request and waits for the answer. A child that fails is ended.
    fn ask(&mut self, request: &Request<'_>, timeout: Duration) -> Result<Answer, Failure> {
        let forgotten = std::mem::take(&mut self.forgotten);
        let answer = self.running.as_mut().and_then(|running| {
            let mut frames = Vec::new();
            if !forgotten.is_empty() {
                frames = wire::encode(frames, &Request::Forget(forgotten)).ok()?;
            }
            running.requests.send(wire::encode(frames, request).ok()?).ok()?;
            running.answers.recv_timeout(timeout).ok()
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
        // Abort messages of a scanner are of no use, and stderr may be the editor's log.
        .stderr(Stdio::null())
        .spawn()?;
    let (requests, frames) = mpsc::channel::<Vec<u8>>();
    let (sender, answers) = mpsc::channel();
    let (greeted, greeting) = mpsc::channel();
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (mut input, output) = pipes.ok_or_else(|| io::Error::other("no pipes"))?;
    let running = Running {
        child,
        requests,
        answers,
    };
    // A child that does not read blocks this thread, and whoever waits for the answer ends the child.
    std::thread::Builder::new()
        .name("fovea-parser".to_owned())
        .spawn(move || {
            let mut output = BufReader::new(output);
            let greeting = wire::read::<String>(&mut output);
            let sound = matches!(&greeting, Ok(Some(greeting)) if greeting == GREETING);
            if greeted.send(sound).is_err() || !sound {
                return;
            }
            // Ends with the child or at an invalid answer; the receiver notices the closed channel.
            for frames in frames {
                let written = input.write_all(&frames).and_then(|()| input.flush());
                let Ok(Some(answer)) = written.and_then(|()| wire::read(&mut output)) else {
                    return;
                };
                if sender.send(answer).is_err() {
                    return;
                }
            }
        })?;
    match greeting.recv_timeout(TIMEOUT) {
        Ok(true) => Ok(running),
        // Dropping `running` ends the child.
        _ => Err(io::Error::other(
            "it is another version of Fovea, or exited at once; restart Fovea",
        )),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::parser::wire::Text;
    use crate::text::Language;

    #[test]
    fn a_child_that_does_not_read_is_ended_even_if_a_text_fills_the_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let greeting = folder.path().join("greeting");
        let mut frame = Vec::new();
        wire::write(&mut frame, &GREETING).unwrap();
        std::fs::write(&greeting, frame).unwrap();
        let process = Process {
            timeout: Duration::from_millis(300),
            ..Process::new(Program {
                path: "/bin/sh".into(),
                arguments: ["-c", "cat \"$0\"; exec sleep 20"]
                    .map(OsString::from)
                    .into_iter()
                    .chain([greeting.into()])
                    .collect(),
            })
        };
        let (sender, outcome) = mpsc::channel();
        std::thread::spawn(move || {
            let text = "x = 1\n".repeat(100_000);
            let parsed = process.parse(None, |id| Request::Parse {
                id,
                language: Language::Python,
                text: Text::Whole(&text),
            });
            sender.send(matches!(parsed, Err(Failure::Ended)))
        });
        assert_eq!(outcome.recv_timeout(TIMEOUT), Ok(true));
    }
}
