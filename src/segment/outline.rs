//! The outline of code: assigns each part to a function, type or group of statements.

use std::collections::HashSet;

use tree_sitter::Node;

use super::calls::Call;
use super::grammar::Grammar;
use super::names::{bound_value, is_keyword, macro_call, macro_name, misplaced_name, name_of, named, wrapper_name};
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
        text,
        grammar,
        owners: vec![Owner { kind, name: None }],
        cuts: vec![(0, 0)],
        headings: Vec::new(),
        ends_missing: language == Language::Ruby && root.has_error(),
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

/// A definition that a node contains.
struct Definition<'tree> {
    function: bool,
    name: Option<Name>,
    /// Nodes to search for inner definitions.
    inner: Vec<Node<'tree>>,
}

/// The name of a definition.
#[derive(Clone)]
struct Name {
    range: ByteRange,
    /// The name, if it differs from the text in this range.
    text: Option<String>,
}

impl From<ByteRange> for Name {
    fn from(range: ByteRange) -> Name {
        Name { range, text: None }
    }
}

impl Name {
    fn read(self, text: &str) -> Option<(String, ByteRange)> {
        match self.text {
            Some(name) => Some((name, self.range)),
            None => named(text, self.range),
        }
    }
}

impl<'tree> Definition<'tree> {
    fn function(name: Option<ByteRange>) -> Self {
        Definition {
            function: true,
            name: name.map(Name::from),
            inner: Vec::new(),
        }
    }

    fn container(name: Option<ByteRange>, inner: Vec<Node<'tree>>) -> Self {
        Definition {
            function: false,
            name: name.map(Name::from),
            inner,
        }
    }
}

/// Comments and attributes directly above the next node.
#[derive(Clone, Copy)]
struct Lead {
    start: usize,
    last_row: usize,
}

struct Walker<'a> {
    text: &'a str,
    grammar: &'a Grammar,
    owners: Vec<Owner>,
    /// Offsets in order; from each, the text belongs to the owner with this index.
    cuts: Vec<(usize, usize)>,
    headings: Vec<Heading>,
    /// Whether definitions may be nested in the wrong function without an error node. In Ruby, every `end` looks the same.
    ends_missing: bool,
    /// Whether a comment that begins with `!` describes its surroundings. In Rust it does, at the top of a module; in C++ it describes what
    /// follows.
    has_inner_comments: bool,
}

/// The declaration that a statement exports, or the node itself.
fn declaration(node: Node<'_>) -> Node<'_> {
    match node.kind() {
        "export_statement" => node.child_by_field_name("declaration").unwrap_or(node),
        _ => node,
    }
}

/// Whether a declaration is a function without a body.
fn is_signature(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_signature" | "method_signature")
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
            let is_lead = self.grammar.leads.contains(&kind);
            if after_definition && (is_lead || (!child.is_named() && matches!(kind, ";" | ","))) {
                // A comment or separator on the last line of a definition belongs to it.
                self.stretch_last(child.end_byte());
                previous = Some((last_row(child), true));
                continue;
            }
            previous = Some((last_row(child), false));
            if is_lead {
                let trails = on_row_of_previous;
                let shebang = child.start_byte() == 0 && self.text.starts_with("#!") && kind == "comment";
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
                let all = overloads.get_or_insert_with(|| self.overloads(node));
                all.contains(&child.id())
            };
            if is_overload {
                signatures.get_or_insert(start);
                continue;
            }
            let start = signatures.take().unwrap_or(start);
            let block = header.take().filter(|_| kind == "compound_statement");
            if let Some((header, start)) = block {
                let definition = self.macro_block(header, child);
                self.define(&definition, start, child, owner, depth);
                previous = Some((last_row(child), true));
                continue;
            }
            if self.is_header(child) {
                header = Some((child, start));
            }
            if let Some(definition) = self.definition(child, 0) {
                self.define(&definition, start, child, owner, depth);
                previous = Some((last_row(child), true));
            } else if self.grammar.functions.contains(&kind) {
                // A macro call that the parser misread as a function; its body contains definitions.
                if let Some(body) = child.child_by_field_name("body").filter(|_| self.is_misread(child)) {
                    self.scope(body, owner, None, depth + 1);
                }
            } else if !self.grammar.function_values.contains(&kind) || is_file_value(child) {
                // Only the body of a function hides definitions; every other node is searched.
                self.scope(child, owner, above, depth + 1);
            }
        }
    }

    /// The children of a node that are signatures of a function which follows them: overloads in TypeScript.
    fn overloads(&self, node: Node<'_>) -> HashSet<usize> {
        let mut cursor = node.walk();
        let children: Vec<Node> = node.named_children(&mut cursor).collect();
        let mut found = HashSet::new();
        // The function whose signatures precede it.
        let mut implemented: Option<&str> = None;
        for child in children.into_iter().rev() {
            if self.grammar.leads.contains(&child.kind()) {
                continue;
            }
            let declared = declaration(child);
            let name = declared.child_by_field_name("name");
            let name = name.and_then(|name| self.text.get(name.byte_range()));
            match is_signature(declared) {
                true if name.is_some() && name == implemented => {
                    found.insert(child.id());
                }
                true => implemented = None,
                false => implemented = name,
            }
        }
        found
    }

    /// Whether a node is a comment that describes its surroundings.
    fn is_inner_comment(&self, node: Node<'_>) -> bool {
        let text = self.text.get(node.start_byte()..).unwrap_or_default();
        text.starts_with("//!") || text.starts_with("/*!")
    }

    /// Whether a statement is a macro call that owns the following block.
    fn is_header(&self, node: Node<'_>) -> bool {
        self.reads_macros()
            && node.kind() == "expression_statement"
            && node.named_child(0).is_some_and(|call| call.kind() == "call_expression")
            && self
                .text
                .get(node.byte_range())
                .is_some_and(|written| !written.ends_with(';'))
    }

    /// The definition of a macro with a block: `TEST_CASE("parser") { … }`. Blocks of the same form inside are definitions too.
    fn macro_block<'tree>(&self, header: Node<'tree>, block: Node<'tree>) -> Definition<'tree> {
        let mut cursor = block.walk();
        let holds_blocks = block.named_children(&mut cursor).any(|child| self.is_header(child));
        let name = header.named_child(0).map(|call| Name {
            range: call.byte_range(),
            text: macro_name(self.text, call),
        });
        Definition {
            function: !holds_blocks,
            name,
            inner: if holds_blocks { vec![block] } else { Vec::new() },
        }
    }

    /// Whether the language has the C preprocessor.
    fn reads_macros(&self) -> bool {
        self.grammar.types.contains(&"struct_specifier")
    }

    /// Whether the parser read a C or C++ keyword as the name of a function.
    fn is_misread(&self, node: Node<'_>) -> bool {
        self.reads_macros() && name_of(node).is_some_and(|name| self.text.get(name).is_some_and(is_keyword))
    }

    /// Adds the definition from `start` to the end of `node`. It ends earlier, before the first definition that it wrongly contains.
    fn define(&mut self, definition: &Definition<'_>, start: usize, node: Node<'_>, parent: usize, depth: usize) {
        let name = definition.name.clone().and_then(|name| name.read(self.text));
        let mut swallowed = Vec::new();
        if definition.function && (node.has_error() || self.ends_missing) {
            let head = name.as_ref().map_or(start, |(_, range)| range.end);
            self.swallowed(node, node.start_position(), head, 0, &mut swallowed);
        }
        let end = match swallowed.first() {
            Some((first, _)) => line_start(self.text, first.start_byte()),
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
                let before = self.text.get(..child.start_byte()).unwrap_or_default();
                before.trim_end_matches([' ', '\t']).ends_with(['\n', '\r'])
            };
            let definition = if begins_line { self.definition(child, 0) } else { None };
            match definition {
                Some(definition) => found.push((child, definition)),
                None if (child.has_error() || self.ends_missing) && depth < DEEPEST => {
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
            let length = self.text.get(start..end).map_or(0, |text| text.trim_end().len());
            self.headings.push(Heading {
                name,
                kind,
                range: start..start + length,
                name_range,
            });
        }
        self.cut(line_start(self.text, start), owner);
        for &inner in &definition.inner {
            self.scope(inner, owner, None, depth + 1);
        }
        self.cut(line_end(self.text, end), parent);
    }

    /// Assigns the text from an offset to an owner. Offsets never decrease, so the result is a partition for any tree.
    fn cut(&mut self, at: usize, owner: usize) {
        let at = at.min(self.text.len());
        match self.cuts.last_mut() {
            Some(last) if at <= last.0 => last.1 = owner,
            _ => self.cuts.push((at, owner)),
        }
    }

    /// Extends the end of the most recent definition.
    fn stretch_last(&mut self, end: usize) {
        let end = line_end(self.text, end).min(self.text.len());
        if let Some(last) = self.cuts.last_mut() {
            last.0 = last.0.max(end);
        }
    }

    /// The definition of a node, or the single definition that it wraps.
    fn definition<'tree>(&self, node: Node<'tree>, depth: usize) -> Option<Definition<'tree>> {
        let kind = node.kind();
        let grammar = self.grammar;
        let function = grammar.functions.contains(&kind);
        if function || grammar.types.contains(&kind) {
            let complete = !grammar.need_body.contains(&kind) || has_body(node);
            if !complete || (function && self.is_misread(node)) {
                return None;
            }
            let name = name_of(node);
            return Some(if function && self.reads_macros() {
                Definition::function(macro_call(self.text, node).or(name))
            } else if function && self.is_module(node) {
                Definition {
                    inner: bodies(&[node]),
                    ..Definition::function(name)
                }
            } else if function {
                Definition::function(name)
            } else {
                Definition::container(name, vec![node])
            });
        }
        if grammar.function_values.contains(&kind) && node.child_by_field_name("name").is_some() {
            return Some(Definition::function(name_of(node)));
        }
        if grammar.bindings.contains(&kind) {
            return self.binding(node);
        }
        if let Some(call) = Call::new(node, grammar) {
            return self.call(&call);
        }
        if !grammar.wrappers.contains(&kind) || depth > 3 {
            return None;
        }
        let mut cursor = node.walk();
        let mut inside = node.named_children(&mut cursor).filter_map(|child| {
            if grammar.function_values.contains(&child.kind()) {
                return Some(Definition::function(name_of(child).or_else(|| misplaced_name(child))));
            }
            self.definition(child, depth + 1)
        });
        let Some(only) = inside.next().filter(|_| inside.next().is_none()) else {
            // A further name of a type: `typedef struct loop_s loop_t;`.
            return (kind == "type_definition").then(|| Definition::container(name_of(node), Vec::new()));
        };
        let name = only.name.clone().or_else(|| wrapper_name(node).map(Name::from));
        Some(Definition { name, ..only })
    }

    fn binding<'tree>(&self, node: Node<'tree>) -> Option<Definition<'tree>> {
        let value = bound_value(node)?;
        let name = name_of(node);
        if self.grammar.function_values.contains(&value.kind()) {
            return Some(Definition::function(name));
        }
        // Objects inside objects are not types of their own.
        let nested = matches!(node.kind(), "pair" | "field" | "keyed_element");
        if let Some(call) = Call::new(value, self.grammar) {
            return self.bound_call(name, &call, nested);
        }
        let object = !nested && self.grammar.object_values.contains(&value.kind()) && self.holds_functions(value, 0);
        object.then(|| Definition::container(name, vec![value]))
    }

    /// The definition of a call whose result is bound to a name.
    fn bound_call<'tree>(
        &self,
        name: Option<ByteRange>,
        call: &Call<'tree>,
        nested: bool,
    ) -> Option<Definition<'tree>> {
        // `var _ = Describe("parser", func() { … })` binds no name.
        if name.clone().and_then(|name| self.text.get(name)) == Some("_") {
            return self.call(call);
        }
        let immediate = call.immediate.filter(|function| self.mostly_defines(*function));
        let block = call.functions.iter().copied().find(|function| {
            // In Ruby, the block of a class is its body; elsewhere it is a function.
            matches!(function.kind(), "do_block" | "block") && self.mostly_defines(*function)
        });
        if let Some(body) = immediate.or(block) {
            return Some(Definition::container(name, bodies(&[body])));
        }
        let lambda = || matches!(call.called(self.text).as_deref(), Some("lambda" | "proc" | "Proc.new"));
        let some = !call.functions.is_empty() || call.immediate.is_some();
        if some && (call.lines() > 1 || lambda() || call.wraps_one(self.text)) {
            return Some(Definition::function(name));
        }
        let objects = &call.objects;
        let methods = objects.iter().any(|object| self.holds_functions(*object, 1));
        let schema = call.lines() > 2 && !objects.is_empty();
        (!nested && (methods || schema)).then(|| Definition::container(name, objects.clone()))
    }

    /// The definition of a call on its own.
    fn call<'tree>(&self, call: &Call<'tree>) -> Option<Definition<'tree>> {
        if let [method] = call.methods[..] {
            return Some(Definition::function(name_of(method)));
        }
        let name = || {
            let (name, range) = call.name(self.text)?;
            let text = Some(name);
            Some(Name { range, text })
        };
        if let Some(function) = call.immediate {
            let mut inner = vec![function];
            inner.extend(&call.functions);
            let mut inner = bodies(&inner);
            inner.extend(&call.objects);
            return Some(Definition::container(None, inner));
        }
        if call.functions.iter().any(|function| self.mostly_defines(*function)) {
            return Some(Definition {
                name: name().filter(|_| call.has_string()),
                ..Definition::container(None, bodies(&call.functions))
            });
        }
        if !call.functions.is_empty() {
            let name = name().filter(|_| call.has_string() || call.lines() > 2)?;
            return Some(Definition {
                name: Some(name),
                ..Definition::function(None)
            });
        }
        let objects = call.objects.iter().any(|object| self.holds_functions(*object, 1));
        objects.then(|| Definition {
            name: name().filter(|_| call.has_string()),
            ..Definition::container(None, call.objects.clone())
        })
    }

    /// Whether a function makes others and returns them: `function createStore() { function dispatch() { … } … return { dispatch, … } }`.
    /// Without a return at its end, the functions in it are callbacks of its own work.
    fn is_module(&self, function: Node<'_>) -> bool {
        // With an error, a missing bracket may have moved the functions into this one.
        if function.has_error() || self.ends_missing {
            return false;
        }
        let Some(body) = function.child_by_field_name("body") else {
            return false;
        };
        let mut cursor = body.walk();
        let statements: Vec<Node> = body.named_children(&mut cursor).collect();
        // Few functions get past this, so it comes first.
        let returns = statements.last().is_some_and(|last| last.kind() == "return_statement");
        let mut defining = statements.iter().filter(|child| self.defines(**child, 0));
        returns && defining.nth(1).is_some() && self.mostly_defines(function)
    }

    /// Whether definitions are more than half of a function's body. Such a function is a module or a test suite.
    fn mostly_defines(&self, function: Node<'_>) -> bool {
        let Some(body) = function.child_by_field_name("body") else {
            return false;
        };
        let list = body.named_child(0).filter(|list| list.kind() == "statement_list");
        let body = list.unwrap_or(body);
        let mut cursor = body.walk();
        // A method defined in a Ruby block belongs to the surrounding class, however much other code the block has.
        let block = matches!(function.kind(), "do_block" | "block");
        let (mut all, mut defining) = (0, 0);
        for child in body.named_children(&mut cursor) {
            if self.grammar.leads.contains(&child.kind()) {
                continue;
            }
            let length = child.end_byte() - child.start_byte();
            all += length;
            if self.defines(child, 0) {
                defining += length;
            }
        }
        defining * 2 > all || (block && has_method(body))
    }

    /// Whether a statement defines something, judged without visiting its content.
    fn defines(&self, node: Node<'_>, depth: usize) -> bool {
        let kind = node.kind();
        let grammar = self.grammar;
        if grammar.functions.contains(&kind) || grammar.types.contains(&kind) {
            return true;
        }
        if grammar.bindings.contains(&kind) {
            return bound_value(node).is_some_and(|value| grammar.function_values.contains(&value.kind()));
        }
        if let Some(call) = Call::new(node, grammar) {
            return !call.methods.is_empty() || (call.has_string() && !call.functions.is_empty());
        }
        let mut cursor = node.walk();
        let wraps = grammar.wrappers.contains(&kind) && depth < 3;
        wraps
            && node
                .named_children(&mut cursor)
                .any(|child| self.defines(child, depth + 1))
    }

    /// Whether an object or class expression contains functions, directly or up to `levels` deeper.
    fn holds_functions(&self, value: Node<'_>, levels: usize) -> bool {
        let mut cursor = value.walk();
        value.named_children(&mut cursor).any(|child| {
            let kind = child.kind();
            let bound = || bound_value(child).filter(|_| self.grammar.bindings.contains(&kind));
            kind == "class_body"
                || (kind == "literal_value" && self.holds_functions(child, levels))
                || self.grammar.functions.contains(&kind)
                || bound().is_some_and(|value| {
                    self.grammar.function_values.contains(&value.kind())
                        || (levels > 0
                            && self.grammar.object_values.contains(&value.kind())
                            && self.holds_functions(value, levels - 1))
                })
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

/// Whether a body directly contains a method or class.
fn has_method(body: Node<'_>) -> bool {
    let mut cursor = body.walk();
    body.named_children(&mut cursor)
        .any(|child| matches!(child.kind(), "method" | "singleton_method" | "class" | "module"))
}

/// The bodies of functions.
fn bodies<'tree>(functions: &[Node<'tree>]) -> Vec<Node<'tree>> {
    let bodies = functions
        .iter()
        .filter_map(|function| function.child_by_field_name("body"));
    bodies.collect()
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

/// Whether a function or type is more than a declaration. It has a body, or is a property whose accessors have one.
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
