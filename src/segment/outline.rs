//! The outline of code: which stretch belongs to which function, type or group of statements.

use tree_sitter::Node;

use super::grammar::Grammar;
use super::names::{bound_value, name_of, named, wrapper_name};
use super::{ItemKind, UnitKind};
use crate::text::{ByteRange, Language};

/// Definitions nested deeper than this belong to what surrounds them.
const DEEPEST: usize = 40;

/// A stretch of the document before it is fitted to the model's window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragment {
    pub range: ByteRange,
    pub kind: UnitKind,
    pub name: Option<String>,
    pub language: Language,
}

/// A named place, whose units are not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    pub name: String,
    pub kind: ItemKind,
    pub range: ByteRange,
    pub name_range: ByteRange,
}

/// The fragments of a document, which partition it, and the names in it.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub fragments: Vec<Fragment>,
    pub headings: Vec<Heading>,
}

/// The outline of a text whose syntax tree has this root.
pub(super) fn of_code(text: &str, root: Node<'_>, grammar: &Grammar, language: Language) -> Outline {
    let data = grammar.functions.is_empty();
    let kind = if data { UnitKind::Data } else { UnitKind::Statements };
    let mut walker = Walker {
        text,
        grammar,
        owners: vec![Owner { kind, name: None }],
        cuts: vec![(0, 0)],
        headings: Vec::new(),
    };
    if !data {
        walker.scope(root, 0, None, 0);
    }
    walker.finish(language)
}

/// What a stretch of text belongs to.
struct Owner {
    kind: UnitKind,
    name: Option<String>,
}

/// What a node defines.
struct Definition<'tree> {
    function: bool,
    name: Option<ByteRange>,
    /// Where to look for definitions inside it.
    inner: Node<'tree>,
}

/// Comments and attributes that stand directly above what comes next.
#[derive(Clone, Copy)]
struct Lead {
    start: usize,
    last_row: usize,
}

struct Walker<'a> {
    text: &'a str,
    grammar: &'a Grammar,
    owners: Vec<Owner>,
    /// From each offset on, the text belongs to the owner with this index.
    cuts: Vec<(usize, usize)>,
    headings: Vec<Heading>,
}

impl Walker<'_> {
    /// Looks through the children of a node that belongs to `owner`.
    fn scope(&mut self, node: Node<'_>, owner: usize, outer_lead: Option<Lead>, depth: usize) {
        let mut lead = outer_lead;
        // The row on which the sibling before ended, and whether it was a definition of its own.
        let mut previous: Option<(usize, bool)> = None;
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            let kind = child.kind();
            let first_row = child.start_position().row;
            let on_row_of_previous = previous.is_some_and(|(row, _)| row == first_row);
            let after_definition = on_row_of_previous && previous.is_some_and(|(_, definition)| definition);
            let is_lead = self.grammar.leads.contains(&kind);
            if after_definition && (is_lead || (!child.is_named() && matches!(kind, ";" | ","))) {
                // A remark or a separator on the last line of a definition belongs to it.
                self.stretch_last(child.end_byte());
                previous = Some((last_row(child), true));
                continue;
            }
            previous = Some((last_row(child), false));
            if is_lead {
                let trails = on_row_of_previous;
                let shebang = child.start_byte() == 0 && self.text.starts_with("#!") && kind == "comment";
                lead = (!trails && !shebang).then(|| Lead {
                    start: lead
                        .filter(|lead| first_row <= lead.last_row + 1)
                        .map_or(child.start_byte(), |lead| lead.start),
                    last_row: last_row(child),
                });
                continue;
            }
            let above = lead.take().filter(|lead| first_row <= lead.last_row + 1);
            // Keywords are nodes too, and some are called like what they open.
            if depth >= DEEPEST || !child.is_named() {
                continue;
            }
            if let Some(definition) = self.definition(child, 0) {
                self.define(
                    &definition,
                    above.map_or(child.start_byte(), |lead| lead.start),
                    child,
                    owner,
                    depth,
                );
                previous = Some((last_row(child), true));
            } else if self.grammar.scopes.contains(&kind) || self.grammar.wrappers.contains(&kind) {
                self.scope(child, owner, above, depth + 1);
            } else if self.grammar.bindings.contains(&kind) {
                // An object in an object: its functions count, its own name does not.
                if let Some(object) =
                    bound_value(child).filter(|value| self.grammar.object_values.contains(&value.kind()))
                {
                    self.scope(object, owner, None, depth + 1);
                }
            }
        }
    }

    /// Cuts out the definition that reaches from `start` to the end of `node`.
    fn define(&mut self, definition: &Definition<'_>, start: usize, node: Node<'_>, parent: usize, depth: usize) {
        let item = definition
            .name
            .clone()
            .and_then(|range| named(self.text, range))
            .filter(|_| start < node.end_byte());
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
            let end = start
                + self
                    .text
                    .get(start..node.end_byte())
                    .map_or(0, |text| text.trim_end().len());
            self.headings.push(Heading {
                name,
                kind,
                range: start..end,
                name_range,
            });
        }
        self.cut(line_start(self.text, start), owner);
        if !definition.function {
            self.scope(definition.inner, owner, None, depth + 1);
        }
        self.cut(line_end(self.text, node.end_byte()), parent);
    }

    /// Lets the text from an offset on belong to an owner. Cuts never go back, so that whatever a tree says they partition.
    fn cut(&mut self, at: usize, owner: usize) {
        let at = at.min(self.text.len());
        match self.cuts.last_mut() {
            Some(last) if at <= last.0 => last.1 = owner,
            _ => self.cuts.push((at, owner)),
        }
    }

    /// Moves the end of the definition that was cut out last.
    fn stretch_last(&mut self, end: usize) {
        let end = line_end(self.text, end).min(self.text.len());
        if let Some(last) = self.cuts.last_mut() {
            last.0 = last.0.max(end);
        }
    }

    /// What a node defines, itself or as the wrapper of a single definition.
    fn definition<'tree>(&self, node: Node<'tree>, depth: usize) -> Option<Definition<'tree>> {
        let kind = node.kind();
        let grammar = self.grammar;
        let function = grammar.functions.contains(&kind);
        if function || grammar.types.contains(&kind) {
            let complete = !grammar.need_body.contains(&kind) || has_body(node);
            return complete.then(|| Definition {
                function,
                name: name_of(node),
                inner: node,
            });
        }
        if grammar.bindings.contains(&kind) {
            return self.binding(node);
        }
        if !grammar.wrappers.contains(&kind) || depth > 3 {
            return None;
        }
        let mut cursor = node.walk();
        let mut inside = node.named_children(&mut cursor).filter_map(|child| {
            if grammar.function_values.contains(&child.kind()) {
                return Some(Definition {
                    function: true,
                    name: name_of(child),
                    inner: child,
                });
            }
            self.definition(child, depth + 1)
        });
        let only = inside.next().filter(|_| inside.next().is_none())?;
        let name = only.name.clone().or_else(|| wrapper_name(node));
        Some(Definition { name, ..only })
    }

    fn binding<'tree>(&self, node: Node<'tree>) -> Option<Definition<'tree>> {
        let value = bound_value(node)?;
        let name = name_of(node);
        if self.grammar.function_values.contains(&value.kind()) {
            return Some(Definition {
                function: true,
                name,
                inner: value,
            });
        }
        // Objects in objects are no types of their own.
        let nested = matches!(node.kind(), "pair" | "field");
        let object = !nested && self.grammar.object_values.contains(&value.kind()) && self.holds_functions(value);
        object.then_some(Definition {
            function: false,
            name,
            inner: value,
        })
    }

    /// Whether an object literal or class expression has functions of its own.
    fn holds_functions(&self, value: Node<'_>) -> bool {
        let mut cursor = value.walk();
        value.named_children(&mut cursor).any(|child| {
            let kind = child.kind();
            kind == "class_body"
                || self.grammar.functions.contains(&kind)
                || (self.grammar.bindings.contains(&kind)
                    && bound_value(child).is_some_and(|value| self.grammar.function_values.contains(&value.kind())))
        })
    }

    fn finish(self, language: Language) -> Outline {
        let mut fragments: Vec<Fragment> = Vec::with_capacity(self.cuts.len());
        let ends = self.cuts.iter().skip(1).map(|cut| cut.0).chain([self.text.len()]);
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

/// The row a node's last character stands on; line comments of some grammars include their line feed.
fn last_row(node: Node<'_>) -> usize {
    let (start, end) = (node.start_position(), node.end_position());
    if end.column == 0 && end.row > start.row {
        end.row - 1
    } else {
        end.row
    }
}

/// Whether a function or type is more than a declaration: it has a body, or is a property whose accessors have one.
fn has_body(node: Node<'_>) -> bool {
    let arrow = |value: Node<'_>| value.kind() == "arrow_expression_clause";
    let accessors = |list: Node<'_>| {
        let mut cursor = list.walk();
        list.named_children(&mut cursor)
            .any(|accessor| accessor.child_by_field_name("body").is_some())
    };
    node.child_by_field_name("body").is_some()
        || node.child_by_field_name("value").is_some_and(arrow)
        || node.child_by_field_name("accessors").is_some_and(accessors)
}

/// The start of the line, if only white space stands before the offset on it; else the offset.
fn line_start(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    let indented = before.trim_end_matches([' ', '\t']);
    if indented.is_empty() || indented.ends_with(['\n', '\r']) {
        indented.len()
    } else {
        before.len()
    }
}

/// The start of the next line that is not blank, if nothing but white space stands after the offset on its line; else the
/// offset after that white space.
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
