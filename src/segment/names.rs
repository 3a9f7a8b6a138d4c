//! Finds the names of definitions.

use tree_sitter::Node;

use super::c_macros::is_macro;
use crate::text::ByteRange;

/// The name in a range, on one line, without quotes of module names and keys.
pub(super) fn named(text: &str, range: ByteRange) -> Option<(String, ByteRange)> {
    let written = text.get(range.clone())?;
    let name = written.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let start = range.start + written.find(name)?;
    (!name.is_empty()).then(|| {
        (
            name.split_whitespace().collect::<Vec<_>>().join(" "),
            start..start + name.len(),
        )
    })
}

/// The value of a binding.
pub(super) fn bound_value(node: Node<'_>) -> Option<Node<'_>> {
    let value = ["value", "right"]
        .iter()
        .find_map(|field| node.child_by_field_name(field))
        .or_else(|| entry(node).map(|(_, value)| value))
        .or_else(|| {
            let mut cursor = node.walk();
            node.named_children(&mut cursor).find(|child| {
                matches!(
                    child.kind(),
                    "expression_list" | "lambda_expression" | "anonymous_method_expression"
                )
            })
        })?;
    // A list with one value, or a pointer to a literal in Go.
    let value = match value.kind() {
        "expression_list" => value.named_child(0).filter(|_| value.named_child_count() == 1)?,
        _ => value,
    };
    let literal = value.child_by_field_name("operand");
    let value = literal
        .filter(|literal| literal.kind() == "composite_literal")
        .unwrap_or(value);
    match value.kind() {
        "parenthesized_expression"
        | "literal_element"
        | "as_expression"
        | "satisfies_expression"
        | "non_null_expression"
        | "await_expression" => value.named_child(0),
        // `exports.a = exports.b = function …`
        "assignment_expression" => {
            let chain = std::iter::successors(Some(value), |value| value.child_by_field_name("right"));
            chain.take(8).find(|value| value.kind() != "assignment_expression")
        }
        // `Foo.bar = Foo.bar || function …`
        "binary_expression" => {
            let mut cursor = value.walk();
            let chooses = value
                .children(&mut cursor)
                .any(|child| matches!(child.kind(), "||" | "??" | "or"));
            let mut cursor = value.walk();
            let last = value.named_children(&mut cursor).last();
            if chooses { last } else { Some(value) }
        }
        _ => Some(value),
    }
}

/// The key and the value of an entry of an array in PHP, which has no fields.
fn entry(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let is_entry = node.kind() == "array_element_initializer" && node.named_child_count() == 2;
    is_entry.then(|| Some((node.named_child(0)?, node.named_child(1)?)))?
}

/// The name of a definition node.
pub(super) fn name_of(node: Node<'_>) -> Option<ByteRange> {
    if let (Some(of_trait), Some(of_type)) = (node.child_by_field_name("trait"), node.child_by_field_name("type")) {
        return Some(of_trait.start_byte()..of_type.end_byte());
    }
    // An indexer of C#: `this[int at]`.
    if node.kind() == "indexer_declaration" {
        let mut cursor = node.walk();
        let this = node.children(&mut cursor).find(|child| child.kind() == "this")?;
        return Some(this.start_byte()..node.child_by_field_name("parameters")?.end_byte());
    }
    const FIELDS: [&str; 9] = [
        "name",
        "declarator",
        "left",
        "key",
        "property",
        "operator",
        "type",
        "value",
        "alias",
    ];
    let named = FIELDS
        .iter()
        .find_map(|field| node.child_by_field_name(field))
        .or_else(|| entry(node).map(|(key, _)| key))
        .or_else(|| {
            let mut cursor = node.walk();
            node.named_children(&mut cursor)
                .find(|child| child.kind() == "variable_list")
        })?;
    // Unnamed structs and enums have a body in this field.
    (!named.kind().ends_with("_list") || named.kind() == "variable_list").then(|| declared(named))
}

/// Whether the parser misread a C or C++ keyword as the name of a function.
pub(super) fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "namespace" | "class" | "struct" | "union" | "enum" | "if" | "else" | "for" | "while" | "switch" | "return"
    )
}

/// The name of a function in a place for anonymous functions. A missing bracket causes this error.
pub(super) fn misplaced_name(function: Node<'_>) -> Option<ByteRange> {
    let mut cursor = function.walk();
    let error = function.named_children(&mut cursor).find(|child| child.is_error())?;
    let name = error.named_child(0).filter(|name| name.kind() == "identifier")?;
    Some(name.byte_range())
}

/// A macro call in place of a function head: `TEST(Parser, ReadsNumbers) { … }`.
pub(super) fn macro_call(text: &str, function: Node<'_>) -> Option<ByteRange> {
    let head = function.child_by_field_name("declarator")?;
    let name = head.child_by_field_name("declarator")?;
    let is_macro = function.child_by_field_name("type").is_none()
        && head.kind() == "function_declarator"
        && name.kind() == "identifier"
        && text.get(name.byte_range()).is_some_and(is_macro);
    is_macro.then(|| head.byte_range())
}

/// The name of a macro call, if it differs from its text.
///
/// With a string argument it is named like a test: `TEST_CASE parser`.
pub(super) fn macro_name(text: &str, call: Node<'_>) -> Option<String> {
    let called = text.get(call.child_by_field_name("function")?.byte_range())?;
    let first = call.child_by_field_name("arguments")?.named_child(0)?;
    let string = text
        .get(first.byte_range())
        .filter(|_| first.kind() == "string_literal")?;
    Some(format!("{called} {}", string.trim_matches('"')))
}

/// The name inside a C declarator: `f` for `*(f)(int)`.
fn declared(mut node: Node<'_>) -> ByteRange {
    while node.kind().ends_with("_declarator") {
        let inner = node.child_by_field_name("declarator").or_else(|| {
            let last = u32::try_from(node.named_child_count())
                .unwrap_or(u32::MAX)
                .checked_sub(1)?;
            node.named_child(last)
        });
        let Some(inner) = inner else { break };
        node = inner;
    }
    let parameters = (node.kind() == "operator_cast")
        .then(|| node.child_by_field_name("declarator"))
        .flatten();
    node.start_byte()..parameters.map_or(node.end_byte(), |parameters| parameters.start_byte())
}

/// The name for an anonymous definition: `typedef struct {…} Name`, `export default () => …`.
pub(super) fn wrapper_name(node: Node<'_>) -> Option<ByteRange> {
    if let Some(declarator) = node.child_by_field_name("declarator") {
        return Some(declared(declarator));
    }
    let mut cursor = node.walk();
    node.children(&mut cursor)
        .find(|child| child.kind() == "default")
        .map(|child| child.byte_range())
}
