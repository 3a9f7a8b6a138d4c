//! Selects handwritten text files by their names alone.
//!
//! The index covers code with a grammar by its items, and documents by their headings. This file lists other handwritten files: plain
//! documents, configuration, and languages without a grammar. Files on no list are skipped: most are binary or data, and a list is easier
//! to explain than a guess from the content.

use std::path::Path;

use super::notebook::is_notebook;
use super::skipped::Skipped;
use crate::text::Language;

/// Size in bytes above which configuration or plain text counts as data.
const MAX_HANDWRITTEN_BYTES: u64 = 64 << 10;

/// The role of a file in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Code, with a grammar or without one.
    Code,
    /// Text for readers.
    Document,
    /// Instructions to run, build or deploy a program.
    Configuration,
}

/// The role of a file, judged by its name.
///
/// # Errors
/// The reason, if the file is skipped.
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
        // `LICENSE-MIT` has no extension that identifies a language.
        Language::Markdown | Language::Prose | Language::Other if is_license(&name) => Err(Skipped::License),
        Language::Prose if DATA.contains(&extension) || is_message(&name) => Err(Skipped::Data),
        Language::Markdown | Language::Prose => Ok(Role::Document),
        Language::Other if SOURCES.contains(&extension) => Ok(Role::Code),
        Language::Other if is_configuration(&name, extension) => Ok(Role::Configuration),
        Language::Other => Err(Skipped::Unknown),
        _ => Ok(Role::Code),
    }
}

/// Whether a file's name marks it as data or as output of a package manager.
pub fn holds_data(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    TABLES.contains(&&*extension) || matches!(role(path), Err(Skipped::Lock | Skipped::Data))
}

/// Whether files of a language usually have items.
///
/// Configuration and languages without a grammar have none; plain text often has no headings.
pub fn has_items(language: Language) -> bool {
    use Language::{Json, Other, Prose, Toml, Yaml};
    !matches!(language, Other | Prose | Json | Toml | Yaml)
}

/// Whether a file of a role is too large to be handwritten. Code and documents with markup may be long.
pub fn is_data(path: &Path, role: Role, bytes: u64) -> bool {
    let plain = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("txt"));
    (role == Role::Configuration || plain) && bytes > MAX_HANDWRITTEN_BYTES
}

/// Whether a hidden file or folder is handwritten, for a tool: `.github`, `.eslintrc.json`.
pub fn is_written_though_hidden(name: &str) -> bool {
    let name = name.to_lowercase();
    let stem = name
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '.')
        .map_or(&*name, |(end, _)| &name[..end]);
    HIDDEN.contains(&stem)
}

/// Whether a file contains a license, which says nothing about the project.
fn is_license(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let first = stem.split(['-', '_']).next().unwrap_or_default();
    LICENSES.contains(&first) && !SOURCES.contains(&extension)
}

/// Whether a file contains a message that Git keeps while the user edits it.
fn is_message(name: &str) -> bool {
    name.ends_with("_editmsg") || name.ends_with("_msg")
}

fn is_configuration(name: &str, extension: &str) -> bool {
    let of_docker = ["dockerfile.", "containerfile."]
        .iter()
        .any(|start| name.starts_with(start));
    CONFIGURATION.contains(&extension) || CONFIGURATION_NAMES.contains(&name) || of_docker
}

/// Extensions of tables; the index skips these files because no list contains them.
const TABLES: &[&str] = &["csv", "tsv", "psv", "log"];

/// Lower-case names of files by package managers; names that end in `.lock` need no entry.
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

/// Extensions of data in languages that also have configuration or documents.
const DATA: &[&str] = &["jsonl", "ndjson", "geojson", "eml", "srt"];

/// First words in names of license files.
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

/// Extensions of languages without a grammar.
const SOURCES: &[&str] = &[
    // JVM, Apple, .NET.
    "kt", "kts", "scala", "sc", "groovy", "gradle", "clj", "cljs", "cljc", "edn", "swift", "m", "mm", "fs", "fsi",
    "fsx", "vb", // Compiled and functional languages.
    "zig", "nim", "cr", "d", "hs", "lhs", "ml", "mli", "elm", "purs", "ex", "exs", "erl", "hrl", "rkt", "scm", "lisp",
    "el", "dart", "pas", "adb", "ads", "f", "f90", "f95", "f03", "for", "sol", "move", "s", "asm", "v", "sv", "vhd",
    "vhdl", // Scripts and statistics.
    "pl", "pm", "r", "jl", "tcl", "coffee", "awk", "fish", "ps1", "psm1", "bat", "cmd", "vim",
    // Web and templates.
    "html", "htm", "css", "scss", "sass", "less", "vue", "svelte", "astro", "erb", "ejs", "hbs", "mustache", "jinja",
    "jinja2", "j2", "twig", "haml", "slim", "pug", "liquid", "tmpl", "tpl", "cshtml", "razor",
    // Queries, interfaces, shaders.
    "sql", "graphql", "gql", "proto", "thrift", "fbs", "capnp", "avdl", "prisma", "glsl", "vert", "frag", "comp",
    "hlsl", "metal", "wgsl", "cl", "rego",
];

/// Extensions of configuration other than JSON, TOML and YAML.
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

/// Full lower-case names of configuration files.
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

/// Handwritten hidden files (up to their second period) and hidden folders of tools.
///
/// Other hidden files contain caches, personal settings or secrets.
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
    fn names_determine_the_role_of_handwritten_files() {
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
    fn lock_files_licenses_data_and_unlisted_files_are_skipped_with_a_reason() {
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
    fn large_configuration_and_plain_text_are_data() {
        let data = |path: &str, bytes| is_data(Path::new(path), of(path).unwrap(), bytes);
        assert!(data("rows.json", 65_537) && data("words.txt", 65_537) && data("dump.xml", 1 << 20));
        assert!(!data("package.json", 65_536) && !data("manual.rst", 1 << 20) && !data("schema.sql", 1 << 20));
    }

    #[test]
    fn hidden_files_of_tools_are_handwritten_and_personal_ones_are_not() {
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
