//! Which files are text that people write, by their names alone.
//!
//! Code with a grammar is indexed by its items, and so are documents with headings. This page adds lists of what people write besides:
//! plain documents, configuration, and languages without a grammar. A file that no list names is not read: most of these are binary
//! or data, and a list can be explained where a guess from the content cannot.

use std::path::Path;

use super::files::Skipped;
use super::notebook::is_notebook;
use crate::text::Language;

/// Bytes above which configuration or plain text is data that a program wrote.
const LARGEST_WRITTEN_BY_HAND: u64 = 64 << 10;

/// What a file is to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Code, with a grammar or without one.
    Code,
    /// Text for people.
    Document,
    /// What tells a program how to run, build or deploy.
    Configuration,
}

/// The role of a file by its name.
///
/// # Errors
/// Why it is left out.
pub fn role(path: &Path) -> Result<Role, Skipped> {
    let language = Language::from_path(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
    if LOCKS.contains(&&*name) || extension == "lock" || stem.ends_with("-lock") && language == Language::Yaml {
        return Err(Skipped::Lock);
    }
    match language {
        Language::Json if is_notebook(path) => Ok(Role::Code),
        Language::Json if DATA.contains(&extension) => Err(Skipped::Data),
        Language::Json | Language::Toml | Language::Yaml => Ok(Role::Configuration),
        // `LICENSE-MIT` has no ending that would tell a language.
        Language::Markdown | Language::Prose | Language::Other if is_license(&name) => Err(Skipped::License),
        Language::Prose if DATA.contains(&extension) || is_message(&name) => Err(Skipped::Data),
        Language::Markdown | Language::Prose => Ok(Role::Document),
        Language::Other if SOURCES.contains(&extension) => Ok(Role::Code),
        Language::Other if is_configuration(&name, extension) => Ok(Role::Configuration),
        Language::Other => Err(Skipped::Unknown),
        _ => Ok(Role::Code),
    }
}

/// Whether a file's name says that it holds data or what a package manager wrote.
pub fn holds_data(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    TABLES.contains(&&*extension) || matches!(role(path), Err(Skipped::Lock | Skipped::Data))
}

/// Whether files of a language usually have items. Configuration and languages without a grammar never have, plain text often has no
/// headings.
pub fn has_items(language: Language) -> bool {
    use Language::{Json, Other, Prose, Toml, Yaml};
    !matches!(language, Other | Prose | Json | Toml | Yaml)
}

/// Whether a file of a role has more bytes than people write by hand. Code and documents with markup may be long.
pub fn is_data(path: &Path, role: Role, bytes: u64) -> bool {
    let plain = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("txt"));
    (role == Role::Configuration || plain) && bytes > LARGEST_WRITTEN_BY_HAND
}

/// Whether a hidden file or folder is one that people write for a tool: `.github`, `.eslintrc.json`.
pub fn is_written_though_hidden(name: &str) -> bool {
    let name = name.to_lowercase();
    let stem = name
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '.')
        .map_or(&*name, |(end, _)| &name[..end]);
    HIDDEN.contains(&stem)
}

/// Whether a file holds the words of a license, which say nothing about the project.
fn is_license(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let first = stem.split(['-', '_']).next().unwrap_or_default();
    LICENSES.contains(&first) && !SOURCES.contains(&extension)
}

/// Whether a file holds a message that Git keeps while somebody writes them.
fn is_message(name: &str) -> bool {
    name.ends_with("_editmsg") || name.ends_with("_msg")
}

fn is_configuration(name: &str, extension: &str) -> bool {
    let of_docker = ["dockerfile.", "containerfile."]
        .iter()
        .any(|start| name.starts_with(start));
    CONFIGURATION.contains(&extension) || CONFIGURATION_NAMES.contains(&name) || of_docker
}

/// Endings of tables of values, which the index leaves out as files that no list names.
const TABLES: &[&str] = &["csv", "tsv", "psv", "log"];

/// What package managers write, in lower case; names that end in `.lock` need no entry.
const LOCKS: &[&str] = &[
    "package-lock.json",
    "npm-shrinkwrap.json",
    "packages.lock.json",
    "pnpm-lock.yaml",
    "go.sum",
    "go.work.sum",
    "bun.lockb",
    "gradle.lockfile",
    "package.resolved",
];

/// Endings of data in languages that also have configuration or documents.
const DATA: &[&str] = &["jsonl", "ndjson", "geojson", "eml", "srt"];

/// First words of the names of licenses.
const LICENSES: &[&str] = &[
    "license",
    "licence",
    "licenses",
    "licences",
    "copying",
    "notice",
    "unlicense",
    "copyright",
];

/// Endings of languages without a grammar here.
const SOURCES: &[&str] = &[
    // On the JVM, of Apple, of .NET.
    "kt", "kts", "scala", "sc", "groovy", "gradle", "clj", "cljs", "cljc", "edn", "swift", "m", "mm", "fs", "fsi",
    "fsx", "vb", // Compiled and functional languages.
    "zig", "nim", "cr", "d", "hs", "lhs", "ml", "mli", "elm", "purs", "ex", "exs", "erl", "hrl", "rkt", "scm", "lisp",
    "el", "dart", "pas", "adb", "ads", "f", "f90", "f95", "f03", "for", "sol", "move", "s", "asm", "v", "sv", "vhd",
    "vhdl", // Scripts and statistics.
    "pl", "pm", "r", "jl", "tcl", "coffee", "awk", "fish", "ps1", "psm1", "bat", "cmd", "vim",
    // Of the web, and templates.
    "html", "htm", "css", "scss", "sass", "less", "vue", "svelte", "astro", "erb", "ejs", "hbs", "mustache", "jinja",
    "jinja2", "j2", "twig", "haml", "slim", "pug", "liquid", "tmpl", "tpl", "cshtml", "razor",
    // Queries, interfaces, shaders.
    "sql", "graphql", "gql", "proto", "thrift", "fbs", "capnp", "avdl", "prisma", "glsl", "vert", "frag", "comp",
    "hlsl", "metal", "wgsl", "cl", "rego",
];

/// Endings of configuration that is neither JSON, TOML nor YAML.
const CONFIGURATION: &[&str] = &[
    "ini",
    "cfg",
    "conf",
    "cnf",
    "properties",
    "editorconfig",
    "service",
    "timer",
    "socket",
    "desktop",
    "mk",
    "mak",
    "make",
    "cmake",
    "dockerfile",
    "tf",
    "hcl",
    "nix",
    "cue",
    "jsonnet",
    "libsonnet",
    "dhall",
    "bazel",
    "gn",
    "gni",
    "cabal",
    "opam",
    "xml",
    "csproj",
    "fsproj",
    "vbproj",
    "vcxproj",
    "props",
    "targets",
    "nuspec",
    "sln",
    "plist",
    "am",
    "ac",
    "m4",
];

/// Whole names of configuration, in lower case.
const CONFIGURATION_NAMES: &[&str] = &[
    "makefile",
    "gnumakefile",
    "dockerfile",
    "containerfile",
    "justfile",
    "jenkinsfile",
    "procfile",
    "pipfile",
    "tiltfile",
    "earthfile",
    "caddyfile",
    "kconfig",
    "codeowners",
    "build",
    "workspace",
    "dune",
    "go.mod",
    "go.work",
    "cmakelists.txt",
    "requirements.txt",
    "constraints.txt",
    "meson.build",
    "meson_options.txt",
    "manifest.in",
    "makefile.in",
    "rebar.config",
    ".coveragerc",
    ".flake8",
    ".pylintrc",
    ".bazelrc",
];

/// Hidden files without what follows their second full stop, and hidden folders, that people write for tools. Others hold caches, the
/// settings of one person, or secrets.
const HIDDEN: &[&str] = &[
    ".github",
    ".gitlab",
    ".gitlab-ci",
    ".circleci",
    ".travis",
    ".appveyor",
    ".azure-pipelines",
    ".woodpecker",
    ".buildkite",
    ".cargo",
    ".config",
    ".devcontainer",
    ".storybook",
    ".editorconfig",
    ".pre-commit-config",
    ".pre-commit-hooks",
    ".readthedocs",
    ".codecov",
    ".coveragerc",
    ".flake8",
    ".pylintrc",
    ".bazelrc",
    ".yamllint",
    ".markdownlint",
    ".golangci",
    ".goreleaser",
    ".rubocop",
    ".rustfmt",
    ".clang-format",
    ".clang-tidy",
    ".eslintrc",
    ".prettierrc",
    ".babelrc",
    ".stylelintrc",
    ".swcrc",
    ".mocharc",
    ".nycrc",
    ".releaserc",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Result<Role, Skipped> {
        role(Path::new(path))
    }

    #[test]
    fn text_that_people_write_has_a_role_by_its_name() {
        for code in [
            "a.rs",
            "src/App.kt",
            "x.swift",
            "db/schema.sql",
            "api.proto",
            "site/a.CSS",
            "page.html",
            "run.sh",
            "a.h",
        ] {
            assert_eq!(of(code), Ok(Role::Code), "{code}");
        }
        for document in [
            "README.md",
            "notes.txt",
            "docs/index.rst",
            "guide.adoc",
            "TODO",
            "CHANGELOG",
        ] {
            assert_eq!(of(document), Ok(Role::Document), "{document}");
        }
        for configuration in [
            "Cargo.toml",
            "package.json",
            ".github/workflows/ci.yml",
            "Dockerfile",
            "Dockerfile.dev",
            "Makefile",
            "CMakeLists.txt",
            "requirements.txt",
            "setup.cfg",
            "tox.ini",
            "pom.xml",
            "go.mod",
            ".editorconfig",
            ".flake8",
        ] {
            assert_eq!(of(configuration), Ok(Role::Configuration), "{configuration}");
        }
    }

    #[test]
    fn locks_licenses_data_and_what_no_list_names_are_left_out_with_their_reason() {
        for (reason, paths) in [
            (
                Skipped::Lock,
                &[
                    "Cargo.lock",
                    "poetry.lock",
                    "yarn.lock",
                    "package-lock.json",
                    "pnpm-lock.yaml",
                    "go.sum",
                ][..],
            ),
            (
                Skipped::License,
                &["LICENSE", "LICENSE-MIT", "COPYING", "license.md", "NOTICE.txt"],
            ),
            (
                Skipped::Data,
                &["rows.jsonl", "map.geojson", "mail.eml", "COMMIT_EDITMSG"],
            ),
            (
                Skipped::Unknown,
                &[
                    "rows.csv",
                    "logo.svg",
                    "app.js.map",
                    "a.png",
                    "noextension",
                    "a.out",
                    "",
                ],
            ),
        ] {
            for path in paths {
                assert_eq!(of(path), Err(reason), "{path}");
            }
        }
        for code in ["src/license.rs", "license.kt", "ui/notice.css"] {
            assert_eq!(of(code), Ok(Role::Code), "{code}");
        }
        assert_eq!(of("licensing.md"), Ok(Role::Document));
    }

    #[test]
    fn configuration_and_plain_text_over_a_size_are_data() {
        let data = |path: &str, bytes| is_data(Path::new(path), of(path).unwrap(), bytes);
        assert!(data("rows.json", 65_537) && data("words.txt", 65_537) && data("dump.xml", 1 << 20));
        assert!(!data("package.json", 65_536) && !data("manual.rst", 1 << 20) && !data("schema.sql", 1 << 20));
    }

    #[test]
    fn hidden_files_of_tools_are_known_and_those_of_persons_are_not() {
        for name in [
            ".github",
            ".eslintrc.json",
            ".pre-commit-config.yaml",
            ".gitlab-ci.yml",
            ".editorconfig",
        ] {
            assert!(is_written_though_hidden(name), "{name}");
        }
        for name in [
            ".git", ".venv", ".env", ".ssh", ".hidden", ".npmrc", ".cache", ".idea", ".", "",
        ] {
            assert!(!is_written_though_hidden(name), "{name}");
        }
    }
}
