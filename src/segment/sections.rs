//! Converts blocks of prose to fragments, and headings to items with their sections.

use super::outline::{Fragment, Heading, Outline};
use super::{ItemKind, UnitKind};
use crate::text::{ByteRange, Language};

/// A block of prose, directly in a section.
pub(super) struct Block {
    pub start: usize,
    pub kind: BlockKind,
}

pub(super) enum BlockKind {
    Heading {
        level: usize,
        name: ByteRange,
    },
    Code(Language),
    Data(Language),
    Text,
    /// Belongs to the previous block: a thematic break, a further link definition.
    Continuation,
}

/// The outline of a text with these blocks, in order.
pub(super) fn outline(text: &str, blocks: &[Block], language: Language) -> Outline {
    Outline {
        fragments: fragments(text, blocks, language),
        headings: headings(text, blocks),
    }
}

/// One fragment per block; a heading opens the fragment of the text below it.
fn fragments(text: &str, blocks: &[Block], own: Language) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = Vec::with_capacity(blocks.len());
    let mut name: Option<String> = None;
    // The level of a heading that has no text below it yet.
    let mut waiting: Option<usize> = None;
    for block in blocks {
        let above = waiting.take();
        let (kind, language) = match &block.kind {
            BlockKind::Heading { level, name: range } => {
                name = heading_name(text, range);
                waiting = Some(*level);
                // A title directly above a subtitle: both belong to the text below.
                if let Some(last) = fragments
                    .last_mut()
                    .filter(|_| above.is_some_and(|above| above < *level))
                {
                    last.name.clone_from(&name);
                    continue;
                }
                (UnitKind::Paragraph, own)
            }
            BlockKind::Text if above.is_some() => continue,
            BlockKind::Continuation if !fragments.is_empty() => continue,
            BlockKind::Text | BlockKind::Continuation => (UnitKind::Paragraph, own),
            BlockKind::Code(language) => (UnitKind::CodeBlock, *language),
            BlockKind::Data(language) => (UnitKind::Data, *language),
        };
        fragments.push(Fragment {
            range: block.start..block.start,
            kind,
            name: name.clone(),
            language,
        });
    }
    if fragments.is_empty() {
        fragments.push(Fragment {
            range: 0..0,
            kind: UnitKind::Paragraph,
            name: None,
            language: own,
        });
    }
    fragments[0].range.start = 0;
    let mut end = text.len();
    for fragment in fragments.iter_mut().rev() {
        fragment.range.end = end;
        end = fragment.range.start;
    }
    fragments.retain(|fragment| !fragment.range.is_empty());
    fragments
}

/// Headings with their sections. A section ends at the next heading of the same or a higher level.
fn headings(text: &str, blocks: &[Block]) -> Vec<Heading> {
    let mut headings: Vec<Heading> = Vec::new();
    // Open sections: heading index and level.
    let mut open: Vec<(usize, usize)> = Vec::new();
    for block in blocks {
        let BlockKind::Heading { level, name: range } = &block.kind else {
            continue;
        };
        while let Some((index, _)) = open.pop_if(|(_, above)| *above >= *level) {
            headings[index].range.end = block.start;
        }
        let Some(name) = heading_name(text, range) else {
            continue;
        };
        open.push((headings.len(), *level));
        let start = block.start + leading_space(&text[block.start..]);
        headings.push(Heading {
            name,
            kind: ItemKind::Heading,
            range: start..text.len(),
            name_range: trimmed(text, range),
        });
    }
    headings
}

/// The text of a heading without markup for emphasis and code.
fn heading_name(text: &str, range: &ByteRange) -> Option<String> {
    let words = text
        .get(range.clone())?
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let name = words.trim_end_matches('#').trim().replace(['`', '*'], "");
    (!name.is_empty()).then_some(name)
}

fn trimmed(text: &str, range: &ByteRange) -> ByteRange {
    let inside = text.get(range.clone()).unwrap_or_default();
    let start = range.start + leading_space(inside);
    start..start + inside.trim().len()
}

fn leading_space(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

pub(super) fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset)
        .and_then(|before| before.rfind(['\n', '\r']))
        .map_or(0, |at| at + 1)
}
