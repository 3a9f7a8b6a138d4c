//! The syntax that segmentation needs, and the interface of parsers.
//!
//! Grammars contain C scanners that a text can crash ([`crate::parser`] keeps them out of the server's process). So this interface does not
//! expose a syntax tree: segmentation reads an [`Outline`], and asks for the depth of lines where a fragment is too long for the model.

use std::fmt::Debug;
use std::sync::Arc;

use super::outline::Outline;
use crate::text::{ByteRange, Snapshot};

/// Parses texts.
pub trait Parser: Debug + Send + Sync {
    /// Parses a text from scratch.
    ///
    /// # Errors
    /// [`Unparsed`] gives the reason.
    fn parse(&self, snapshot: &Snapshot, purpose: Purpose) -> Result<Syntax, Unparsed>;
}

/// The purpose of a parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An open document: more versions follow, and a user waits for them.
    Document,
    /// A text that is read once.
    Once,
}

/// A syntax tree, in this process or another.
pub trait Tree: Debug + Send + Sync {
    /// Parses the next version of the text incrementally.
    ///
    /// # Errors
    /// [`Unparsed`] gives the reason.
    fn parse_again(&self, next: &Snapshot) -> Result<Syntax, Unparsed>;

    /// The number of multi-line nodes that span each of these line starts, which are sorted.
    ///
    /// Nodes that begin at or after `end` do not count. Empty if the tree is lost.
    fn depths(&self, starts: &[usize], end: usize) -> Vec<u32>;
}

/// The syntax of a text. Clones share it.
#[derive(Debug, Clone)]
pub struct Syntax {
    outline: Arc<Outline>,
    changed: Arc<[ByteRange]>,
    tree: Arc<dyn Tree>,
}

impl Syntax {
    /// Creates the syntax. `changed` lists the ranges whose structure differs from the previous version, in order.
    pub fn new(outline: Outline, changed: Vec<ByteRange>, tree: Arc<dyn Tree>) -> Self {
        Self {
            outline: Arc::new(outline),
            changed: changed.into(),
            tree,
        }
    }

    /// The same syntax with other changed ranges.
    pub fn changed_in(mut self, changed: Vec<ByteRange>) -> Self {
        self.changed = changed.into();
        self
    }

    /// The functions, types and groups of statements with their ranges.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// The ranges whose structure differs from the previous version, in order.
    pub fn changed(&self) -> &[ByteRange] {
        &self.changed
    }

    /// The tree.
    pub fn tree(&self) -> &dyn Tree {
        &*self.tree
    }
}

/// Why a text has no syntax; it is then split at lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Unparsed {
    /// The language has no grammar.
    #[error("Fovea has no grammar for this language")]
    NoGrammar,
    /// The text is longer than the parser can count.
    #[error("the file is too long for a syntax tree")]
    TooLong,
    /// The parser needed more than two seconds.
    #[error("the grammar needs too much time for this text")]
    TooSlow,
    /// The grammar crashed on the text.
    #[error("the grammar crashed on this text")]
    Crashed,
    /// The parser process did not start.
    #[error("the parser process could not be started")]
    NotStarted,
}

impl Unparsed {
    /// Whether to report it: a language without a grammar is normal.
    pub fn is_fault(self) -> bool {
        self != Unparsed::NoGrammar
    }
}
