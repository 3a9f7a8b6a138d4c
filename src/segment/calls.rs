//! Calls that are definitions because of their arguments.
//!
//! Examples are `app.get("/x", (req, res) => …)`, `describe "parser" do …` and `memo(function …)`.
//! The name of such a call is the variable it is bound to; otherwise the callee and the first string argument: `app.get /x`, `describe
//! parser`.

use tree_sitter::Node;

use super::grammar::Grammar;
use crate::text::ByteRange;

/// Maximum depth of nested and chained calls.
const DEEPEST: usize = 6;

/// Callees that apply a function to many values or later, and return something else.
const HIGHER_ORDER: &[&str] = &[
    "map",
    "flatMap",
    "filter",
    "reduce",
    "reduceRight",
    "fold",
    "forEach",
    "each",
    "find",
    "findIndex",
    "findLast",
    "some",
    "every",
    "any",
    "all",
    "sort",
    "sorted",
    "toSorted",
    "sort_by",
    "group_by",
    "groupBy",
    "from",
    "then",
    "catch",
    "finally",
    "setTimeout",
    "setInterval",
    "replace",
    "collect",
    "select",
    "reject",
    "array_map",
    "array_filter",
    "usort",
    "Where",
    "Select",
    "OrderBy",
    "Any",
    "All",
    "First",
    "mapToObj",
    "anyMatch",
    "removeIf",
    "sum",
    "min",
    "max",
    "count",
    "partition",
    "sortBy",
    "keyBy",
    "Promise",
];

/// The last value of an array: `app.controller("List", ["$http", function ($http) { … }])` of AngularJS names what the function needs.
fn injected(value: Node<'_>) -> Option<Node<'_>> {
    let last = value.named_child_count().checked_sub(1)?;
    (value.kind() == "array").then(|| value.named_child(last as u32))?
}

/// Maximum length of a callee in a name, in bytes.
const LONGEST_NAME: usize = 60;

/// A call with the arguments that may define something.
pub(super) struct Call<'tree> {
    node: Node<'tree>,
    /// Functions and blocks among the arguments, including those of nested calls.
    pub functions: Vec<Node<'tree>>,
    /// Objects among the arguments.
    pub objects: Vec<Node<'tree>>,
    /// Methods among the arguments: `private def x`.
    pub methods: Vec<Node<'tree>>,
    /// A function that is called immediately: `(function () { … })()`.
    pub immediate: Option<Node<'tree>>,
    /// The first argument, if it is a string, symbol or constant.
    string: Option<Node<'tree>>,
}

impl<'tree> Call<'tree> {
    /// Analyzes a call; `None` for other nodes.
    pub fn new(node: Node<'tree>, grammar: &Grammar) -> Option<Self> {
        if !grammar.calls.contains(&node.kind()) {
            return None;
        }
        let mut call = Call {
            node,
            functions: Vec::new(),
            objects: Vec::new(),
            methods: Vec::new(),
            immediate: None,
            string: None,
        };
        call.read_arguments(node, grammar, 0);
        call.read_called(node, grammar);
        Some(call)
    }

    fn read_arguments(&mut self, node: Node<'tree>, grammar: &Grammar, depth: usize) {
        let mut cursor = node.walk();
        let arguments: Vec<_> = match node.child_by_field_name("arguments") {
            Some(list) => list.named_children(&mut cursor).collect(),
            None => Vec::new(),
        };
        for argument in arguments {
            let value = if argument.kind() == "argument" {
                argument.child_by_field_name("value").or_else(|| last_child(argument))
            } else {
                Some(argument)
            };
            let Some(value) = value else { continue };
            let kind = value.kind();
            if depth == 0 && self.string.is_none() {
                self.string = string(value);
            }
            if grammar.function_values.contains(&kind) {
                self.functions.push(value);
            } else if grammar.object_values.contains(&kind) {
                self.objects.push(value);
            } else if grammar.functions.contains(&kind) {
                self.methods.push(value);
            } else if let Some(function) = injected(value).filter(|last| grammar.function_values.contains(&last.kind()))
            {
                self.functions.push(function);
            } else if grammar.calls.contains(&kind) && depth < DEEPEST {
                self.read_arguments(value, grammar, depth + 1);
            }
        }
        self.functions.extend(node.child_by_field_name("block"));
    }

    /// Analyzes the callee. It is an immediate function, or the result of another call, which may have the string.
    fn read_called(&mut self, node: Node<'tree>, grammar: &Grammar) {
        let mut at = node;
        for _ in 0..3 * DEEPEST {
            let fields: &[&str] = match at.kind() {
                "parenthesized_expression" => &[],
                "member_expression" => &["object"],
                kind if grammar.calls.contains(&kind) => &["function", "constructor", "receiver", "object", "name"],
                _ => return,
            };
            let inner = match fields {
                [] => at.named_child(0),
                fields => fields.iter().find_map(|field| at.child_by_field_name(field)),
            };
            let Some(inner) = inner else { return };
            at = inner;
            if grammar.function_values.contains(&at.kind()) {
                self.immediate = Some(at);
                return;
            }
            if self.string.is_none() && grammar.calls.contains(&at.kind()) {
                let arguments = at.child_by_field_name("arguments");
                self.string = arguments.and_then(|list| list.named_child(0)).and_then(string);
            }
        }
    }

    /// Whether it wraps a single function: `memo(() => …)`. Calls like `rows.map(row => …)` apply a function to many values instead.
    pub fn wraps_one(&self, text: &str) -> bool {
        let called = self.called(text).unwrap_or_default();
        let last = called.rsplit(['.', ':', '>']).next().unwrap_or_default();
        self.functions.len() == 1 && self.objects.is_empty() && !HIGHER_ORDER.contains(&last)
    }

    /// Whether a string is part of its name.
    pub fn has_string(&self) -> bool {
        self.string.is_some()
    }

    /// Number of its lines.
    pub fn lines(&self) -> usize {
        self.node.end_position().row - self.node.start_position().row + 1
    }

    /// The callee without arguments: `router.route.get` for `router.route("/x").get(…)`.
    pub fn called(&self, text: &str) -> Option<String> {
        let end = ["arguments", "block"]
            .iter()
            .find_map(|field| self.node.child_by_field_name(field))?
            .start_byte();
        let written = text.get(self.node.start_byte()..end)?;
        let mut depth = 0usize;
        let mut called = String::new();
        let mut before = ' ';
        for c in written.chars() {
            let previous = std::mem::replace(&mut before, c);
            let arrow = c == '>' && matches!(previous, '=' | '-');
            match c {
                '(' | '[' | '<' => depth += 1,
                ')' | ']' | '>' if depth > 0 && !arrow => depth -= 1,
                '{' | '}' | '"' | '\'' | '`' if depth == 0 => return None,
                _ if depth == 0 && !(c.is_whitespace() && called.is_empty()) => called.push(c),
                _ => {}
            }
        }
        let words: Vec<_> = called.split_whitespace().collect();
        // A multi-line chain has white space before its dots; `new Vue` keeps its space.
        let called = words.join(" ").replace(" .", ".").replace(" ->", "->");
        (!called.is_empty() && called.len() <= LONGEST_NAME).then_some(called)
    }

    /// The default name, and its range.
    pub fn name(&self, text: &str) -> Option<(String, ByteRange)> {
        let called = self.called(text)?;
        let start = self.node.start_byte();
        let Some(string) = self.string else {
            let first_line = text
                .get(start..self.node.end_byte())?
                .split(['\n', '\r', '(', '{'])
                .next()?;
            return Some((called, start..start + first_line.trim_end().len()));
        };
        let written = text.get(string.byte_range())?;
        let written = written.trim_start_matches(':').trim_matches(['"', '\'', '`']);
        let words: Vec<_> = written.split_whitespace().collect();
        Some((
            format!("{called} {}", words.join(" ")).trim_end().to_owned(),
            start..string.end_byte(),
        ))
    }
}

fn last_child(node: Node<'_>) -> Option<Node<'_>> {
    node.named_child(u32::try_from(node.named_child_count()).ok()?.checked_sub(1)?)
}

/// A string, symbol or constant; for a pair, its key.
fn string(node: Node<'_>) -> Option<Node<'_>> {
    match node.kind() {
        "string"
        | "template_string"
        | "encapsed_string"
        | "interpreted_string_literal"
        | "raw_string_literal"
        | "string_literal"
        | "simple_symbol"
        | "hash_key_symbol"
        | "constant"
        | "scope_resolution" => Some(node),
        "pair" => string(node.named_child(0)?),
        _ => None,
    }
}
