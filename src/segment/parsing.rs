//! The parser of this process: the grammars themselves, unless another parser replaces them.

use std::sync::{Arc, OnceLock};

use super::markdown::of_markdown;
use super::outline::{Outline, of_code};
use super::parser::{Parser, Purpose, Syntax, Tree, Unparsed};
use super::{borders, grammar, syntax};
use crate::text::{ByteRange, Language, Snapshot};

static PARSER: OnceLock<Box<dyn Parser>> = OnceLock::new();

/// Replaces [`InProcess`] as the parser of this process. Only the first call has an effect.
pub fn use_parser(parser: Box<dyn Parser>) {
    // A second parser would return the same results.
    let _ = PARSER.set(parser);
}

/// Parses a text that is read once.
///
/// # Errors
/// [`Unparsed`] gives the reason.
pub fn parse(snapshot: &Snapshot) -> Result<Syntax, Unparsed> {
    parser().parse(snapshot, Purpose::Once)
}

/// The parser of this process.
pub(super) fn parser() -> &'static dyn Parser {
    PARSER.get().map_or(&InProcess, |parser| &**parser)
}

/// Parses in this process. A text that crashes a grammar ends the process.
#[derive(Debug, Clone, Copy)]
pub struct InProcess;

impl Parser for InProcess {
    fn parse(&self, snapshot: &Snapshot, _: Purpose) -> Result<Syntax, Unparsed> {
        let tree = syntax::parse(snapshot, None)?;
        Ok(in_process(snapshot, tree, Vec::new()))
    }
}

impl Tree for syntax::Tree {
    fn parse_again(&self, next: &Snapshot) -> Result<Syntax, Unparsed> {
        let (tree, changed) = syntax::parse_again(next, self)?;
        Ok(in_process(next, tree, changed))
    }

    fn depths(&self, starts: &[usize], end: usize) -> Vec<u32> {
        borders::depths(self.root(), starts, end)
    }
}

fn in_process(snapshot: &Snapshot, tree: syntax::Tree, changed: Vec<ByteRange>) -> Syntax {
    let outline = outline(&snapshot.rope().to_string(), &tree, snapshot.language());
    Syntax::new(outline, changed, Arc::new(tree))
}

/// The outline of a text with this syntax tree.
fn outline(text: &str, tree: &syntax::Tree, language: Language) -> Outline {
    match language {
        Language::Markdown => of_markdown(text, tree.root()),
        _ => of_code(text, tree.root(), tree.grammar(), language),
    }
}

/// Whether the language of a text has a grammar.
pub fn has_grammar(snapshot: &Snapshot) -> bool {
    grammar::of(snapshot.language()).is_some()
}
