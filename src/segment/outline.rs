//! The outline of code: assigns each part to a function, type or group of statements.

use std::collections::HashSet;

use tree_sitter::Node;

use super::defining::{Code, Definition, declaration, is_signature};
use super::grammar::Grammar;
use super::{ItemKind, UnitKind};
use crate::text::{ByteRange, Language};

/// Maximum nesting depth; deeper definitions belong to the surrounding one.
const DEEPEST: usize = 40;

/// A part of the document before it is fitted to the model's window.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Fragment {
    pub range: ByteRange,
    pub kind: UnitKind,
    pub name: Option<String>,
    pub language: Language,
}

/// A named range whose units are not known yet.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Heading {
    pub name: String,
    pub kind: ItemKind,
    pub range: ByteRange,
    pub name_range: ByteRange,
}

/// The fragments of a document, which partition it, and the names in it.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Outline {
    pub(super) fragments: Vec<Fragment>,
    pub(super) headings: Vec<Heading>,
}

impl Outline {
    /// Whether the fragments partition a text, and all names are inside it. An outline from another process is not trusted.
    pub fn fits(&self, text: &str) -> bool {
        let mut covered = 0;
        let partition = self.fragments.iter().all(|Fragment { range, .. }| {
            let follows = range.start == covered && range.start < range.end && text.is_char_boundary(range.end);
            covered = range.end;
            follows
        });
        let within = |range: &ByteRange| {
            range.start <= range.end && text.is_char_boundary(range.start) && text.is_char_boundary(range.end)
        };
        let mut names = self.headings.iter();
        partition && covered == text.len() && names.all(|name| within(&name.range) && within(&name.name_range))
    }
}

/// The outline of a code text, given the root of its syntax tree.
pub(super) fn of_code(text: &str, root: Node<'_>, grammar: &Grammar, language: Language) -> Outline {
    let data = grammar.functions.is_empty();
    let kind = if data { UnitKind::Data } else { UnitKind::Statements };
    let mut walker = Walker {
        code: Code {
            text,
            grammar,
            ends_missing: language == Language::Ruby && root.has_error(),
        },
        owners: vec![Owner { kind, name: None }],
        cuts: vec![(0, 0)],
        headings: Vec::new(),
        has_inner_comments: language == Language::Rust,
    };
    if !data {
        walker.scope(root, 0, None, 0);
    }
    walker.finish(language)
}

/// The owner of a part of the text.
struct Owner {
    kind: UnitKind,
    name: Option<String>,
}

/// Comments and attributes directly above the next node.
#[derive(Clone, Copy)]
struct Lead {
    start: usize,
    last_row: usize,
}

struct Walker<'a> {
    code: Code<'a>,
    owners: Vec<Owner>,
    /// Offsets in order; from each, the text belongs to the owner with this index.
    cuts: Vec<(usize, usize)>,
    headings: Vec<Heading>,
    /// Whether a comment that begins with `!` describes its surroundings. In Rust it does, at the top of a module; in C++ it describes what
    /// follows.
    has_inner_comments: bool,
}

/// Whether a value is what a file returns: `return function (App $app) { … };` in PHP, a module in Lua.
fn is_file_value(value: Node<'_>) -> bool {
    let mut at = value.parent();
    while let Some(around) = at {
        match around.kind() {
            "return_statement" => return around.parent().is_some_and(|file| file.parent().is_none()),
            "expression_list" | "parenthesized_expression" => at = around.parent(),
            _ => return false,
        }
    }
    false
}

impl Walker<'_> {
    /// Visits the children of a node that belongs to `owner`.
    fn scope(&mut self, node: Node<'_>, owner: usize, outer_lead: Option<Lead>, depth: usize) {
        let mut lead = outer_lead;
        // The last row of the previous sibling, and whether it was a definition.
        let mut previous: Option<(usize, bool)> = None;
        // The start of the first signature of an overloaded function, including comments.
        let mut signatures: Option<usize> = None;
        let mut overloads: Option<HashSet<usize>> = None;
        // A call without a semicolon, and its start including comments: `TEST_CASE("parser")`, if a block follows.
        let mut header: Option<(Node<'_>, usize)> = None;
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            let kind = child.kind();
            let first_row = child.start_position().row;
            let on_row_of_previous = previous.is_some_and(|(row, _)| row == first_row);
            let after_definition = on_row_of_previous && previous.is_some_and(|(_, definition)| definition);
            let is_lead = self.code.grammar.leads.contains(&kind);
            if after_definition && (is_lead || (!child.is_named() && matches!(kind, ";" | ","))) {
                // A comment or separator on the last line of a definition belongs to it.
                self.stretch_last(child.end_byte());
                previous = Some((last_row(child), true));
                continue;
            }
            previous = Some((last_row(child), false));
            if is_lead {
                let trails = on_row_of_previous;
                let shebang = child.start_byte() == 0 && self.code.text.starts_with("#!") && kind == "comment";
                let inner = self.has_inner_comments && self.is_inner_comment(child);
                lead = (!trails && !shebang && !inner).then(|| Lead {
                    start: lead
                        .filter(|lead| first_row <= lead.last_row + 1)
                        .map_or(child.start_byte(), |lead| lead.start),
                    last_row: last_row(child),
                });
                continue;
            }
            let above = lead.take().filter(|lead| first_row <= lead.last_row + 1);
            // Keywords are nodes too, and some have the same kind as the construct they open.
            if depth >= DEEPEST || !child.is_named() {
                continue;
            }
            let start = above.map_or(child.start_byte(), |lead| lead.start);
            let is_overload = is_signature(declaration(child)) && {
                let all = overloads.get_or_insert_with(|| self.code.overloads(node));
                all.contains(&child.id())
            };
            if is_overload {
                signatures.get_or_insert(start);
                continue;
            }
            let start = signatures.take().unwrap_or(start);
            let block = header.take().filter(|_| kind == "compound_statement");
            if let Some((header, start)) = block {
                let definition = self.code.macro_block(header, child);
                self.define(&definition, start, child, owner, depth);
                previous = Some((last_row(child), true));
                continue;
            }
            if self.code.is_header(child) {
                header = Some((child, start));
            }
            if let Some(definition) = self.code.definition(child, 0) {
                self.define(&definition, start, child, owner, depth);
                previous = Some((last_row(child), true));
            } else if self.code.grammar.functions.contains(&kind) {
                // A macro call that the parser misread as a function; its body contains definitions.
                if let Some(body) = child
                    .child_by_field_name("body")
                    .filter(|_| self.code.is_misread(child))
                {
                    self.scope(body, owner, None, depth + 1);
                }
            } else if !self.code.grammar.function_values.contains(&kind) || is_file_value(child) {
                // Only the body of a function hides definitions; every other node is searched.
                self.scope(child, owner, above, depth + 1);
            }
        }
    }

    /// Whether a node is a comment that describes its surroundings.
    fn is_inner_comment(&self, node: Node<'_>) -> bool {
        let text = self.code.text.get(node.start_byte()..).unwrap_or_default();
        text.starts_with("//!") || text.starts_with("/*!")
    }

    /// Adds the definition from `start` to the end of `node`. It ends earlier, before the first definition that it wrongly contains.
    fn define(&mut self, definition: &Definition<'_>, start: usize, node: Node<'_>, parent: usize, depth: usize) {
        let name = definition.name.clone().and_then(|name| name.read(self.code.text));
        let mut swallowed = Vec::new();
        if definition.function && (node.has_error() || self.code.ends_missing) {
            let head = name.as_ref().map_or(start, |(_, range)| range.end);
            self.swallowed(node, node.start_position(), head, 0, &mut swallowed);
        }
        let end = match swallowed.first() {
            Some((first, _)) => line_start(self.code.text, first.start_byte()),
            None => node.end_byte(),
        };
        self.define_until(definition, name, start..end, parent, depth);
        if depth < DEEPEST {
            for (node, definition) in &swallowed {
                self.define(definition, node.start_byte(), *node, parent, depth + 1);
            }
        }
    }

    /// Finds definitions that a missing bracket has moved into a function. They start left of its content.
    fn swallowed<'tree>(
        &self,
        node: Node<'tree>,
        outer: tree_sitter::Point,
        head: usize,
        depth: usize,
        found: &mut Vec<(Node<'tree>, Definition<'tree>)>,
    ) {
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            let start = child.start_position();
            let left = start.row > outer.row && start.column <= outer.column && child.start_byte() > head;
            let begins_line = left && {
                let before = self.code.text.get(..child.start_byte()).unwrap_or_default();
                before.trim_end_matches([' ', '\t']).ends_with(['\n', '\r'])
            };
            let definition = if begins_line {
                self.code.definition(child, 0)
            } else {
                None
            };
            match definition {
                Some(definition) => found.push((child, definition)),
                None if (child.has_error() || self.code.ends_missing) && depth < DEEPEST => {
                    self.swallowed(child, outer, head, depth + 1, found)
                }
                None => {}
            }
        }
    }

    /// Adds a definition with a known range.
    fn define_until(
        &mut self,
        definition: &Definition<'_>,
        name: Option<(String, ByteRange)>,
        range: ByteRange,
        parent: usize,
        depth: usize,
    ) {
        let ByteRange { start, end } = range;
        let item = name.filter(|_| start < end);
        let kind = if definition.function {
            UnitKind::Function
        } else {
            UnitKind::Container
        };
        let owner = self.owners.len();
        let name = item
            .as_ref()
            .map(|(name, _)| name.clone())
            .or_else(|| self.owners[parent].name.clone());
        self.owners.push(Owner { kind, name });
        if let Some((name, name_range)) = item {
            let kind = if definition.function {
                ItemKind::Function
            } else {
                ItemKind::Type
            };
            let length = self.code.text.get(start..end).map_or(0, |text| text.trim_end().len());
            self.headings.push(Heading {
                name,
                kind,
                range: start..start + length,
                name_range,
            });
        }
        self.cut(line_start(self.code.text, start), owner);
        for &inner in &definition.inner {
            self.scope(inner, owner, None, depth + 1);
        }
        self.cut(line_end(self.code.text, end), parent);
    }

    /// Assigns the text from an offset to an owner. Offsets never decrease, so the result is a partition for any tree.
    fn cut(&mut self, at: usize, owner: usize) {
        let at = at.min(self.code.text.len());
        match self.cuts.last_mut() {
            Some(last) if at <= last.0 => last.1 = owner,
            _ => self.cuts.push((at, owner)),
        }
    }

    /// Extends the end of the most recent definition.
    fn stretch_last(&mut self, end: usize) {
        let end = line_end(self.code.text, end).min(self.code.text.len());
        if let Some(last) = self.cuts.last_mut() {
            last.0 = last.0.max(end);
        }
    }

    fn finish(self, language: Language) -> Outline {
        let mut fragments: Vec<Fragment> = Vec::with_capacity(self.cuts.len());
        let ends = self.cuts.iter().skip(1).map(|cut| cut.0).chain([self.code.text.len()]);
        let mut last_owner = None;
        for (&(start, owner), end) in self.cuts.iter().zip(ends) {
            if start >= end {
                continue;
            }
            match fragments.last_mut() {
                Some(last) if last_owner == Some(owner) => last.range.end = end,
                _ => {
                    let Owner { kind, name } = &self.owners[owner];
                    fragments.push(Fragment {
                        range: start..end,
                        kind: *kind,
                        name: name.clone(),
                        language,
                    });
                }
            }
            last_owner = Some(owner);
        }
        Outline {
            fragments,
            headings: self.headings,
        }
    }
}

/// The row of a node's last character. Line comments of some grammars include their line feed.
fn last_row(node: Node<'_>) -> usize {
    let (start, end) = (node.start_position(), node.end_position());
    if end.column == 0 && end.row > start.row {
        end.row - 1
    } else {
        end.row
    }
}

/// The start of the line if only white space precedes the offset on it. Otherwise it is the offset.
fn line_start(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    let indented = before.trim_end_matches([' ', '\t']);
    if indented.is_empty() || indented.ends_with(['\n', '\r']) {
        indented.len()
    } else {
        before.len()
    }
}

/// The start of the next non-blank line, if only white space follows the offset.
///
/// Otherwise the offset after that white space.
pub(super) fn line_end(text: &str, offset: usize) -> usize {
    // Line comments of some grammars include their line feed.
    let after_line = text.get(..offset).is_some_and(|before| before.ends_with(['\n', '\r']));
    let after = text.get(offset..).unwrap_or_default();
    let blank = after.len() - after.trim_start().len();
    let blanks = &after[..blank];
    match blanks.rfind(['\n', '\r']) {
        Some(last) => offset + last + 1,
        None if after_line && blank < after.len() => offset,
        None => offset + blank,
    }
}
