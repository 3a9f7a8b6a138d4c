//! What definitions are called.

use tree_sitter::Node;

use crate::text::ByteRange;

/// The name in a range, on one line and without the quotes of modules and keys that are strings.
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

/// The value that a binding gives to its name.
pub(super) fn bound_value(node: Node<'_>) -> Option<Node<'_>> {
    let value = ["value", "right"]
        .iter()
        .find_map(|field| node.child_by_field_name(field))
        .or_else(|| {
            let mut cursor = node.walk();
            node.named_children(&mut cursor)
                .find(|child| child.kind() == "expression_list")
        })?;
    match value.kind() {
        "expression_list" => value.named_child(0).filter(|_| value.named_child_count() == 1),
        "parenthesized_expression" | "as_expression" | "satisfies_expression" => value.named_child(0),
        _ => Some(value),
    }
}

/// The name that a node gives to what it defines.
pub(super) fn name_of(node: Node<'_>) -> Option<ByteRange> {
    if let (Some(of_trait), Some(of_type)) = (node.child_by_field_name("trait"), node.child_by_field_name("type")) {
        return Some(of_trait.start_byte()..of_type.end_byte());
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
        .or_else(|| {
            let mut cursor = node.walk();
            node.named_children(&mut cursor)
                .find(|child| child.kind() == "variable_list")
        })?;
    // Unnamed structs and enums have no name but a body.
    (!named.kind().ends_with("_list") || named.kind() == "variable_list").then(|| declared(named))
}

/// The name inside a declarator of C: `*(f)(int)` declares `f`.
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

/// The name of a definition that has none itself: `typedef struct {…} Name`, `export default () => …`.
pub(super) fn wrapper_name(node: Node<'_>) -> Option<ByteRange> {
    if let Some(declarator) = node.child_by_field_name("declarator") {
        return Some(declared(declarator));
    }
    let mut cursor = node.walk();
    node.children(&mut cursor)
        .find(|child| child.kind() == "default")
        .map(|child| child.byte_range())
}
