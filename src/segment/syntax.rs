//! Syntax trees, parsed again only where the text changed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use ropey::Rope;
use tree_sitter::{InputEdit, ParseOptions, Parser, Point};

use super::grammar;
use super::hazards::{masked, overruns};
use crate::text::{Language, Snapshot};

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
    let language = (grammar::of(snapshot.language())?.syntax)();
    // The parser counts in 32 bits.
    if u32::try_from(snapshot.len()).is_err() {
        return None;
    }
    if overruns(snapshot.rope(), snapshot.language()) {
        return None;
    }
    let previous = previous.filter(|(old, _)| old.language() == snapshot.language());
    let old_tree = previous.map(|(old, tree)| edited(tree, old.rope(), snapshot.rope()));
    PARSER.with_borrow_mut(|parser| {
        parser.set_language(&language).ok()?;
        let tree = parse_rope(parser, snapshot, old_tree.as_ref());
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
fn edited(tree: &Tree, old: &Rope, new: &Rope) -> tree_sitter::Tree {
    let mut tree = tree.0.clone();
    let prefix = common_prefix(old, new);
    if prefix == old.len_bytes() && prefix == new.len_bytes() {
        return tree;
    }
    let suffix = common_suffix(old, new).min(old.len_bytes().min(new.len_bytes()) - prefix);
    let (old_end, new_end) = (old.len_bytes() - suffix, new.len_bytes() - suffix);
    tree.edit(&InputEdit {
        start_byte: prefix,
        old_end_byte: old_end,
        new_end_byte: new_end,
        start_position: point(new, prefix),
        old_end_position: point(old, old_end),
        new_end_position: point(new, new_end),
    });
    tree
}

/// How many bytes two ropes begin with alike, compared chunk by chunk.
fn common_prefix(a: &Rope, b: &Rope) -> usize {
    let (mut a, mut b) = (a.chunks().map(str::as_bytes), b.chunks().map(str::as_bytes));
    let (mut x, mut y, mut common): (&[u8], &[u8], usize) = (&[], &[], 0);
    loop {
        x = if x.is_empty() { a.next().unwrap_or_default() } else { x };
        y = if y.is_empty() { b.next().unwrap_or_default() } else { y };
        let length = x.len().min(y.len());
        if length == 0 {
            return common;
        }
        if x[..length] != y[..length] {
            return common + x.iter().zip(y).take_while(|(x, y)| x == y).count();
        }
        common += length;
        (x, y) = (&x[length..], &y[length..]);
    }
}

/// How many bytes two ropes end with alike.
fn common_suffix(a: &Rope, b: &Rope) -> usize {
    let mut a = a.chunks_at_byte(a.len_bytes()).0.reversed().map(str::as_bytes);
    let mut b = b.chunks_at_byte(b.len_bytes()).0.reversed().map(str::as_bytes);
    let (mut x, mut y, mut common): (&[u8], &[u8], usize) = (&[], &[], 0);
    loop {
        x = if x.is_empty() { a.next().unwrap_or_default() } else { x };
        y = if y.is_empty() { b.next().unwrap_or_default() } else { y };
        let length = x.len().min(y.len());
        if length == 0 {
            return common;
        }
        let (x_end, y_end) = (x.len() - length, y.len() - length);
        if x[x_end..] != y[y_end..] {
            return common + x.iter().rev().zip(y.iter().rev()).take_while(|(x, y)| x == y).count();
        }
        common += length;
        (x, y) = (&x[..x_end], &y[..y_end]);
    }
}

/// The place of a byte as tree-sitter counts: rows end with LF alone, columns are bytes.
fn point(rope: &Rope, byte: usize) -> Point {
    let (mut row, mut column, mut left) = (0, 0, byte);
    for chunk in rope.chunks() {
        let bytes = &chunk.as_bytes()[..chunk.len().min(left)];
        row += bytes.iter().filter(|&&byte| byte == b'\n').count();
        column = match bytes.iter().rposition(|&byte| byte == b'\n') {
            Some(last) => bytes.len() - last - 1,
            None => column + bytes.len(),
        };
        left -= bytes.len();
        if left == 0 {
            break;
        }
    }
    Point { row, column }
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

    #[test]
    fn points_count_rows_by_line_feed() {
        let rope = Rope::from_str(&format!("a\rb\r\nçd{}", "x".repeat(5000)));
        assert_eq!(point(&rope, 4), Point { row: 0, column: 4 });
        assert_eq!(point(&rope, 5), Point { row: 1, column: 0 });
        assert_eq!(point(&rope, rope.len_bytes()), Point { row: 1, column: 5003 });
    }

    proptest! {
        #[test]
        fn common_ends_agree_with_a_plain_comparison(
            start in "[ab]{0,9}", old in "[ab]{0,5}", new in "[ab]{0,5}", end in "[ab]{0,9}", bulk in 0usize..3,
        ) {
            let bulk = "ab".repeat(bulk * 1500);
            let (a, b) = (format!("{start}{bulk}{old}{bulk}{end}"), format!("{start}{bulk}{new}{bulk}{end}"));
            let (x, y) = (Rope::from_str(&a), Rope::from_str(&b));
            let prefix = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
            let suffix = a.bytes().rev().zip(b.bytes().rev()).take_while(|(x, y)| x == y).count();
            prop_assert_eq!((common_prefix(&x, &y), common_suffix(&x, &y)), (prefix, suffix));
        }

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
