//! From fragments to units: each fits the model's window.

use tree_sitter::Node;

use super::borders::Borders;
use super::outline::Fragment;
use super::pack::{Measure, pack};
use super::{Budget, Unit};
use crate::text::ByteRange;

/// A fragment, together with the white space and closing brackets of the fragments after it.
struct Block {
    fragment: Fragment,
    /// Where the fragment itself ends.
    own_end: usize,
}

/// The units of a document with these fragments, which partition it.
pub(super) fn units(text: &str, fragments: Vec<Fragment>, root: Option<Node<'_>>, budget: &Budget) -> Vec<Unit> {
    let blocks = absorb_closings(text, fragments);
    let mut units = Vec::with_capacity(blocks.len());
    let mut borders = None;
    let mut special = None;
    for Block { fragment, own_end } in blocks {
        let Fragment {
            range,
            kind,
            name,
            language,
        } = fragment;
        let mut measure = Measure {
            budget,
            language,
            special: 0,
        };
        let mut push = |range| {
            units.push(Unit {
                range,
                kind,
                name: name.clone(),
                language,
            })
        };
        if measure.fits(&text[range.clone()]) {
            push(range);
            continue;
        }
        let mut rest = range.clone();
        // A bracket that does not fit any more is better alone than a function in two.
        if has_closing(text, own_end..range.end) && measure.fits(&text[range.start..own_end]) {
            push(range.start..own_end);
            rest = own_end..range.end;
            if measure.fits(&text[rest.clone()]) {
                push(rest);
                continue;
            }
        }
        measure.special = *special.get_or_insert_with(|| (budget.tokens)("", language));
        let borders = borders.get_or_insert_with(|| Borders::new(text, root));
        pack(text, &rest, &measure, borders).into_iter().for_each(push);
    }
    units
}

fn has_closing(text: &str, after: ByteRange) -> bool {
    !text[after].trim().is_empty()
}

/// Joins fragments that hold nothing but white space and closing brackets to the one before, or at the start to the one
/// after.
fn absorb_closings(text: &str, fragments: Vec<Fragment>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::with_capacity(fragments.len());
    for fragment in fragments {
        let content = &text[fragment.range.clone()];
        let blank = content.trim().is_empty();
        match blocks.last_mut() {
            Some(last) if blank || only_closes(content) => {
                // White space has no tokens, so it never makes the fragment before it too long.
                if blank && last.own_end == last.fragment.range.end {
                    last.own_end = fragment.range.end;
                }
                last.fragment.range.end = fragment.range.end;
            }
            Some(last) if text[last.fragment.range.clone()].trim().is_empty() => {
                let start = last.fragment.range.start;
                let own_end = fragment.range.end;
                *last = Block {
                    fragment: Fragment {
                        range: start..own_end,
                        ..fragment
                    },
                    own_end,
                };
            }
            _ => blocks.push(Block {
                own_end: fragment.range.end,
                fragment,
            }),
        }
    }
    blocks
}

/// Whether a text only closes what was opened before it. A remark may follow the bracket: `} // namespace`.
pub(super) fn only_closes(text: &str) -> bool {
    text.lines().all(|line| {
        let remark = ["//", "/*"]
            .iter()
            .filter_map(|mark| line.find(mark))
            .min()
            .unwrap_or(line.len());
        let code = &line[..remark];
        let stands_alone = code.trim().is_empty() && remark < line.len();
        !stands_alone && code.split_whitespace().all(closes)
    })
}

fn closes(word: &str) -> bool {
    let word = word.trim_matches([')', ']', '}', '>', ';', ',']);
    matches!(
        word,
        "" | "end" | "fi" | "done" | "esac" | "?" | "#endif" | "```" | "~~~"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closings_are_told_from_content() {
        for text in [
            "}\n",
            "  });\n]\n",
            "end\nend",
            "?>",
            "\n",
            "}  // namespace a",
            "#endif /* A_H */\n",
        ] {
            assert!(only_closes(text), "{text:?}");
        }
        for text in ["} else {", "x", "end_of", "(", "<div>", "---", "// end", "} // a\n// b"] {
            assert!(!only_closes(text), "{text:?}");
        }
    }
}
