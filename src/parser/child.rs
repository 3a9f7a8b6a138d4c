//! The parser process: answers requests from stdin on stdout until its parent closes the pipe.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use super::wire::{self, Answer, GREETING, Request, Text, TextId};
use crate::segment::{InProcess, Parser, Purpose, Syntax, Unparsed};
use crate::text::Snapshot;

/// Maximum address space of this process in bytes. A tree takes a few dozen bytes per byte of text.
#[cfg(unix)]
const MEMORY: u64 = 2 << 30;

/// Maximum time per answer. A grammar aborts after two seconds, but a looping scanner does not notice.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Answers requests until the input ends.
///
/// # Errors
/// Errors of the pipes, and invalid requests.
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
    // The parent edited a text that this process lacks; the error makes it send the whole text.
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

/// Events for the watchdog.
enum Watch {
    Begin,
    End,
}

/// Starts a thread that ends this process if an answer takes too long. It works even without the parent.
fn watchdog() -> io::Result<Sender<Watch>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("fovea-watchdog".to_owned())
        .spawn(move || {
            while let Ok(watch) = receiver.recv() {
                let late = || matches!(receiver.recv_timeout(TIMEOUT), Err(RecvTimeoutError::Timeout));
                if matches!(watch, Watch::Begin) && late() {
                    std::process::abort();
                }
            }
        })?;
    Ok(sender)
}

/// Limits the resources of this process, and disables core dumps.
#[cfg(unix)]
fn limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let lower_limit = |resource, bound: u64| {
        let maximum = getrlimit(resource).maximum;
        let bound = maximum.map_or(bound, |maximum| maximum.min(bound));
        let limit = Rlimit {
            current: Some(bound),
            maximum: Some(bound),
        };
        // A system without this limit parses without it.
        let _ = setrlimit(resource, limit);
    };
    // Sanitizers reserve terabytes of address space.
    if !cfg!(fuzzing) {
        lower_limit(Resource::As, MEMORY);
    }
    // A core dump would contain the text.
    lower_limit(Resource::Core, 0);
}

/// Limits the resources of this process, and disables core dumps.
#[cfg(not(unix))]
fn limit() {}
