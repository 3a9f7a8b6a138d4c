//! The process that parses: it reads requests on stdin and answers on stdout until its parent closes the pipe.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use super::wire::{self, Answer, GREETING, Request, Text, TextId};
use crate::segment::{InProcess, Parser, Purpose, Syntax, Unparsed};
use crate::text::Snapshot;

/// The most address space that this process may use, in bytes. A tree takes some tens of bytes per byte of text.
const MEMORY: u64 = 2 << 30;

/// An answer takes no longer. A grammar is told to stop after two seconds; a scanner that loops hears nothing.
const PATIENCE: Duration = Duration::from_secs(4);

/// Answers requests until the input ends.
///
/// # Errors
/// Those of the pipes, and a request that is none.
pub fn run(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    limit();
    let watchdog = watchdog()?;
    wire::write(&mut output, &GREETING)?;
    let mut texts: HashMap<TextId, (Snapshot, Syntax)> = HashMap::new();
    let mut frame = Vec::new();
    while wire::read_frame(&mut input, &mut frame)? {
        let _ = watchdog.send(Watch::Begin);
        let answer = match wire::decode(&frame)? {
            Request::Parse { id, language, text } => Some(parse(&mut texts, id, |texts| match text {
                Text::Whole(text) => Some((Snapshot::new(text, 0, language), None)),
                Text::Edit { of, replaced, by } => {
                    let (old, syntax) = texts.get(&of)?;
                    Some((old.replaced(replaced, by)?, Some(syntax.clone())))
                }
            })),
            Request::Depths { id, starts, end } => {
                let depths = texts.get(&id).map(|(_, syntax)| syntax.tree().depths(&starts, end));
                Some(Answer::Depths(depths.unwrap_or_default()))
            }
            Request::Forget(ids) => {
                ids.iter().for_each(|id| drop(texts.remove(id)));
                None
            }
        };
        let _ = watchdog.send(Watch::End);
        if let Some(answer) = answer {
            wire::write(&mut output, &answer)?;
        }
    }
    Ok(())
}

type Texts = HashMap<TextId, (Snapshot, Syntax)>;

fn parse(texts: &mut Texts, id: TextId, find: impl FnOnce(&Texts) -> Option<(Snapshot, Option<Syntax>)>) -> Answer {
    // An edit of a text that we do not have can only be a mistake of the parent, which then asks about the whole text.
    let Some((snapshot, before)) = find(texts) else {
        return Answer::Syntax(Err(Unparsed::Crashed));
    };
    let syntax = match before {
        Some(before) => before.tree().parse_again(&snapshot),
        None => InProcess.parse(&snapshot, Purpose::Once),
    };
    let answer = syntax
        .as_ref()
        .map(|syntax| (syntax.outline().clone(), syntax.changed().to_vec()));
    let answer = answer.map_err(|&reason| reason);
    if let Ok(syntax) = syntax {
        texts.insert(id, (snapshot, syntax));
    }
    Answer::Syntax(answer)
}

/// What the watchdog is told.
enum Watch {
    Begin,
    End,
}

/// Starts a thread that ends this process if an answer takes too long, also if the parent is not there to do so.
fn watchdog() -> io::Result<Sender<Watch>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("fovea-watchdog".to_owned())
        .spawn(move || {
            while let Ok(watch) = receiver.recv() {
                let late = || matches!(receiver.recv_timeout(PATIENCE), Err(RecvTimeoutError::Timeout));
                if matches!(watch, Watch::Begin) && late() {
                    std::process::abort();
                }
            }
        })?;
    Ok(sender)
}

/// Bounds what this process may take, and keeps its crashes small.
#[cfg(unix)]
fn limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let lower = |resource, bound: u64| {
        let maximum = getrlimit(resource).maximum;
        let bound = maximum.map_or(bound, |maximum| maximum.min(bound));
        let limit = Rlimit {
            current: Some(bound),
            maximum: Some(bound),
        };
        // A system that has no such limit parses without.
        let _ = setrlimit(resource, limit);
    };
    // A sanitizer reserves terabytes of addresses.
    if !cfg!(fuzzing) {
        lower(Resource::As, MEMORY);
    }
    // A crash leaves no image of the memory, which holds the text.
    lower(Resource::Core, 0);
}

/// Bounds what this process may take, and keeps its crashes small.
#[cfg(not(unix))]
fn limit() {}
