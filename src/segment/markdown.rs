//! The outline of Markdown: blocks, and headings with their sections.

use tree_sitter::Node;

use super::outline::Outline;
use super::sections::{Block, BlockKind, line_start, outline};
use crate::text::Language;

/// The outline of a Markdown text, given the root of its block tree.
pub(super) fn of_markdown(text: &str, root: Node<'_>) -> Outline {
    outline(text, &blocks(text, root), Language::Markdown)
}

fn blocks(text: &str, root: Node<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut last_kind = "";
    let mut cursor = root.walk();
    // Iterative, because broken text may nest sections deeper than heading levels.
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

/// The language in the info string of a fenced block: `rust,ignore`, `{.python}`, `C++ title="x"`.
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
