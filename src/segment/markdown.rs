//! The outline of Markdown: blocks, and headings with their sections.

use tree_sitter::Node;

use super::outline::{Fragment, Heading, Outline};
use super::{ItemKind, UnitKind};
use crate::text::{ByteRange, Language};

/// A block at the top level of some section.
struct Block {
    start: usize,
    kind: BlockKind,
}

enum BlockKind {
    Heading {
        level: usize,
        name: ByteRange,
    },
    Code(Language),
    Data(Language),
    Text,
    /// Belongs to the block before it: a ruler, one more link definition.
    Continuation,
}

/// The outline of a Markdown text whose block tree has this root.
pub(super) fn of_markdown(text: &str, root: Node<'_>) -> Outline {
    let blocks = blocks(text, root);
    Outline {
        fragments: fragments(text, &blocks),
        headings: headings(text, &blocks),
    }
}

fn blocks(text: &str, root: Node<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut last_kind = "";
    let mut cursor = root.walk();
    // Sections nest as deep as there are levels of headings, but broken text may nest them deeper: so no recursion.
    let mut descend = cursor.goto_first_child();
    while descend {
        let node = cursor.node();
        if node.kind() == "section" && cursor.goto_first_child() {
            continue;
        }
        if node.kind() != "section" && node.is_named() && node.end_byte() > node.start_byte() {
            let again = node.kind() == last_kind && node.kind() == "link_reference_definition";
            let kind = if again {
                BlockKind::Continuation
            } else {
                block_kind(text, node)
            };
            last_kind = node.kind();
            blocks.push(Block {
                start: line_start(text, node.start_byte()),
                kind,
            });
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() || cursor.depth() == 0 {
                descend = false;
                break;
            }
        }
    }
    blocks
}

fn block_kind(text: &str, node: Node<'_>) -> BlockKind {
    match node.kind() {
        "atx_heading" | "setext_heading" => heading_kind(node),
        "fenced_code_block" => BlockKind::Code(info_language(text, node)),
        "indented_code_block" => BlockKind::Code(Language::Other),
        "minus_metadata" => BlockKind::Data(Language::Yaml),
        "plus_metadata" => BlockKind::Data(Language::Toml),
        "thematic_break" | "block_continuation" => BlockKind::Continuation,
        _ => BlockKind::Text,
    }
}

fn heading_kind(node: Node<'_>) -> BlockKind {
    let mut cursor = node.walk();
    let level = node.children(&mut cursor).find_map(|child| {
        let kind = child.kind();
        let digit = kind.strip_prefix("atx_h").or_else(|| kind.strip_prefix("setext_h"))?;
        digit.chars().next()?.to_digit(10)
    });
    let name = node
        .child_by_field_name("heading_content")
        .map_or(node.end_byte()..node.end_byte(), |name| name.byte_range());
    BlockKind::Heading {
        level: level.map_or(6, |level| level as usize),
        name,
    }
}

/// The language that the info string of a fenced block names: `rust,ignore`, `{.python}`, `C++ title="x"`.
fn info_language(text: &str, block: Node<'_>) -> Language {
    let mut cursor = block.walk();
    let info = block
        .named_children(&mut cursor)
        .find(|child| child.kind() == "info_string");
    let info = info.and_then(|info| text.get(info.byte_range())).unwrap_or_default();
    let name = info
        .trim_start_matches(['{', '.', ' '])
        .split([',', ' ', '{', '}', ':', '\t'])
        .next()
        .unwrap_or_default();
    Language::from_name(name).unwrap_or(Language::Other)
}

/// One fragment per block; a heading opens the fragment of the text below it.
fn fragments(text: &str, blocks: &[Block]) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = Vec::with_capacity(blocks.len());
    let mut name: Option<String> = None;
    // The level of the heading that waits for the text below it.
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
                (UnitKind::Paragraph, Language::Markdown)
            }
            BlockKind::Text if above.is_some() => continue,
            BlockKind::Continuation if !fragments.is_empty() => continue,
            BlockKind::Text | BlockKind::Continuation => (UnitKind::Paragraph, Language::Markdown),
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
            language: Language::Markdown,
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

/// Headings with their sections, which reach to the next heading of the same or a higher level.
fn headings(text: &str, blocks: &[Block]) -> Vec<Heading> {
    let mut headings: Vec<Heading> = Vec::new();
    // Indices of the headings whose sections are open, with their levels.
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

/// What a heading says, without the marks of emphasis and code around its words.
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

fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset)
        .and_then(|before| before.rfind(['\n', '\r']))
        .map_or(0, |at| at + 1)
}
