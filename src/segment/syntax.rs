//! Syntax trees, parsed again only where the text changed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{ParseOptions, Parser, Point};

use super::edit::Edit;
use super::grammar;
use super::hazards::{masked, overruns};
use crate::text::{ByteRange, Language, Snapshot};

/// Longer than any real file takes; a file that needs more is treated like one without a grammar.
const PARSE_TIME: Duration = Duration::from_secs(2);

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// The syntax tree of a snapshot. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Tree(pub(super) tree_sitter::Tree);

/// Parses a snapshot, reusing what the tree of an earlier snapshot of the same document has in common with it.
///
/// `None` for languages without a grammar, and for text that the parser cannot bear: two seconds are not enough for it, or
/// its scanner would end the process.
pub fn parse(snapshot: &Snapshot, previous: Option<(&Snapshot, &Tree)>) -> Option<Tree> {
    let language = syntax(snapshot)?;
    let old_tree = previous
        .filter(|(old, _)| old.language() == snapshot.language())
        .map(|(old, tree)| edited(tree, old, snapshot));
    parse_with(&language, snapshot, old_tree.as_ref())
}

/// As [`parse`], after one edit that is known; with the tree the stretches in which its structure is another than that of the
/// tree before, in order.
pub(super) fn parse_again(
    snapshot: &Snapshot,
    (old, tree): (&Snapshot, &Tree),
    edit: Option<&Edit>,
) -> Option<(Tree, Vec<ByteRange>)> {
    let language = syntax(snapshot)?;
    let Some(edit) = edit else {
        return Some((tree.clone(), Vec::new()));
    };
    let old_tree = told(tree, old, snapshot, edit);
    let tree = parse_with(&language, snapshot, Some(&old_tree))?;
    let changed = old_tree.changed_ranges(&tree.0);
    let changed = changed.map(|range| range.start_byte..range.end_byte).collect();
    Some((tree, changed))
}

/// The grammar for a snapshot; `None` where there is none, and for text that the parser cannot bear.
fn syntax(snapshot: &Snapshot) -> Option<tree_sitter::Language> {
    let language = (grammar::of(snapshot.language())?.syntax)();
    // The parser counts in 32 bits.
    let bearable = u32::try_from(snapshot.len()).is_ok() && !overruns(snapshot.rope(), snapshot.language());
    bearable.then_some(language)
}

fn parse_with(
    language: &tree_sitter::Language,
    snapshot: &Snapshot,
    old_tree: Option<&tree_sitter::Tree>,
) -> Option<Tree> {
    PARSER.with_borrow_mut(|parser| {
        parser.set_language(language).ok()?;
        let tree = parse_rope(parser, snapshot, old_tree);
        // A parse that ran out of time would be resumed by the next one, which is about another text.
        parser.reset();
        tree.map(Tree)
    })
}

fn parse_rope(
    parser: &mut Parser,
    snapshot: &Snapshot,
    old_tree: Option<&tree_sitter::Tree>,
) -> Option<tree_sitter::Tree> {
    let started = Instant::now();
    let mut in_time = |_: &tree_sitter::ParseState| {
        if started.elapsed() < PARSE_TIME {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let rope = snapshot.rope();
    let ascii_only = snapshot.language() == Language::Bash;
    let mut read = |byte: usize, _: Point| -> Cow<'_, [u8]> {
        if byte >= rope.len_bytes() {
            return Cow::Borrowed(&[]);
        }
        let (chunk, chunk_start, ..) = rope.chunk_at_byte(byte);
        let bytes = &chunk.as_bytes()[byte - chunk_start..];
        if ascii_only {
            masked(bytes)
        } else {
            Cow::Borrowed(bytes)
        }
    };
    parser.parse_with_options(
        &mut read,
        old_tree,
        Some(ParseOptions::new().progress_callback(&mut in_time)),
    )
}

/// The old tree, told of the one edit that leads from the old text to the new one.
fn edited(tree: &Tree, old: &Snapshot, new: &Snapshot) -> tree_sitter::Tree {
    match Edit::between(old.rope(), new.rope()) {
        Some(edit) => told(tree, old, new, &edit),
        None => tree.0.clone(),
    }
}

fn told(tree: &Tree, old: &Snapshot, new: &Snapshot, edit: &Edit) -> tree_sitter::Tree {
    let mut tree = tree.0.clone();
    tree.edit(&edit.for_tree(old.rope(), new.rope()));
    tree
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
        assert!(parse(&snapshot("a", Language::Prose), None).is_none());
        assert!(parse(&snapshot("a", Language::Other), None).is_none());
    }

    #[test]
    fn a_tree_of_another_language_is_not_reused() {
        let old = snapshot("def f(): pass", Language::Python);
        let tree = parse(&old, None).unwrap();
        let new = snapshot("fn f() {}", Language::Rust);
        assert!(!parse(&new, Some((&old, &tree))).unwrap().0.root_node().has_error());
    }

    #[test]
    fn a_brace_before_an_emoji_in_bash_is_harmless() {
        let text = "x() {\u{31860}\n  echo {😀,é}\n}\n";
        let tree = parse(&snapshot(text, Language::Bash), None).unwrap();
        assert_eq!(tree.0.root_node().end_byte(), text.len());
    }

    proptest! {
        #[test]
        fn parsing_after_an_edit_equals_parsing_afresh(
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
            // Error recovery depends on what is reused, so broken text may be repaired in two ways; both are sound trees.
            if fresh.0.root_node().has_error() || again.0.root_node().has_error() {
                prop_assert_eq!(fresh.0.root_node().has_error(), again.0.root_node().has_error());
            } else {
                prop_assert_eq!(fresh.0.root_node().to_sexp(), again.0.root_node().to_sexp());
            }
            prop_assert!(again.0.root_node().end_byte() <= new.len());
        }
    }
}
