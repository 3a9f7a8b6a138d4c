//! Syntax trees with incremental parsing.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use ropey::Rope;
use tree_sitter::{ParseOptions, Parser, Point};

use super::edit::Edit;
use super::grammar::{self, Grammar};
use super::parser::Unparsed;
use super::{c_macros, masking};
use crate::text::{ByteRange, Language, Snapshot};

/// Longer than any real file needs. A slower file is treated like one without a grammar.
const PARSE_TIME: Duration = Duration::from_secs(2);

/// How many bytes the grammar may not read after brackets are closed: what is typed is seldom whole, but the text around it is then read.
const TOLERATED: usize = 200;

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// The syntax tree of a snapshot. Clones share it.
#[derive(Debug, Clone)]
pub struct Tree(pub(super) tree_sitter::Tree, Source);

impl Tree {
    /// The root node.
    pub(super) fn root(&self) -> tree_sitter::Node<'_> {
        self.0.root_node()
    }

    /// The grammar that parsed it.
    pub(super) fn grammar(&self) -> &'static Grammar {
        self.1.grammar
    }
}

/// The input of a parser.
#[derive(Debug, Clone)]
struct Source {
    grammar: &'static Grammar,
    /// The text for the parser, with the same length as the snapshot.
    text: Rope,
}

/// Parses a snapshot, reusing unchanged parts of an earlier tree of the same document.
///
/// # Errors
/// [`Unparsed`] gives the reason.
pub fn parse(snapshot: &Snapshot, previous: Option<(&Snapshot, &Tree)>) -> Result<Tree, Unparsed> {
    let previous = previous.filter(|(old, _)| old.language() == snapshot.language());
    parse_best(snapshot, previous.map(|(_, tree)| tree)).map(|(tree, _)| tree)
}

/// As [`parse`], after an earlier version of the document.
///
/// Also returns the ranges whose structure differs from the earlier tree, in order.
pub(super) fn parse_again(snapshot: &Snapshot, previous: &Tree) -> Result<(Tree, Vec<ByteRange>), Unparsed> {
    let (tree, old_tree) = parse_best(snapshot, Some(previous))?;
    let Some(old_tree) = old_tree else {
        // A C header has become a C++ header.
        let everything = 0..snapshot.len();
        return Ok((tree, vec![everything]));
    };
    let changed = old_tree.changed_ranges(&tree.0);
    let changed = changed.map(|range| range.start_byte..range.end_byte).collect();
    Ok((tree, changed))
}

/// A tree, and the earlier tree that it began with, with the edit applied.
type Parsed = (Tree, Option<tree_sitter::Tree>);

/// Parses a snapshot as it is. If the grammar finds errors, parses what [`masking`] makes of them, and takes the better tree.
///
/// A text without errors is thus never masked for brackets: only a grammar knows all strings and patterns of its language.
fn parse_best(snapshot: &Snapshot, previous: Option<&Tree>) -> Result<Parsed, Unparsed> {
    let (rope, language) = (snapshot.rope(), snapshot.language());
    let grammar = grammar(snapshot)?;
    // All attempts share the time.
    let end = Instant::now() + PARSE_TIME;
    let parse = |text: Rope| -> Result<Parsed, Unparsed> {
        let source = Source { grammar, text };
        let old_tree = previous.and_then(|tree| edited(tree, &source));
        Ok((parse_source(source, old_tree.as_ref(), end)?, old_tree))
    };
    let whole = parse(masking::for_parser(rope, language))?;
    if !whole.0.root().has_error() {
        return Ok(whole);
    }
    let again = |text: Option<Rope>| text.and_then(|text| parse(text).ok());
    let best = match again(masking::repaired(rope, language)) {
        Some(repaired) if errors(&repaired.0) <= errors(&whole.0).max(TOLERATED) => repaired,
        _ => whole,
    };
    if !best.0.root().has_error() {
        return Ok(best);
    }
    Ok(match again(masking::without_branches(rope, language)) {
        Some(without) if errors(&without.0) < errors(&best.0) => without,
        _ => best,
    })
}

/// The bytes that the grammar could not read.
fn errors(tree: &Tree) -> usize {
    let mut cursor = tree.0.walk();
    let mut bytes = 0;
    loop {
        let node = cursor.node();
        if node.is_error() {
            bytes += node.end_byte() - node.start_byte();
        } else if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return bytes;
            }
        }
    }
}

/// The grammar for a snapshot.
fn grammar(snapshot: &Snapshot) -> Result<&'static Grammar, Unparsed> {
    let (rope, language) = (snapshot.rope(), snapshot.language());
    let grammar = grammar::of(language).ok_or(Unparsed::NoGrammar)?;
    // The parser counts in 32 bits.
    if u32::try_from(snapshot.len()).is_err() {
        return Err(Unparsed::TooLong);
    }
    let header_of_cpp = language == Language::C && c_macros::is_cpp(&rope.to_string());
    Ok(if header_of_cpp {
        grammar::of(Language::Cpp).unwrap_or(grammar)
    } else {
        grammar
    })
}

fn parse_source(source: Source, old_tree: Option<&tree_sitter::Tree>, end: Instant) -> Result<Tree, Unparsed> {
    PARSER.with_borrow_mut(|parser| {
        let language = (source.grammar.syntax)();
        parser.set_language(&language).map_err(|_| Unparsed::NoGrammar)?;
        let tree = parse_rope(parser, &source.text, old_tree, end);
        // Without a reset, the next parse would resume an aborted one, which belongs to another text.
        parser.reset();
        tree.map(|tree| Tree(tree, source)).ok_or(Unparsed::TooSlow)
    })
}

fn parse_rope(
    parser: &mut Parser,
    rope: &Rope,
    old_tree: Option<&tree_sitter::Tree>,
    end: Instant,
) -> Option<tree_sitter::Tree> {
    let mut in_time = |_: &tree_sitter::ParseState| {
        if Instant::now() < end {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let mut read = |byte: usize, _: Point| -> &[u8] {
        if byte >= rope.len_bytes() {
            return &[];
        }
        let (chunk, chunk_start, ..) = rope.chunk_at_byte(byte);
        &chunk.as_bytes()[byte - chunk_start..]
    };
    parser.parse_with_options(
        &mut read,
        old_tree,
        Some(ParseOptions::new().progress_callback(&mut in_time)),
    )
}

/// The old tree with the edit to the new text applied. `None` if the grammar differs.
///
/// The edit compares the parser inputs, because masking may change them in other places than the document.
fn edited(tree: &Tree, new: &Source) -> Option<tree_sitter::Tree> {
    let Tree(tree, old) = tree;
    if (old.grammar.syntax)() != (new.grammar.syntax)() {
        return None;
    }
    let mut tree = tree.clone();
    if let Some(edit) = Edit::between(&old.text, &new.text) {
        tree.edit(&edit.for_tree(&old.text, &new.text));
    }
    Some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::fixtures;
    use proptest::prelude::*;

    fn snapshot(text: &str, language: Language) -> Snapshot {
        Snapshot::new(text, 1, language)
    }

    #[test]
    fn every_language_with_a_grammar_parses_its_fixture_without_errors() {
        for (language, text) in fixtures::parsed() {
            let tree = parse(&snapshot(text, language), None).unwrap();
            assert!(
                !tree.0.root_node().has_error(),
                "{language:?}: {}",
                tree.0.root_node().to_sexp()
            );
        }
    }

    #[test]
    fn languages_without_a_grammar_have_no_tree() {
        assert!(parse(&snapshot("a", Language::Prose), None).is_err());
        assert!(parse(&snapshot("a", Language::Other), None).is_err());
    }

    #[test]
    fn a_tree_of_another_language_is_not_reused() {
        let old = snapshot("def f(): pass", Language::Python);
        let tree = parse(&old, None).unwrap();
        let new = snapshot("fn f() {}", Language::Rust);
        assert!(!parse(&new, Some((&old, &tree))).unwrap().0.root_node().has_error());
    }

    #[test]
    fn a_brace_before_an_emoji_in_bash_does_not_crash() {
        let text = "x() {\u{31860}\n  echo {😀,é}\n}\n";
        let tree = parse(&snapshot(text, Language::Bash), None).unwrap();
        assert_eq!(tree.0.root_node().end_byte(), text.len());
    }

    proptest! {
        #[test]
        fn parsing_after_an_edit_equals_a_fresh_parse(
            pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), remove in 0usize..40, insert in "[a-z(){};:#\n\r \"'é編]{0,12}",
        ) {
            let cases: Vec<_> = fixtures::parsed().collect();
            let (language, text) = *pick.get(&cases);
            let borders: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let from = at.index(borders.len());
            let to = (from + remove).min(borders.len() - 1);
            let new_text = format!("{}{insert}{}", &text[..borders[from]], &text[borders[to]..]);
            let (old, new) = (snapshot(text, language), snapshot(&new_text, language));
            let tree = parse(&old, None).unwrap();
            let again = parse(&new, Some((&old, &tree))).unwrap();
            let fresh = parse(&new, None).unwrap();
            // Error recovery depends on reused nodes, so broken text may have two valid trees.
            if fresh.0.root_node().has_error() || again.0.root_node().has_error() {
                prop_assert_eq!(fresh.0.root_node().has_error(), again.0.root_node().has_error());
            } else {
                prop_assert_eq!(fresh.0.root_node().to_sexp(), again.0.root_node().to_sexp());
            }
            prop_assert!(again.0.root_node().end_byte() <= new.len());
        }
    }
}
