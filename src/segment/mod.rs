//! Segments: a snapshot's units, which partition it, and its items, which are what people name.
//!
//! No I/O happens here, and nothing is truncated: text over the model's window is split at syntax, sentence, word and, in the
//! last resort, character borders.

mod ascii;
mod borders;
mod c_macros;
mod calls;
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
pub use parser::{InProcess, Parser, Purpose, Syntax, Tree, Unparsed, has_grammar, parse, use_parser};
pub use reading::Reading;

use self::reading::Previous;
use self::split::Blocks;
use crate::text::{ByteRange, Language, Snapshot};

/// What a unit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// A function, method or closure bound to a name, its attributes and doc comment included.
    Function,
    /// What is left of a class, impl, module … once its functions are taken out.
    Container,
    /// A group of neighboring statements outside any function.
    Statements,
    /// A paragraph of prose, with its heading where one stands directly above it.
    Paragraph,
    /// A fenced code block of a Markdown document.
    CodeBlock,
    /// A group of entries of a data file (JSON, TOML, YAML).
    Data,
}

/// A stretch of the document that is given to the model as one text.
///
/// The units of a document are in order and cover every byte exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Where it stands in the document.
    pub range: ByteRange,
    /// What it holds.
    pub kind: UnitKind,
    /// The function, type or heading it belongs to.
    pub name: Option<String>,
    /// The language of its text, which differs from the document's in fenced code blocks.
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
    /// A heading of a prose document, with all that stands under it.
    Heading,
    /// What of a file stands in no item, with the names of its items; made by the index, never by [`segment`].
    File,
}

impl ItemKind {
    /// Its name in JSON and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            ItemKind::Function => "function",
            ItemKind::Type => "type",
            ItemKind::Heading => "heading",
            ItemKind::File => "file",
        }
    }
}

/// What people name: a function, a type, a heading with its section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What the source calls it: `load_config`, `Config`, `Getting started`.
    pub name: String,
    /// Its kind.
    pub kind: ItemKind,
    /// The whole item, doc comment included.
    pub range: ByteRange,
    /// The name alone.
    pub name_range: ByteRange,
    /// The units inside it, as indices into [`Segments::units`]; never empty. The item's embedding is their token-weighted mean.
    pub units: std::ops::Range<usize>,
}

/// The units and items of one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segments {
    /// In order, covering every byte once; empty only for an empty document.
    pub units: Vec<Unit>,
    /// In order of their start; an outer item stands before the items inside it.
    pub items: Vec<Item>,
    /// Why the text was split by its lines although its language has a grammar.
    pub unparsed: Option<Unparsed>,
}

/// How many tokens a text takes, and how many the model reads at once.
pub struct Budget<'a> {
    /// Tokens of a text in a language, special tokens included.
    pub tokens: &'a dyn Fn(&str, Language) -> usize,
    /// The most tokens a unit may have, special tokens included; at least 8.
    pub window: usize,
}

/// Segments a snapshot with its syntax ([`parse`]).
///
/// A text of at most `window - 2` bytes is taken to fit and never measured, and no text of over `32 * window` bytes is
/// measured as a whole. What is measured are syntactic pieces, the same after an edit elsewhere: a cache behind
/// [`Budget::tokens`] pays.
pub fn segment(snapshot: &Snapshot, syntax: &Result<Syntax, Unparsed>, budget: &Budget) -> Segments {
    segment_after(snapshot, syntax, None, budget).0
}

/// As [`segment`]; what is as it was in a previous text is not measured.
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
    // The syntax of another text would lead nowhere.
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
