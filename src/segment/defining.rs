//! What the nodes of a syntax tree define: functions, types, and what is bound to a name.

use std::collections::HashSet;

use tree_sitter::Node;

use super::calls::Call;
use super::grammar::Grammar;
use super::names::{bound_value, is_keyword, macro_call, macro_name, misplaced_name, name_of, named, wrapper_name};
use crate::text::ByteRange;

/// A definition that a node contains.
pub(super) struct Definition<'tree> {
    pub function: bool,
    pub name: Option<Name>,
    /// Nodes to search for inner definitions.
    pub inner: Vec<Node<'tree>>,
}

/// The name of a definition.
#[derive(Clone)]
pub(super) struct Name {
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
    pub fn read(self, text: &str) -> Option<(String, ByteRange)> {
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

/// A text, and how its nodes are read.
pub(super) struct Code<'a> {
    pub text: &'a str,
    pub grammar: &'a Grammar,
    /// Whether definitions may be nested in the wrong function without an error node. In Ruby, every `end` looks the same.
    pub ends_missing: bool,
}

impl Code<'_> {
    /// The definition of a node, or the single definition that it wraps.
    pub fn definition<'tree>(&self, node: Node<'tree>, depth: usize) -> Option<Definition<'tree>> {
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

    /// The children of a node that are signatures of a function which follows them: overloads in TypeScript.
    pub fn overloads(&self, node: Node<'_>) -> HashSet<usize> {
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

    /// Whether a statement is a macro call that owns the following block.
    pub fn is_header(&self, node: Node<'_>) -> bool {
        self.reads_macros()
            && node.kind() == "expression_statement"
            && node.named_child(0).is_some_and(|call| call.kind() == "call_expression")
            && self
                .text
                .get(node.byte_range())
                .is_some_and(|written| !written.ends_with(';'))
    }

    /// The definition of a macro with a block: `TEST_CASE("parser") { … }`. Blocks of the same form inside are definitions too.
    pub fn macro_block<'tree>(&self, header: Node<'tree>, block: Node<'tree>) -> Definition<'tree> {
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
    pub fn is_misread(&self, node: Node<'_>) -> bool {
        self.reads_macros() && name_of(node).is_some_and(|name| self.text.get(name).is_some_and(is_keyword))
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
}

/// The declaration that a statement exports, or the node itself.
pub(super) fn declaration(node: Node<'_>) -> Node<'_> {
    match node.kind() {
        "export_statement" => node.child_by_field_name("declaration").unwrap_or(node),
        _ => node,
    }
}

/// Whether a declaration is a function without a body.
pub(super) fn is_signature(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_signature" | "method_signature")
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
