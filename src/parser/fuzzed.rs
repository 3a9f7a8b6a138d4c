//! Answers of children as bytes, for the targets under `fuzz/`.

use std::sync::{Arc, Mutex};

use super::wire::{self, Answer};
use crate::segment::{Budget, InProcess, Parser, Purpose, Segments, Syntax, Tree, Unparsed, segment};
use crate::text::{Language, Snapshot, source_words};

/// What a child answers for a text, parsed in this process, and how deep its lines begin.
pub fn answer(snapshot: &Snapshot) -> Vec<u8> {
    let syntax = InProcess.parse(snapshot, Purpose::Once);
    let starts: Vec<usize> = (0..snapshot.line_count())
        .map(|line| snapshot.line_range(line).start)
        .collect();
    let depths = syntax
        .as_ref()
        .map(|syntax| syntax.tree().depths(&starts, snapshot.len()));
    let outline = syntax
        .as_ref()
        .map(|syntax| (syntax.outline().clone(), syntax.changed().to_vec()));
    let mut bytes = Vec::new();
    for answer in [
        Answer::Syntax(outline.map_err(|&reason| reason)),
        Answer::Depths(depths.unwrap_or_default()),
    ] {
        // Memory takes everything.
        let _ = wire::write(&mut bytes, &answer);
    }
    bytes
}

/// What is made of a text for each answer of a child, up to the first frame that is none.
pub fn segments(mut answers: &[u8], text: &str) -> Vec<Segments> {
    let snapshot = Snapshot::new(text, 0, Language::Rust);
    let tokens = |text: &str, _| 2 + source_words(text).len();
    let budget = Budget {
        tokens: &tokens,
        window: 32,
    };
    let depths = Arc::new(Told::default());
    let mut syntaxes = Vec::new();
    while let Ok(Some(answer)) = wire::read(&mut answers) {
        match answer {
            Answer::Depths(told) => *depths.lock() = told,
            Answer::Syntax(syntax) => {
                syntaxes.push(syntax.map(|(outline, changed)| Syntax::new(outline, changed, depths.clone())));
            }
        }
    }
    let segments = syntaxes.iter().map(|syntax| segment(&snapshot, syntax, &budget));
    segments.collect()
}

/// A tree that says what it was told to say.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<u32>>);

impl Told {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u32>> {
        super::lock(&self.0)
    }
}

impl Tree for Told {
    fn parse_again(&self, _: &Snapshot) -> Result<Syntax, Unparsed> {
        Err(Unparsed::Crashed)
    }

    fn depths(&self, _: &[usize], _: usize) -> Vec<u32> {
        self.lock().clone()
    }
}
