//! The node kinds of each language's syntax that the outline uses.

use crate::text::Language;

/// The node kinds of one language.
#[derive(Debug)]
pub(super) struct Grammar {
    pub syntax: fn() -> tree_sitter::Language,
    /// Functions and methods.
    pub functions: &'static [&'static str],
    /// Classes, structs, traits, modules …
    pub types: &'static [&'static str],
    /// Functions and types of these kinds need a body. Without one they are declarations and belong to their surroundings.
    pub need_body: &'static [&'static str],
    /// Nodes that belong to the single definition inside them: exports, decorators, templates.
    pub wrappers: &'static [&'static str],
    /// Nodes that bind a value to a name.
    pub bindings: &'static [&'static str],
    /// Values that make a binding a function.
    pub function_values: &'static [&'static str],
    /// Values that make a binding a type, if they contain functions.
    pub object_values: &'static [&'static str],
    /// Calls, which may be definitions because of the functions they receive.
    pub calls: &'static [&'static str],
    /// Nodes that belong to the definition directly below them.
    pub leads: &'static [&'static str],
}

const NONE: Grammar = Grammar {
    syntax: || tree_sitter_json::LANGUAGE.into(),
    functions: &[],
    types: &[],
    need_body: &[],
    wrappers: &[],
    bindings: &[],
    function_values: &[],
    object_values: &[],
    calls: &[],
    leads: &["comment"],
};

/// The grammar of a language, if it has one.
pub(super) fn of(language: Language) -> Option<&'static Grammar> {
    match language {
        Language::Rust => Some(&RUST),
        Language::Python => Some(&PYTHON),
        Language::JavaScript => Some(&JAVASCRIPT),
        Language::TypeScript => Some(&TYPESCRIPT),
        Language::Tsx => Some(&TSX),
        Language::Go => Some(&GO),
        Language::Java => Some(&JAVA),
        Language::C => Some(&C),
        Language::Cpp => Some(&CPP),
        Language::CSharp => Some(&C_SHARP),
        Language::Ruby => Some(&RUBY),
        Language::Php => Some(&PHP),
        Language::Bash => Some(&BASH),
        Language::Lua => Some(&LUA),
        Language::Markdown => Some(&MARKDOWN),
        Language::Json => Some(&JSON),
        Language::Toml => Some(&TOML),
        Language::Yaml => Some(&YAML),
        Language::Prose | Language::Other => None,
    }
}

static RUST: Grammar = Grammar {
    syntax: || tree_sitter_rust::LANGUAGE.into(),
    functions: &["function_item", "macro_definition"],
    types: &[
        "struct_item",
        "enum_item",
        "union_item",
        "trait_item",
        "impl_item",
        "mod_item",
    ],
    need_body: &["mod_item"],
    bindings: &["static_item", "const_item"],
    function_values: &["closure_expression"],
    calls: &["call_expression"],
    leads: &[
        "line_comment",
        "block_comment",
        "attribute_item",
        "inner_attribute_item",
    ],
    ..NONE
};

static PYTHON: Grammar = Grammar {
    syntax: || tree_sitter_python::LANGUAGE.into(),
    functions: &["function_definition"],
    types: &["class_definition"],
    wrappers: &["decorated_definition", "expression_statement"],
    bindings: &["assignment"],
    function_values: &["lambda"],
    ..NONE
};

const JAVASCRIPT: Grammar = Grammar {
    syntax: || tree_sitter_javascript::LANGUAGE.into(),
    functions: &[
        "function_declaration",
        "generator_function_declaration",
        "method_definition",
    ],
    types: &["class_declaration", "class"],
    wrappers: &[
        "export_statement",
        "lexical_declaration",
        "variable_declaration",
        "expression_statement",
    ],
    bindings: &[
        "variable_declarator",
        "assignment_expression",
        "augmented_assignment_expression",
        "field_definition",
        "pair",
    ],
    function_values: &["arrow_function", "function_expression", "generator_function"],
    object_values: &["object", "class"],
    calls: &["call_expression", "new_expression"],
    leads: &["comment", "decorator"],
    ..NONE
};

const TYPESCRIPT: Grammar = Grammar {
    syntax: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
    types: &[
        "class_declaration",
        "class",
        "abstract_class_declaration",
        "interface_declaration",
        "type_alias_declaration",
        "enum_declaration",
        "internal_module",
        "module",
    ],
    wrappers: &[
        "export_statement",
        "ambient_declaration",
        "lexical_declaration",
        "variable_declaration",
        "expression_statement",
    ],
    bindings: &[
        "variable_declarator",
        "assignment_expression",
        "augmented_assignment_expression",
        "public_field_definition",
        "pair",
    ],
    ..JAVASCRIPT
};

static TSX: Grammar = Grammar {
    syntax: || tree_sitter_typescript::LANGUAGE_TSX.into(),
    ..TYPESCRIPT
};

static GO: Grammar = Grammar {
    syntax: || tree_sitter_go::LANGUAGE.into(),
    functions: &["function_declaration", "method_declaration"],
    types: &["type_spec", "type_alias"],
    wrappers: &["type_declaration", "var_declaration", "expression_statement"],
    bindings: &["var_spec", "keyed_element"],
    function_values: &["func_literal"],
    object_values: &["composite_literal"],
    calls: &["call_expression"],
    ..NONE
};

static JAVA: Grammar = Grammar {
    syntax: || tree_sitter_java::LANGUAGE.into(),
    functions: &[
        "method_declaration",
        "constructor_declaration",
        "compact_constructor_declaration",
    ],
    types: &[
        "class_declaration",
        "interface_declaration",
        "enum_declaration",
        "record_declaration",
        "annotation_type_declaration",
    ],
    need_body: &["method_declaration"],
    bindings: &["variable_declarator"],
    function_values: &["lambda_expression"],
    object_values: &["object_creation_expression"],
    calls: &["method_invocation"],
    wrappers: &["field_declaration"],
    leads: &["line_comment", "block_comment"],
};

const C: Grammar = Grammar {
    syntax: || tree_sitter_c::LANGUAGE.into(),
    functions: &["function_definition", "preproc_function_def"],
    types: &["struct_specifier", "union_specifier", "enum_specifier"],
    need_body: &["struct_specifier", "union_specifier", "enum_specifier"],
    wrappers: &["type_definition", "declaration"],
    ..NONE
};

static CPP: Grammar = Grammar {
    syntax: || tree_sitter_cpp::LANGUAGE.into(),
    types: &[
        "struct_specifier",
        "union_specifier",
        "enum_specifier",
        "class_specifier",
        "namespace_definition",
        "concept_definition",
    ],
    need_body: &[
        "struct_specifier",
        "union_specifier",
        "enum_specifier",
        "class_specifier",
        "namespace_definition",
        "function_definition",
    ],
    wrappers: &[
        "type_definition",
        "declaration",
        "template_declaration",
        "field_declaration",
    ],
    bindings: &["init_declarator"],
    function_values: &["lambda_expression"],
    calls: &["call_expression"],
    ..C
};

static C_SHARP: Grammar = Grammar {
    syntax: || tree_sitter_c_sharp::LANGUAGE.into(),
    functions: &[
        "method_declaration",
        "constructor_declaration",
        "destructor_declaration",
        "operator_declaration",
        "conversion_operator_declaration",
        "property_declaration",
        "indexer_declaration",
        "local_function_statement",
    ],
    types: &[
        "namespace_declaration",
        "class_declaration",
        "struct_declaration",
        "interface_declaration",
        "record_declaration",
        "enum_declaration",
        "delegate_declaration",
    ],
    need_body: &[
        "method_declaration",
        "constructor_declaration",
        "operator_declaration",
        "conversion_operator_declaration",
        "property_declaration",
        "indexer_declaration",
    ],
    wrappers: &[
        "global_statement",
        "field_declaration",
        "variable_declaration",
        "local_declaration_statement",
        "expression_statement",
    ],
    bindings: &["variable_declarator"],
    function_values: &["lambda_expression", "anonymous_method_expression"],
    calls: &["invocation_expression"],
    ..NONE
};

static RUBY: Grammar = Grammar {
    syntax: || tree_sitter_ruby::LANGUAGE.into(),
    functions: &["method", "singleton_method"],
    types: &["class", "module"],
    bindings: &["assignment"],
    function_values: &["lambda"],
    calls: &["call"],
    ..NONE
};

static PHP: Grammar = Grammar {
    syntax: || tree_sitter_php::LANGUAGE_PHP.into(),
    functions: &["function_definition", "method_declaration"],
    types: &[
        "class_declaration",
        "interface_declaration",
        "trait_declaration",
        "enum_declaration",
        "namespace_definition",
    ],
    need_body: &["method_declaration", "namespace_definition"],
    wrappers: &["expression_statement"],
    bindings: &["assignment_expression", "array_element_initializer"],
    function_values: &["anonymous_function", "arrow_function"],
    object_values: &["array_creation_expression"],
    calls: &[
        "function_call_expression",
        "scoped_call_expression",
        "member_call_expression",
    ],
    ..NONE
};

static BASH: Grammar = Grammar {
    syntax: || tree_sitter_bash::LANGUAGE.into(),
    functions: &["function_definition"],
    ..NONE
};

static LUA: Grammar = Grammar {
    syntax: || tree_sitter_lua::LANGUAGE.into(),
    functions: &["function_declaration"],
    wrappers: &["variable_declaration"],
    bindings: &["assignment_statement", "field"],
    function_values: &["function_definition"],
    object_values: &["table_constructor"],
    calls: &["function_call"],
    ..NONE
};

static MARKDOWN: Grammar = Grammar {
    syntax: || tree_sitter_md::LANGUAGE.into(),
    ..NONE
};

static JSON: Grammar = NONE;

static TOML: Grammar = Grammar {
    syntax: || tree_sitter_toml_ng::LANGUAGE.into(),
    ..NONE
};

static YAML: Grammar = Grammar {
    syntax: || tree_sitter_yaml::LANGUAGE.into(),
    ..NONE
};
