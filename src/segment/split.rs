//! Splits fragments into units that fit the model's window.

use super::blocks::{Block, Blocks, Previous};
use super::borders::Borders;
use super::closings::only_closes;
use super::outline::Fragment;
use super::pack::{Measure, pack};
use super::parser::Tree;
use super::{Budget, Unit};
use crate::text::ByteRange;

/// The units of a document with these fragments, which partition it.
pub(super) fn units(
    text: &str,
    fragments: Vec<Fragment>,
    tree: Option<&dyn Tree>,
    previous: Option<&Previous<'_>>,
    budget: &Budget,
) -> (Vec<Unit>, Blocks) {
    let fragments = absorb_closings(text, fragments);
    let mut units = Vec::with_capacity(fragments.len());
    let mut all = Blocks::default();
    let mut empty = None;
    for (fragment, own_end) in fragments {
        let first = units.len();
        let mut block = Block {
            range: fragment.range.clone(),
            own_end,
            language: fragment.language,
            units: first..first,
        };
        let mut push = |range| {
            units.push(Unit {
                range,
                kind: fragment.kind,
                name: fragment.name.clone(),
                language: fragment.language,
            })
        };
        if let Some((old, former_units)) = previous.and_then(|previous| previous.same(&block)) {
            for unit in former_units {
                let start = block.range.start + (unit.range.start - old.range.start);
                push(start..start + unit.range.len());
            }
            all.kept.extend(old.units.clone().map(Some));
        } else {
            cut(text, &block, tree, &mut empty, budget, &mut push);
            all.kept.resize(units.len(), None);
        }
        block.units.end = units.len();
        all.blocks.push(block);
    }
    (units, all)
}

/// Splits a block into units that fit the window.
fn cut(
    text: &str,
    block: &Block,
    tree: Option<&dyn Tree>,
    empty: &mut Option<(usize, bool)>,
    budget: &Budget,
    push: &mut impl FnMut(ByteRange),
) {
    let (range, own_end, language) = (block.range.clone(), block.own_end, block.language);
    let mut measure = Measure {
        budget,
        language,
        special: 0,
        blank_is_free: false,
    };
    if measure.fits(&text[range.clone()]) {
        push(range);
        return;
    }
    let mut rest = range.clone();
    // A closing bracket that does not fit is a better unit alone than a function split in two.
    if has_closing(text, own_end..range.end) && measure.fits(&text[range.start..own_end]) {
        push(range.start..own_end);
        rest = own_end..range.end;
        if measure.fits(&text[rest.clone()]) {
            push(rest);
            return;
        }
    }
    (measure.special, measure.blank_is_free) = *empty.get_or_insert_with(|| {
        let special = (budget.tokens)("", language);
        (special, (budget.tokens)(" \n\n  ", language) == special)
    });
    let borders = Borders::new(text, &rest, tree);
    pack(text, &rest, &measure, &borders).into_iter().for_each(push);
}

fn has_closing(text: &str, after: ByteRange) -> bool {
    !text[after].trim().is_empty()
}

/// Joins fragments of white space and closing brackets to the previous fragment. At the start of a text, they join the next one.
///
/// Returns each fragment with its own end.
fn absorb_closings(text: &str, fragments: Vec<Fragment>) -> Vec<(Fragment, usize)> {
    let mut joined: Vec<(Fragment, usize)> = Vec::with_capacity(fragments.len());
    for fragment in fragments {
        let content = &text[fragment.range.clone()];
        let blank = content.trim().is_empty();
        match joined.last_mut() {
            Some((last, own_end)) if blank || only_closes(content) => {
                // White space has no tokens, so it never makes the previous fragment too long.
                if blank && *own_end == last.range.end {
                    *own_end = fragment.range.end;
                }
                last.range.end = fragment.range.end;
            }
            Some((last, own_end)) if text[last.range.clone()].trim().is_empty() => {
                *own_end = fragment.range.end;
                *last = Fragment {
                    range: last.range.start..fragment.range.end,
                    ..fragment
                };
            }
            _ => {
                let own_end = fragment.range.end;
                joined.push((fragment, own_end));
            }
        }
    }
    joined
}
