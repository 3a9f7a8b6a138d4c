"""Cuts source files into functions, and separates documentation comments from code.

This file uses tree-sitter parsers, as Fovea does, but shares no code with Fovea. An evaluation that used the code under test to cut its
items could not find the mistakes of that code.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from tree_sitter import Language, Parser

# Language: module, name of the grammar in it, node kinds that are functions, node kinds that contain functions.
GRAMMARS = {
    "python": ("tree_sitter_python", "language", {"function_definition"}, {"class_definition"}),
    "rust": ("tree_sitter_rust", "language", {"function_item"}, {"impl_item", "trait_item", "mod_item"}),
    "go": ("tree_sitter_go", "language", {"function_declaration", "method_declaration"}, set()),
    "java": (
        "tree_sitter_java",
        "language",
        {"method_declaration", "constructor_declaration"},
        {"class_declaration", "interface_declaration", "enum_declaration", "record_declaration"},
    ),
    "javascript": (
        "tree_sitter_javascript",
        "language",
        {"function_declaration", "generator_function_declaration", "method_definition", "bound"},
        {"class_declaration", "class"},
    ),
    "typescript": (
        "tree_sitter_typescript",
        "language_typescript",
        {"function_declaration", "generator_function_declaration", "method_definition", "bound"},
        {"class_declaration", "class", "abstract_class_declaration"},
    ),
    "c": ("tree_sitter_c", "language", {"function_definition"}, set()),
    "cpp": ("tree_sitter_cpp", "language", {"function_definition"}, {"class_specifier", "struct_specifier"}),
    "csharp": (
        "tree_sitter_c_sharp",
        "language",
        {"method_declaration", "constructor_declaration"},
        {"class_declaration", "struct_declaration", "interface_declaration", "record_declaration"},
    ),
    "ruby": ("tree_sitter_ruby", "language", {"method", "singleton_method"}, {"class", "module", "singleton_class"}),
    "php": (
        "tree_sitter_php",
        "language_php",
        {"function_definition", "method_declaration"},
        {"class_declaration", "trait_declaration", "interface_declaration"},
    ),
}
EXTENSIONS = {
    ".py": "python",
    ".rs": "rust",
    ".go": "go",
    ".java": "java",
    ".js": "javascript",
    ".mjs": "javascript",
    ".ts": "typescript",
    ".c": "c",
    ".cpp": "cpp",
    ".cc": "cpp",
    ".hpp": "cpp",
    ".cs": "csharp",
    ".rb": "ruby",
    ".php": "php",
}
WRAPPERS = {"decorated_definition", "export_statement", "template_declaration"}
LEADS = {"comment", "line_comment", "block_comment", "attribute_item", "attribute_list"}


@dataclass
class Function:
    """One function: `code` is its text without the documentation, and `doc` is the unchanged documentation."""

    name: str
    container: str
    code: str
    doc: str
    test: bool
    line: int


@cache
def parser(language):
    module, attribute, _, _ = GRAMMARS[language]
    return Parser(Language(getattr(import_module(module), attribute)()))


def functions(source: str, language: str) -> list[Function]:
    """The outermost functions of a file, in the order of the file."""
    data = source.encode()
    _, _, kinds, holders = GRAMMARS[language]
    found = []

    def visit(node, container, test, depth):
        lead = []
        for child in node.children:
            if child.type in LEADS:
                if lead and child.start_point.row > lead[-1].end_point.row + 1:
                    lead = []
                lead.append(child)
                continue
            if lead and child.start_point.row > lead[-1].end_point.row + 1:
                lead = []
            inner = unwrapped(child)
            if is_function(inner, kinds):
                found.append(function(data, child, inner, lead, container, test, language))
            elif depth < 30:
                named = inner.type in holders
                inside = name_of(inner, data) if named else container
                tested = test or any(b"cfg(test)" in data[c.start_byte : c.end_byte] for c in lead)
                visit(child, inside or container, tested, depth + 1)
            lead = []

    visit(parser(language).parse(data).root_node, "", False, 0)
    return [f for f in found if f.name and f.code.strip()]


def unwrapped(node):
    """The node inside a decorator, an export or a template."""
    while node.type in WRAPPERS:
        inner = [c for c in node.named_children if c.type not in LEADS | {"decorator", "template_parameter_list"}]
        if not inner:
            break
        node = inner[-1]
    return node


def is_function(node, kinds):
    if node.type in kinds:
        return node.child_by_field_name("body") is not None or node.type in {"method", "singleton_method"}
    return "bound" in kinds and node.type in {"lexical_declaration", "variable_declaration"} and bound(node) is not None


def bound(node):
    """The declarator of `const f = () => …`."""
    for child in node.named_children:
        value = child.child_by_field_name("value") if child.type == "variable_declarator" else None
        if value is not None and value.type in {"arrow_function", "function_expression", "function"}:
            return child
    return None


def name_of(node, data):
    node = bound(node) or node if node.type in {"lexical_declaration", "variable_declaration"} else node
    name, declarator = node.child_by_field_name("name"), node.child_by_field_name("declarator")
    while name is None and declarator is not None:
        inner = declarator.child_by_field_name("declarator") or next(
            (c for c in declarator.named_children if c.type.endswith("declarator")), None
        )
        name, declarator = (declarator, None) if inner is None else (None, inner)
    name = name or node.child_by_field_name("type")
    return data[name.start_byte : name.end_byte].decode(errors="replace") if name is not None else ""


def function(data, outer, node, lead, container, test, language):
    code = data[outer.start_byte : outer.end_byte]
    doc = [data[c.start_byte : c.end_byte].decode(errors="replace") for c in lead if "comment" in c.type]
    marks = b"".join(data[c.start_byte : c.end_byte] for c in lead if "comment" not in c.type)
    if language == "go" and (receiver := node.child_by_field_name("receiver")) is not None:
        container = re.sub(rb"[()*]|\[.*", b"", data[receiver.start_byte : receiver.end_byte]).decode().split(" ")[-1]
    if language == "python" and (own := docstring(node)) is not None:
        doc.append(data[own.start_byte : own.end_byte].decode(errors="replace"))
        code = data[outer.start_byte : own.start_byte].rstrip() + data[own.end_byte : outer.end_byte]
    return Function(
        name_of(node, data),
        container,
        code.decode(errors="replace"),
        "\n".join(doc),
        test or b"test" in marks,
        outer.start_point.row,
    )


def docstring(node):
    body = node.child_by_field_name("body")
    first = body.named_children[0] if body is not None and body.named_children else None
    if first is not None and first.type == "expression_statement":
        first = first.named_children[0] if first.named_children else None
    return first if first is not None and first.type == "string" else None


def first_sentence(doc: str, name: str) -> str:
    """The first sentence of a documentation comment, in the form of a search query."""
    text = re.sub(r"^\s*(///?!?|/\*\*?!?|\*/?|#+|[rRuUbB]*\"\"\"|[rRuUbB]*''')|(\*/|\"\"\"|''')\s*$", "", doc, flags=re.M)
    text = re.sub(r"</?\w+[^>]*>|`|\{@\w+\s+([^}]*)\}", lambda m: m.group(1) or "", text)
    paragraph = []
    for line in text.strip().splitlines():
        line = line.strip(" *\t")
        described = re.match(r"@(description|summary|brief)\s+(.*)", line)
        if described:
            paragraph = [described.group(2)]
        elif line.startswith(("@", ":", "\\", "-", ">>>", "=")) or not line:
            if paragraph and not paragraph_is_title(paragraph):
                break
            if line:
                continue
            paragraph = [] if paragraph_is_title(paragraph) else paragraph
        else:
            paragraph.append(line)
    sentence = re.split(r"(?<=[a-z0-9)])[.:](?:\s|$)", " ".join(paragraph), maxsplit=1)[0].strip()
    return re.sub(rf"^{re.escape(name)}\b\s*(is a function that|is|-)?\s*", "", sentence)


def paragraph_is_title(lines):
    """Whether a paragraph is a bare title or an `@name foo` block instead of a sentence."""
    return len(" ".join(lines).split()) < 3
