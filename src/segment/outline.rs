//! The outline of code: which stretch belongs to which function, type or group of statements.

use tree_sitter::Node;

use super::calls::Call;
use super::grammar::Grammar;
use super::markdown::of_markdown;
use super::names::{bound_value, is_keyword, macro_call, macro_name, misplaced_name, name_of, named, wrapper_name};
use super::syntax::Tree;
use super::{ItemKind, UnitKind};
use crate::text::{ByteRange, Language};

/// Definitions nested deeper than this belong to what surrounds them.
const DEEPEST: usize = 40;

/// A stretch of the document before it is fitted to the model's window.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Fragment {
    pub range: ByteRange,
    pub kind: UnitKind,
    pub name: Option<String>,
    pub language: Language,
}

/// A named place, whose units are not known yet.
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
    /// The outline of a text with this syntax tree.
    pub(super) fn of(text: &str, tree: &Tree, language: Language) -> Outline {
        match language {
            Language::Markdown => of_markdown(text, tree.root()),
            _ => of_code(text, tree.root(), tree.grammar(), language),
        }
    }

    /// Whether the fragments partition a text, and all names stand in it. An outline from another process may say anything.
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
        ends_missing: language == Language::Ruby && root.has_error(),
        has_inner_comments: language == Language::Rust,
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
    name: Option<Name>,
    /// Where to look for definitions inside it.
    inner: Vec<Node<'tree>>,
}

/// What a definition is called.
#[derive(Clone)]
struct Name {
    range: ByteRange,
    /// Where the name is not just what stands there.
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
    /// Whether definitions may stand in the wrong function though nothing is wrong with it: in Ruby, one `end` is like another.
    ends_missing: bool,
    /// Whether a comment that begins with `!` is about what it stands in: so it is in Rust, where a module has it at its top. In C++ it is
    /// about what follows.
    has_inner_comments: bool,
}

impl Walker<'_> {
    /// Looks through the children of a node that belongs to `owner`.
    fn scope(&mut self, node: Node<'_>, owner: usize, outer_lead: Option<Lead>, depth: usize) {
        let mut lead = outer_lead;
        // The row on which the sibling before ended, and whether it was a definition of its own.
        let mut previous: Option<(usize, bool)> = None;
        // A call without a semicolon, and where what leads to it begins: `TEST_CASE("parser")`, if a block follows.
        let mut header: Option<(Node<'_>, usize)> = None;
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
            // Keywords are nodes too, and some are called like what they open.
            if depth >= DEEPEST || !child.is_named() {
                continue;
            }
            let start = above.map_or(child.start_byte(), |lead| lead.start);
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
                // A macro made this of something else. What stands in its body is what it says.
                if let Some(body) = child.child_by_field_name("body").filter(|_| self.is_misread(child)) {
                    self.scope(body, owner, None, depth + 1);
                }
            } else if !self.grammar.function_values.contains(&kind) {
                // Whatever it is: only the body of a function hides what is in it.
                self.scope(child, owner, above, depth + 1);
            }
        }
    }

    /// Whether a node is a comment about what it stands in.
    fn is_inner_comment(&self, node: Node<'_>) -> bool {
        let text = self.text.get(node.start_byte()..).unwrap_or_default();
        text.starts_with("//!") || text.starts_with("/*!")
    }

    /// Whether a statement is a call of a macro, to which the block that follows belongs.
    fn is_header(&self, node: Node<'_>) -> bool {
        self.reads_macros()
            && node.kind() == "expression_statement"
            && node.named_child(0).is_some_and(|call| call.kind() == "call_expression")
            && self
                .text
                .get(node.byte_range())
                .is_some_and(|written| !written.ends_with(';'))
    }

    /// What a macro defines with a block: `TEST_CASE("parser") { … }`. Blocks of the same form in it are definitions too.
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

    /// Whether the language has the preprocessor of C.
    fn reads_macros(&self) -> bool {
        self.grammar.types.contains(&"struct_specifier")
    }

    /// Whether a function of C or C++ is called like a keyword, which none is.
    fn is_misread(&self, node: Node<'_>) -> bool {
        self.reads_macros() && name_of(node).is_some_and(|name| self.text.get(name).is_some_and(is_keyword))
    }

    /// Cuts out the definition that reaches from `start` to the end of `node`, or to the first one that it swallowed.
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

    /// The definitions that stand inside a function only because a bracket is missing in it: they begin left of what is inside it.
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

    /// Cuts out a definition that stands in a range.
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
            if !complete || (function && self.is_misread(node)) {
                return None;
            }
            let name = name_of(node);
            return Some(if function && self.reads_macros() {
                Definition::function(macro_call(self.text, node).or(name))
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
        let only = inside.next().filter(|_| inside.next().is_none())?;
        let name = only.name.clone().or_else(|| wrapper_name(node).map(Name::from));
        Some(Definition { name, ..only })
    }

    fn binding<'tree>(&self, node: Node<'tree>) -> Option<Definition<'tree>> {
        let value = bound_value(node)?;
        let name = name_of(node);
        if self.grammar.function_values.contains(&value.kind()) {
            return Some(Definition::function(name));
        }
        // Objects in objects are no types of their own.
        let nested = matches!(node.kind(), "pair" | "field" | "keyed_element");
        if let Some(call) = Call::new(value, self.grammar) {
            return self.bound_call(name, &call, nested);
        }
        let object = !nested && self.grammar.object_values.contains(&value.kind()) && self.holds_functions(value, 0);
        object.then(|| Definition::container(name, vec![value]))
    }

    /// What a call defines that is bound to a name.
    fn bound_call<'tree>(
        &self,
        name: Option<ByteRange>,
        call: &Call<'tree>,
        nested: bool,
    ) -> Option<Definition<'tree>> {
        // `var _ = Describe("parser", func() { … })` binds nothing.
        if name.clone().and_then(|name| self.text.get(name)) == Some("_") {
            return self.call(call);
        }
        let immediate = call.immediate.filter(|function| self.mostly_defines(*function));
        let block = call.functions.iter().copied().find(|function| {
            // The block of a class in Ruby is its body; elsewhere a function is one.
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

    /// What a call defines on its own.
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

    /// Whether more than half of a function's body are definitions: it is a module or a suite of tests rather than a function.
    fn mostly_defines(&self, function: Node<'_>) -> bool {
        let Some(body) = function.child_by_field_name("body") else {
            return false;
        };
        let list = body.named_child(0).filter(|list| list.kind() == "statement_list");
        let body = list.unwrap_or(body);
        let mut cursor = body.walk();
        // A method that a block of Ruby defines belongs to the class around it, however much else the block has.
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

    /// Whether a statement defines something, as far as can be seen without looking into it.
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

    /// Whether an object literal or class expression has functions of its own, or in objects that so many levels down are in it.
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

/// Whether a method or class stands in a body, and not in another.
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
