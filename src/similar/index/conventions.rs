//! Recognizes tests, examples, re-exports and records by conventions of each language for paths and names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::IndexedItem;
use super::ranking::Aside;
use super::selection::{self, Role};
use crate::text::Language;

/// Test folders, in lower case.
const FOLDERS: [&str; 11] = [
    "test",
    "tests",
    "__tests__",
    "__mocks__",
    "testing",
    "testdata",
    "test_data",
    "test-data",
    "e2e",
    "integration-tests",
    "unittests",
];

/// Whether a path belongs to tests or to code that only tests use.
pub fn is_test_file(path: &Path, language: Language) -> bool {
    let mut folders = path.parent().into_iter().flat_map(Path::components);
    let in_folder = folders.any(|folder| {
        let folder = folder.as_os_str().to_string_lossy().to_lowercase();
        // In .NET, the tests of project `Name` are in the project `Name.Tests`.
        let project = [".test", ".tests", ".unittests", ".integrationtests"];
        FOLDERS.contains(&&*folder)
            || project.iter().any(|end| folder.ends_with(end))
            || (uses_spec_files(language) && matches!(&*folder, "spec" | "specs"))
    });
    // `config.test.ts` has the stem `config.test`.
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    in_folder || is_test_name(&stem, language) || (language == Language::Python && stem == "conftest")
}

/// Whether the language has tests in files and folders called `spec`.
fn uses_spec_files(language: Language) -> bool {
    use Language::{JavaScript, Lua, Php, Ruby, Tsx, TypeScript};
    matches!(language, JavaScript | TypeScript | Tsx | Ruby | Lua | Php)
}

/// Whether a file with this stem contains tests.
fn is_test_name(stem: &str, language: Language) -> bool {
    if !language.is_code() {
        return false;
    }
    let lower = stem.to_lowercase();
    let words: Vec<&str> = lower.split(['_', '-', '.']).collect();
    let (first, last) = (words[0], words[words.len() - 1]);
    let ends = matches!(last, "test" | "tests" | "unittest")
        || (uses_spec_files(language) && matches!(last, "spec" | "e2e" | "cy"));
    // The Go command recognizes tests only by the end of the name, and `test_functions.bash` is what tests call.
    let starts = matches!(first, "test" | "tests") && !matches!(language, Language::Go | Language::Bash);
    ends || starts || is_camel_case_test(stem, language)
}

/// Whether `ParserTest` or `TestParser` names a test. This applies to languages that name files after types.
fn is_camel_case_test(name: &str, language: Language) -> bool {
    use Language::{CSharp, Cpp, Java, JavaScript, Php, Tsx, TypeScript};
    let ends = |end: &str| name.len() > end.len() && name.ends_with(end);
    match language {
        Java | CSharp | Php | Cpp | JavaScript | TypeScript | Tsx => {
            ["Test", "Tests", "TestCase", "UnitTest", "Spec"]
                .iter()
                .any(|end| ends(end))
                || (language == Java && ends("IT") && !name[..name.len() - 2].ends_with(char::is_uppercase))
                || (matches!(language, Java | CSharp) && has_camel_prefix(name, "Test"))
        }
        _ => false,
    }
}

fn has_camel_prefix(name: &str, start: &str) -> bool {
    let rest = name.strip_prefix(start);
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_uppercase()))
}

/// Folders of third-party or generated code, in lower case.
const FOREIGN: [&str; 9] = [
    "vendor",
    "vendored",
    "third_party",
    "third-party",
    "node_modules",
    "generated",
    "__generated__",
    "dist",
    "gen",
];

/// Suffixes of generated files, in lower case.
const WRITTEN: [&str; 14] = [
    ".pb.go",
    ".pb.cc",
    ".pb.h",
    ".pb.rs",
    "_pb2.py",
    "_pb2_grpc.py",
    "_grpc.pb.go",
    ".min.js",
    ".g.cs",
    ".designer.cs",
    "_generated.go",
    "_generated.rs",
    ".generated.ts",
    "_gen.go",
];

/// Whether the path indicates generated or third-party code, which repeats itself.
pub fn is_foreign_file(path: &Path) -> bool {
    let mut folders = path.parent().into_iter().flat_map(Path::components);
    let foreign = folders.any(|folder| FOREIGN.contains(&&*folder.as_os_str().to_string_lossy().to_lowercase()));
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    foreign || WRITTEN.iter().any(|end| name.ends_with(end))
}

/// Whether its own name makes an item a test, in files with other code.
pub fn is_test_item(item: &IndexedItem) -> bool {
    let name = item.name.as_str();
    match item.language {
        Language::Rust => is_type(item) && (matches!(name, "test" | "tests") || name.ends_with("_tests")),
        Language::Python => {
            let class = has_camel_prefix(name, "Test") || name.ends_with("TestCase");
            name.starts_with("test_") || (class && name != "TestCase")
        }
        _ => false,
    }
}

fn is_type(item: &IndexedItem) -> bool {
    item.kind == crate::segment::ItemKind::Type
}

/// Folders of documentation, in lower case.
const DOCUMENTATION: [&str; 2] = ["doc", "docs"];

/// Folders of examples, measurements and third-party code, in lower case.
const ASIDE: [&str; 20] = [
    "example",
    "examples",
    "_examples",
    "docs_src",
    "doc_src",
    "benchmark",
    "benchmarks",
    "bench",
    "benches",
    "sample",
    "samples",
    "demo",
    "demos",
    "legacy",
    "compat",
    "vendor",
    "third_party",
    "single_include",
    "locale",
    "locales",
];

/// Prefixes of change logs, licenses and similar records, in lower case.
const RECORDS: [&str; 9] = [
    "changelog",
    "changes",
    "history",
    "news",
    "releases",
    "license",
    "licence",
    "copying",
    "authors",
];

/// Properties of a path that reduce the weight of the whole file in a search. [`is_test_file`] covers tests.
pub fn aside(path: &Path) -> Aside {
    let language = Language::from_path(path);
    let prose = matches!(language, Language::Markdown | Language::Prose);
    let folders = path.parent().into_iter().flat_map(Path::components);
    let folders: Vec<String> = folders
        .map(|folder| folder.as_os_str().to_string_lossy().to_lowercase())
        .collect();
    let any = |of: &[&str]| folders.iter().any(|folder| of.contains(&folder.as_str()));
    let documentation = any(&DOCUMENTATION);
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    let record = |beginning: &&str| {
        let rest = stem.strip_prefix(*beginning);
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
    };
    // A path that the index would skip may belong to an open document.
    let data = match selection::role(path) {
        Ok(Role::Code) => false,
        Ok(Role::Configuration) => true,
        _ => matches!(language, Language::Json | Language::Toml | Language::Yaml),
    };
    Aside {
        test: false,
        example: any(&ASIDE) || (documentation && !prose),
        documentation: documentation && prose && !any(&ASIDE),
        reexport: matches!(&*name, "__init__.py" | "package-info.java" | "module-info.java") || name.ends_with(".d.ts"),
        prose,
        record: (!language.is_code() || language == Language::Other) && RECORDS.iter().any(record),
        data,
        superseded: false,
    }
}

/// For each file, whether it is in an old version folder: `v3` next to `v4`.
pub fn superseded(paths: &[PathBuf]) -> Vec<bool> {
    let latest = latest_versions(paths.iter().map(PathBuf::as_path));
    let latest = |beside: &Path| latest.get(beside).copied();
    paths.iter().map(|path| is_superseded(path, latest)).collect()
}

/// The latest version in each folder that contains version folders.
pub fn latest_versions<'a>(paths: impl Iterator<Item = &'a Path>) -> HashMap<&'a Path, u32> {
    let mut latest: HashMap<&Path, u32> = HashMap::new();
    for (beside, number) in paths.flat_map(versions) {
        let latest = latest.entry(beside).or_insert(number);
        *latest = (*latest).max(number);
    }
    latest
}

/// Whether a file is in a version folder next to a later one. `latest` gives the latest version in a folder.
pub fn is_superseded(path: &Path, latest: impl Fn(&Path) -> Option<u32>) -> bool {
    versions(path).any(|(beside, number)| latest(beside).is_some_and(|latest| latest > number))
}

/// The version folders that contain a file: the parent of each, and its number.
pub fn versions(path: &Path) -> impl Iterator<Item = (&Path, u32)> {
    path.ancestors().skip(1).filter_map(|folder| {
        let name = folder.file_name()?.to_str()?;
        let number = name.strip_prefix(['v', 'V'])?.parse().ok()?;
        Some((folder.parent()?, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::ItemKind;
    use crate::similar::index::FilePosition;
    use crate::text::Snapshot;

    #[test]
    fn test_files_follow_the_conventions_of_their_language() {
        for tests in [
            "tests/cli.rs",
            "src/parser/tests.rs",
            "src/parser_test.rs",
            "pkg/test_config.py",
            "pkg/conftest.py",
            "tests/helpers.py",
            "config_test.go",
            "src/test/java/org/x/Helper.java",
            "ParserTest.java",
            "ParserIT.java",
            "TestParser.java",
            "Fovea.Tests/Helper.cs",
            "ParserTests.cs",
            "src/__tests__/a.js",
            "src/config.test.ts",
            "src/config.spec.tsx",
            "spec/helper.rb",
            "config_spec.rb",
            "a/Test/ParserTest.php",
            "parser_unittest.cc",
            "tests/README.md",
        ] {
            let path = Path::new(tests);
            assert!(is_test_file(path, Language::from_path(path)), "{tests}");
        }
        for other in [
            "src/contest.rs",
            "src/latest.py",
            "src/attest/a.go",
            "testing.go",
            "test_main.go",
            "src/spec.rs",
            "spec/format.md",
            "docs/test.md",
            "src/Testament.java",
            "src/EXIT.java",
            "src/Tester.cs",
            "protest/a.js",
            "src/inspect.ts",
            "lib/test_functions.bash",
        ] {
            let path = Path::new(other);
            assert!(!is_test_file(path, Language::from_path(path)), "{other}");
        }
    }

    #[test]
    fn paths_identify_examples_re_exports_and_records() {
        let of = |path: &str| aside(Path::new(path));
        assert!(of("examples/a.rs").example && of("x/third_party/a.c").example && !of("src/sampler/a.c").example);
        assert!(of("docs/guide.md").documentation && !of("docs/guide.md").example && of("docs/conf.py").example);
        assert!(of("vendor/x/docs/guide.md").example && !of("vendor/x/docs/guide.md").documentation);
        assert!(of("a/__init__.py").reexport && of("x.d.ts").reexport && !of("init.py").reexport);
        assert!(of("CHANGELOG.md").record && of("CHANGES.rst").record && of("LICENSE-MIT").record);
        assert!(!of("changelog.py").record && !of("newsletter.md").record);
        assert!(of("README.md").prose && of("Cargo.toml").data && of("src/a.rs") == Aside::default());
        for data in [
            "Dockerfile",
            "setup.cfg",
            ".github/workflows/ci.yml",
            "CMakeLists.txt",
            "pom.xml",
        ] {
            assert!(of(data).data && !of(data).prose, "{data}");
        }
        assert_eq!(of("src/App.kt"), Aside::default());
    }

    #[test]
    fn names_identify_test_items_in_mixed_files() {
        let snapshot = Snapshot::new("", 0, Language::Rust);
        let item = |name: &str, kind, language| IndexedItem {
            name: name.into(),
            kind,
            language,
            start: FilePosition::new(&snapshot, 0),
            end: FilePosition::new(&snapshot, 0),
            name_start: FilePosition::new(&snapshot, 0),
            name_end: FilePosition::new(&snapshot, 0),
        };
        use ItemKind::{Function, Type};
        use Language::{Python, Rust};
        for (name, kind, language) in [
            ("tests", Type, Rust),
            ("parser_tests", Type, Rust),
            ("test_load", Function, Python),
            ("TestLoad", Type, Python),
            ("LoadTestCase", Type, Python),
        ] {
            assert!(is_test_item(&item(name, kind, language)), "{name}");
        }
        for (name, kind, language) in [
            ("Tests", Type, Rust),
            ("run_tests", Function, Rust),
            ("testimony", Function, Python),
            ("TestCase", Type, Python),
            ("Testament", Type, Python),
            ("test_load", Function, Language::Go),
        ] {
            assert!(!is_test_item(&item(name, kind, language)), "{name}");
        }
    }

    #[test]
    fn paths_identify_generated_and_third_party_files() {
        for path in [
            "vendor/lib/a.go",
            "web/node_modules/x/index.js",
            "api/service.pb.go",
            "static/app.min.js",
            "Forms/Main.Designer.cs",
        ] {
            assert!(is_foreign_file(Path::new(path)), "{path}");
        }
        for path in ["src/vendor.rs", "src/generator.rs", "src/generated.rs", "lib/min.js"] {
            assert!(!is_foreign_file(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_version_folder_is_superseded_by_a_later_one_next_to_it() {
        let paths = [
            "src/v3/a.ts",
            "src/v4/a.ts",
            "src/v4/core/b.ts",
            "src/v10/c.ts",
            "other/v3/d.ts",
            "src/view/e.ts",
        ];
        let paths = paths.map(PathBuf::from);
        assert_eq!(superseded(&paths), [true, true, true, false, false, false]);
    }
}
