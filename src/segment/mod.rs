//! Segments of a snapshot: units, which partition it, and items, which have names.
//!
//! This module does no I/O and truncates nothing: text beyond the model's window is split at syntax, sentence, word and finally character
//! borders.

mod ascii;
mod blocks;
mod borders;
mod c_macros;
mod calls;
mod closings;
mod defining;
#[cfg(test)]
mod definitions;
mod dialect;
mod edit;
#[cfg(test)]
mod fixtures;
mod grammar;
mod markdown;
mod masking;
mod names;
mod outline;
mod pack;
mod parser;
mod parsing;
mod prose;
mod python;
mod reading;
mod rust_macros;
mod sections;
mod split;
mod syntax;
#[cfg(test)]
mod tests;
mod tokens;

pub use dialect::{is_header, language_of};
pub use edit::Edit;
pub use outline::Outline;
pub use parser::{Parser, Purpose, Syntax, Tree, Unparsed};
pub use parsing::{InProcess, has_grammar, parse, use_parser};
pub use reading::Reading;

use self::blocks::{Blocks, Previous};
use crate::text::{ByteRange, Language, Snapshot};

/// The content of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// A function, method or named closure, including its attributes and doc comment.
    Function,
    /// The rest of a class, impl or module without its functions.
    Container,
    /// A group of neighboring statements outside of functions.
    Statements,
    /// A paragraph of prose, including a heading directly above it.
    Paragraph,
    /// A fenced code block of a Markdown document.
    CodeBlock,
    /// A group of entries of a data file (JSON, TOML, YAML).
    Data,
}

/// A part of the document that the model reads as one text.
///
/// The units of a document are ordered and cover every byte exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its range in the document.
    pub range: ByteRange,
    /// Its content.
    pub kind: UnitKind,
    /// The name of its function, type or heading.
    pub name: Option<String>,
    /// The language of its text; in fenced code blocks it differs from the document's.
    pub language: Language,
}

/// The kind of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A function or method.
    Function,
    /// A class, struct, enum, trait, interface, impl or module.
    Type,
    /// A heading of a prose document, with its section.
    Heading,
    /// The text of a file outside of items, with the names of its items. The index creates it, never [`segment`].
    File,
}

impl ItemKind {
    /// Its name in JSON and in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            ItemKind::Function => "function",
            ItemKind::Type => "type",
            ItemKind::Heading => "heading",
            ItemKind::File => "file",
        }
    }
}

/// A named part of a document: a function, a type, a heading with its section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The name in the source: `load_config`, `Config`, `Getting started`.
    pub name: String,
    /// Its kind.
    pub kind: ItemKind,
    /// The range of the whole item, including its doc comment.
    pub range: ByteRange,
    /// The range of the name.
    pub name_range: ByteRange,
    /// The units inside it, as indices into [`Segments::units`]; never empty. Their token-weighted mean is the item's embedding.
    pub units: std::ops::Range<usize>,
}

/// The units and items of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segments {
    /// Ordered, covering every byte once; empty only for an empty document.
    pub units: Vec<Unit>,
    /// Ordered by start; an outer item precedes the items inside it.
    pub items: Vec<Item>,
    /// Why the text was split by lines although its language has a grammar.
    pub unparsed: Option<Unparsed>,
}

/// Measures the tokens of a text against the window of the model.
pub struct Budget<'a> {
    /// Number of tokens of a text in a language, including special tokens.
    pub tokens: &'a dyn Fn(&str, Language) -> usize,
    /// Maximum number of tokens of a unit, including special tokens; at least 8.
    pub window: usize,
}

/// Segments a snapshot, given its syntax ([`parse`]).
///
/// An ASCII text with clearly fewer bytes than the window has tokens is assumed to fit and never measured; a text of more than `32 * window`
/// bytes is never measured as a whole. Measured texts are syntactic pieces, which stay the same after an edit elsewhere, so a cache behind
/// [`Budget::tokens`] pays off.
pub fn segment(snapshot: &Snapshot, syntax: &Result<Syntax, Unparsed>, budget: &Budget) -> Segments {
    segment_after(snapshot, syntax, None, budget).0
}

/// As [`segment`], but reuses unchanged parts of a previous text without measuring them.
fn segment_after(
    snapshot: &Snapshot,
    syntax: &Result<Syntax, Unparsed>,
    previous: Option<&Previous<'_>>,
    budget: &Budget,
) -> (Segments, Blocks) {
    if snapshot.is_empty() {
        return (Segments::default(), Blocks::default());
    }
    let text = snapshot.rope().to_string();
    // The syntax of another text has invalid offsets.
    let syntax = syntax.as_ref().map_err(|&reason| reason).and_then(|syntax| {
        let fits = syntax.outline().fits(&text);
        fits.then_some(syntax).ok_or(Unparsed::Crashed)
    });
    let outline = match syntax {
        Ok(syntax) => syntax.outline().clone(),
        Err(_) => prose::of_text(&text, snapshot.language()),
    };
    let tree = syntax.ok().map(Syntax::tree);
    let (units, blocks) = split::units(&text, outline.fragments, tree, previous, budget);
    let items = outline
        .headings
        .into_iter()
        .filter_map(|heading| item(heading, &units))
        .collect();
    let unparsed = syntax.err().filter(|reason| reason.is_fault());
    let segments = Segments { units, items, unparsed };
    (segments, blocks)
}

fn item(heading: outline::Heading, units: &[Unit]) -> Option<Item> {
    let outline::Heading {
        name,
        kind,
        range,
        name_range,
    } = heading;
    let first = units.partition_point(|unit| unit.range.end <= range.start);
    let last = units.partition_point(|unit| unit.range.start < range.end);
    (first < last).then_some(Item {
        name,
        kind,
        range,
        name_range,
        units: first..last,
    })
}
