//! The languages that Fovea distinguishes.

use std::path::Path;

/// The language of a document, or of a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Language {
    Rust,
    Python,
    JavaScript,
    TypeScript,
    #[serde(rename = "typescriptreact")]
    Tsx,
    Go,
    Java,
    C,
    Cpp,
    CSharp,
    Ruby,
    Php,
    #[serde(rename = "shellscript")]
    Bash,
    Lua,
    Markdown,
    Json,
    Toml,
    Yaml,
    /// Text for readers, without markup that Fovea parses.
    #[serde(rename = "plaintext")]
    Prose,
    /// Any other language; counts as code.
    Other,
}

/// The names of a language.
struct Names {
    language: Language,
    /// The identifier in the Language Server Protocol.
    id: &'static str,
    /// Other identifiers and common names, in lower case.
    aliases: &'static [&'static str],
    /// File extensions, in lower case, without the dot.
    extensions: &'static [&'static str],
    /// Full file names, in lower case.
    files: &'static [&'static str],
}

const NAMES: &[Names] = &[
    Names {
        language: Language::Rust,
        id: "rust",
        aliases: &["rs"],
        extensions: &["rs"],
        files: &[],
    },
    Names {
        language: Language::Python,
        id: "python",
        aliases: &["py", "python3", "starlark", "bazel"],
        extensions: &["py", "pyi", "pyw", "bzl", "star"],
        files: &["build.bazel", "sconstruct", "sconscript"],
    },
    Names {
        language: Language::JavaScript,
        id: "javascript",
        aliases: &["js", "javascriptreact", "jsx", "mjs", "cjs", "node", "ecmascript"],
        extensions: &["js", "jsx", "mjs", "cjs", "es6"],
        files: &["jakefile"],
    },
    Names {
        language: Language::TypeScript,
        id: "typescript",
        aliases: &["ts", "mts", "cts"],
        extensions: &["ts", "mts", "cts"],
        files: &[],
    },
    Names {
        language: Language::Tsx,
        id: "typescriptreact",
        aliases: &["tsx", "typescript.tsx"],
        extensions: &["tsx"],
        files: &[],
    },
    Names {
        language: Language::Go,
        id: "go",
        aliases: &["golang"],
        extensions: &["go"],
        files: &[],
    },
    Names {
        language: Language::Java,
        id: "java",
        aliases: &[],
        extensions: &["java"],
        files: &[],
    },
    Names {
        language: Language::C,
        id: "c",
        aliases: &["h"],
        extensions: &["c", "h"],
        files: &[],
    },
    Names {
        language: Language::Cpp,
        id: "cpp",
        aliases: &["c++", "cxx", "cc", "hpp", "cuda-cpp", "cuda"],
        extensions: &[
            "cpp", "cc", "cxx", "c++", "hpp", "hh", "hxx", "h++", "ipp", "tpp", "inl", "cu", "cuh",
        ],
        files: &[],
    },
    Names {
        language: Language::CSharp,
        id: "csharp",
        aliases: &["c#", "cs", "c_sharp", "c-sharp"],
        extensions: &["cs", "csx"],
        files: &[],
    },
    Names {
        language: Language::Ruby,
        id: "ruby",
        aliases: &["rb"],
        extensions: &["rb", "rake", "gemspec", "ru", "podspec"],
        files: &[
            "gemfile",
            "rakefile",
            "podfile",
            "vagrantfile",
            "brewfile",
            "guardfile",
            "capfile",
        ],
    },
    Names {
        language: Language::Php,
        id: "php",
        aliases: &[],
        extensions: &["php", "phtml", "php5", "phpt"],
        files: &[],
    },
    Names {
        language: Language::Bash,
        id: "shellscript",
        aliases: &["bash", "sh", "shell", "zsh", "ksh", "shell-script", "console"],
        extensions: &["sh", "bash", "zsh", "ksh", "bats", "ebuild"],
        files: &[
            ".bashrc",
            ".bash_profile",
            ".bash_aliases",
            ".profile",
            ".zshrc",
            ".zprofile",
            ".zshenv",
            "pkgbuild",
            "apkbuild",
        ],
    },
    Names {
        language: Language::Lua,
        id: "lua",
        aliases: &["luau"],
        extensions: &["lua", "rockspec"],
        files: &[],
    },
    Names {
        language: Language::Markdown,
        id: "markdown",
        aliases: &["md", "gfm", "quarto", "rmd", "mdx", "pandoc", "vimwiki"],
        extensions: &["md", "markdown", "mdown", "mkd", "mdx", "qmd", "rmd"],
        files: &[],
    },
    Names {
        language: Language::Json,
        id: "json",
        aliases: &["jsonc", "json5", "jsonl"],
        extensions: &[
            "json",
            "jsonc",
            "json5",
            "jsonl",
            "ndjson",
            "geojson",
            "webmanifest",
            "ipynb",
        ],
        files: &[".prettierrc", ".eslintrc", ".babelrc", "composer.lock"],
    },
    Names {
        language: Language::Toml,
        id: "toml",
        aliases: &[],
        extensions: &["toml"],
        files: &["cargo.lock", "poetry.lock", "pdm.lock", "uv.lock"],
    },
    Names {
        language: Language::Yaml,
        id: "yaml",
        aliases: &["yml", "dockercompose", "github-actions-workflow", "helm"],
        extensions: &["yaml", "yml", "cff"],
        files: &[".clang-format", ".clang-tidy"],
    },
    Names {
        language: Language::Prose,
        id: "plaintext",
        aliases: &[
            "prose",
            "text",
            "txt",
            "base_mode",
            "git-commit",
            "gitcommit",
            "scminput",
            "latex",
            "tex",
            "bibtex",
            "restructuredtext",
            "rst",
            "asciidoc",
            "adoc",
            "org",
            "typst",
            "mail",
            "email",
            "help",
            "norg",
            "textile",
            "mediawiki",
            "literate haskell",
        ],
        extensions: &[
            "txt", "text", "tex", "rst", "adoc", "asciidoc", "org", "typ", "eml", "textile", "norg", "srt",
        ],
        files: &[
            "readme",
            "license",
            "licence",
            "copying",
            "notice",
            "authors",
            "contributors",
            "contributing",
            "changelog",
            "changes",
            "news",
            "todo",
            "install",
            "history",
            "commit_editmsg",
            "merge_msg",
            "tag_editmsg",
        ],
    },
];

/// Full lower-case names of configuration files with the extension of plain text.
const CODE_IN_TXT: [&str; 4] = [
    "cmakelists.txt",
    "requirements.txt",
    "constraints.txt",
    "meson_options.txt",
];

/// Identifiers of unsupported languages whose parts are names of other languages.
const UNSUPPORTED: [&str; 4] = ["go.mod", "go.sum", "go.work", "other"];

/// First parts of compound identifiers that name an unsupported language and go on with the languages it embeds: `vue.html.javascript.css`.
const EMBEDDING: [&str; 4] = ["vue.", "svelte.", "astro.", "html."];

/// First parts of TextMate scopes; the rest names the language.
const SCOPES: [&str; 3] = ["source", "text", "meta"];

/// The base name of an Emacs mode: `c++` for `c++-ts`, `js` for `js2`.
fn base_mode(id: &str) -> &str {
    let id = id.strip_suffix("-mode").unwrap_or(id);
    let id = id.strip_suffix("-ts").unwrap_or(id);
    id.trim_end_matches(|c: char| c.is_ascii_digit())
}

impl Language {
    /// The language of a Language Server Protocol identifier; [`Language::Other`] if unknown.
    pub fn from_id(id: &str) -> Self {
        Self::from_name(id).unwrap_or(Self::Other)
    }

    /// The language of a file, judged by its name; [`Language::Other`] if unknown.
    pub fn from_path(path: &Path) -> Self {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().to_lowercase()) else {
            return Self::Other;
        };
        if CODE_IN_TXT.contains(&name.as_str()) {
            return Self::Other;
        }
        let by_file = NAMES.iter().find(|names| names.files.contains(&name.as_str()));
        let extension = name
            .rsplit_once('.')
            .map(|(_, extension)| extension)
            .unwrap_or_default();
        by_file
            .or_else(|| NAMES.iter().find(|names| names.extensions.contains(&extension)))
            .map_or(Self::Other, |names| names.language)
    }

    /// The language of a compound identifier of an editor: `python.django`, `typescript.tsx`, `c++-ts`, `js2`.
    ///
    /// `None` if no part of it is known.
    pub fn from_compound_id(id: &str) -> Option<Self> {
        let id = id.trim().to_lowercase();
        if UNSUPPORTED.contains(&id.as_str()) || EMBEDDING.iter().any(|language| id.starts_with(language)) {
            return None;
        }
        let parts = || id.split('.').filter(|part| !SCOPES.contains(part));
        let exact = Self::from_name(&id).filter(|language| *language != Self::Other);
        exact
            .or_else(|| parts().find_map(Self::from_name))
            .or_else(|| parts().find_map(|part| Self::from_name(base_mode(part))))
    }

    /// The language for an identifier, name or common alias, in any case; `None` if unknown.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        if name == "other" {
            return Some(Self::Other);
        }
        NAMES
            .iter()
            .find(|names| names.id == name || names.aliases.contains(&name.as_str()))
            .map(|names| names.language)
    }

    /// The Language Server Protocol identifier (`rust`, `typescriptreact`, `shellscript`); `other` if there is none.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|names| names.language == self)
            .map_or("other", |names| names.id)
    }

    /// Whether its words are identifiers; false only for prose and Markdown.
    pub fn is_code(self) -> bool {
        !matches!(self, Self::Prose | Self::Markdown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compound_identifier_is_read_by_its_parts() {
        for (id, language) in [
            ("python.django", Some(Language::Python)),
            ("source.python", Some(Language::Python)),
            ("js2-mode", Some(Language::JavaScript)),
            ("c++-ts-mode", Some(Language::Cpp)),
            ("go.mod", None),
            ("vue.html.javascript.css", None),
            ("unheard.of", None),
        ] {
            assert_eq!(Language::from_compound_id(id), language, "{id}");
        }
    }

    #[test]
    fn every_language_has_its_own_names() {
        let mut seen = std::collections::HashSet::new();
        for names in NAMES {
            for name in names.aliases.iter().chain([&names.id]) {
                assert!(seen.insert(*name), "{name} stands twice");
                assert_eq!(Language::from_id(name), names.language);
            }
            assert_eq!(Language::from_name(names.language.name()), Some(names.language));
        }
    }

    #[test]
    fn serde_writes_the_name() {
        for language in NAMES.iter().map(|names| names.language).chain([Language::Other]) {
            let json = serde_json::to_value(language).unwrap();
            assert_eq!(json, language.name());
            assert_eq!(serde_json::from_value::<Language>(json).unwrap(), language);
        }
    }

    #[test]
    fn editor_identifiers_are_known() {
        for (id, language) in [
            ("rust", Language::Rust),
            ("typescriptreact", Language::Tsx),
            ("javascriptreact", Language::JavaScript),
            ("sh", Language::Bash),
            ("c_sharp", Language::CSharp),
            ("git-commit", Language::Prose),
            ("plaintext", Language::Prose),
            ("haskell", Language::Other),
            ("", Language::Other),
        ] {
            assert_eq!(Language::from_id(id), language, "{id}");
        }
    }

    #[test]
    fn aliases_are_accepted_in_any_case() {
        for (name, language) in [
            ("RS", Language::Rust),
            ("c++", Language::Cpp),
            ("C#", Language::CSharp),
            ("md", Language::Markdown),
            ("text", Language::Prose),
        ] {
            assert_eq!(Language::from_name(name), Some(language), "{name}");
        }
        assert_eq!(Language::from_name("klingon"), None);
    }

    #[test]
    fn the_name_then_the_extension_of_a_path_decides() {
        for (path, language) in [
            ("src/main.rs", Language::Rust),
            ("a/B.TSX", Language::Tsx),
            ("README", Language::Prose),
            ("README.md", Language::Markdown),
            ("Makefile", Language::Other),
            ("Dockerfile", Language::Other),
            ("CMakeLists.txt", Language::Other),
            ("notes.txt", Language::Prose),
            ("Gemfile", Language::Ruby),
            ("Cargo.lock", Language::Toml),
            ("noextension", Language::Other),
            ("/", Language::Other),
        ] {
            assert_eq!(Language::from_path(Path::new(path)), language, "{path}");
        }
    }

    #[test]
    fn data_files_count_as_code_and_prose_does_not() {
        assert!(Language::Json.is_code() && Language::Other.is_code());
        assert!(!Language::Prose.is_code() && !Language::Markdown.is_code());
    }
}
