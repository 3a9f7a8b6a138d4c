//! What segmentation needs of the syntax of a text, and who finds it.
//!
//! Grammars contain scanners in C that a text can crash ([`crate::parser`] says how they are kept out of the server's process). So
//! nothing here names a syntax tree: the rest of segmentation reads an [`Outline`], and asks how deep in the syntax lines begin
//! where a fragment is too long for the model.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use super::outline::Outline;
use super::{grammar, syntax};
use crate::text::{ByteRange, Snapshot};

/// Finds the syntax of texts.
pub trait Parser: Debug + Send + Sync {
    /// The syntax of a text, read from nothing.
    ///
    /// # Errors
    /// [`Unparsed`] says why there is none.
    fn parse(&self, snapshot: &Snapshot, purpose: Purpose) -> Result<Syntax, Unparsed>;
}

/// What a text is parsed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An open document: versions of it follow, and somebody waits for them.
    Document,
    /// A text that is read once.
    Once,
}

/// A syntax tree, wherever it is.
pub trait Tree: Debug + Send + Sync {
    /// The syntax of the next version of the text. What it has in common with this one is not parsed again.
    ///
    /// # Errors
    /// [`Unparsed`] says why there is none.
    fn parse_again(&self, next: &Snapshot) -> Result<Syntax, Unparsed>;

    /// How many nodes of several lines reach over each of these line starts, which are in order. Nodes that begin at `end` or after
    /// it are not counted. Empty if the tree is lost.
    fn depths(&self, starts: &[usize], end: usize) -> Vec<u32>;
}

/// The syntax of one text. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Syntax {
    outline: Arc<Outline>,
    changed: Arc<[ByteRange]>,
    tree: Arc<dyn Tree>,
}

impl Syntax {
    /// The syntax with this outline and tree. `changed` has the stretches whose structure differs from the version before, in order.
    pub fn new(outline: Outline, changed: Vec<ByteRange>, tree: Arc<dyn Tree>) -> Self {
        Self {
            outline: Arc::new(outline),
            changed: changed.into(),
            tree,
        }
    }

    /// The same syntax, with other stretches that differ from the version before.
    pub fn changed_in(mut self, changed: Vec<ByteRange>) -> Self {
        self.changed = changed.into();
        self
    }

    /// Which stretch belongs to which function, type or group of statements.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// The stretches whose structure differs from the version before, in order.
    pub fn changed(&self) -> &[ByteRange] {
        &self.changed
    }

    /// The tree.
    pub fn tree(&self) -> &dyn Tree {
        &*self.tree
    }
}

/// Why a text has no syntax. It is then split by its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Unparsed {
    /// The language has no grammar.
    #[error("Fovea has no grammar for this language")]
    NoGrammar,
    /// The text is longer than a grammar counts.
    #[error("the file is too long for a syntax tree")]
    TooLong,
    /// Two seconds were not enough.
    #[error("the grammar needs too much time for this text")]
    TooSlow,
    /// The grammar crashed on the text.
    #[error("the grammar crashed on this text")]
    Crashed,
    /// The process that parses did not start.
    #[error("the process that parses could not be started")]
    NotStarted,
}

impl Unparsed {
    /// Whether somebody should hear of it: prose has no grammar, and nothing is wrong with that.
    pub fn is_fault(self) -> bool {
        self != Unparsed::NoGrammar
    }
}

static PARSER: OnceLock<Box<dyn Parser>> = OnceLock::new();

/// Lets another parser than [`InProcess`] read the texts of this process. The first call decides.
pub fn use_parser(parser: Box<dyn Parser>) {
    // A second parser would change nothing but who parses.
    let _ = PARSER.set(parser);
}

/// The syntax of a text that is read once.
///
/// # Errors
/// [`Unparsed`] says why there is none.
pub fn parse(snapshot: &Snapshot) -> Result<Syntax, Unparsed> {
    parser().parse(snapshot, Purpose::Once)
}

/// The parser of this process.
pub(super) fn parser() -> &'static dyn Parser {
    PARSER.get().map_or(&InProcess, |parser| &**parser)
}

/// Parses in this process. A text that crashes a grammar ends it.
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
        super::borders::depths(self.root(), starts, end)
    }
}

fn in_process(snapshot: &Snapshot, tree: syntax::Tree, changed: Vec<ByteRange>) -> Syntax {
    let outline = Outline::of(&snapshot.rope().to_string(), &tree, snapshot.language());
    Syntax::new(outline, changed, Arc::new(tree))
}

/// Whether a text has a grammar at all.
pub fn has_grammar(snapshot: &Snapshot) -> bool {
    grammar::of(snapshot.language()).is_some()
}
