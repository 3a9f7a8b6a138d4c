//! Entry points for targets under `fuzz/`: answers of child processes as bytes.

use std::sync::{Arc, Mutex};

use super::wire::{self, Answer};
use crate::segment::{Budget, InProcess, Parser, Purpose, Segments, Syntax, Tree, Unparsed, segment};
use crate::text::{Language, Snapshot, source_words};

/// Encodes the answers of a child for a text: syntax and depths of lines.
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
        // Writing to memory cannot fail.
        let _ = wire::write(&mut bytes, &answer);
    }
    bytes
}

/// Segments a text with each answer of a child, up to the first invalid frame.
pub fn segments(mut answers: &[u8], text: &str) -> Vec<Segments> {
    let snapshot = Snapshot::new(text, 0, Language::Rust);
    let tokens = |text: &str, _| 2 + source_words(text).len();
    let budget = Budget {
        tokens: &tokens,
        window: 32,
    };
    let depths = Arc::new(FixedDepths::default());
    let mut syntaxes = Vec::new();
    while let Ok(Some(answer)) = wire::read(&mut answers) {
        match answer {
            Answer::Depths(received) => *depths.lock() = received,
            Answer::Syntax(syntax) => {
                syntaxes.push(syntax.map(|(outline, changed)| Syntax::new(outline, changed, depths.clone())));
            }
        }
    }
    let segments = syntaxes.iter().map(|syntax| segment(&snapshot, syntax, &budget));
    segments.collect()
}

/// A tree with predefined depths.
#[derive(Debug, Default)]
struct FixedDepths(Mutex<Vec<u32>>);

impl FixedDepths {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u32>> {
        super::lock(&self.0)
    }
}

impl Tree for FixedDepths {
    fn parse_again(&self, _: &Snapshot) -> Result<Syntax, Unparsed> {
        Err(Unparsed::Crashed)
    }

    fn depths(&self, _: &[usize], _: usize) -> Vec<u32> {
        self.lock().clone()
    }
}
