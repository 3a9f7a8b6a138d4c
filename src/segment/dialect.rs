//! Determines the language of a text from editor identifier, file name and content.

use std::path::Path;

use super::c_macros;
use super::tokens::{Kind, tokens};
use crate::text::Language;

/// Number of lines at each end of a text in which a mode line counts.
const MODE_LINES: usize = 5;

/// Maximum length of a mode line.
const LONGEST: usize = 400;

/// Determines the language of a text.
///
/// `id` is the editor's identifier. If it is unknown, its parts are tried, then the file name, then the first and last lines. A header
/// (`.h`) may be C, C++ or Objective-C: its text decides, then the files `beside` it, then the editor.
pub fn language_of(
    id: Option<&str>,
    path: Option<&Path>,
    text: &str,
    beside: impl FnOnce() -> Option<Language>,
) -> Language {
    let named = id.and_then(Language::from_compound_id);
    let by_path = path
        .map(Language::from_path)
        .filter(|language| *language != Language::Other);
    if path.is_some_and(is_header) && matches!(named, None | Some(Language::C | Language::Cpp)) {
        return header(text).or_else(beside).or(named).unwrap_or(Language::C);
    }
    named
        .or(by_path)
        .or_else(|| from_lines(text))
        .unwrap_or(Language::Other)
}

/// Whether a file may be a header of C, C++ or Objective-C.
pub fn is_header(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("h"))
}

/// The language of a header, if its text decides. Objective-C has no grammar here.
fn header(text: &str) -> Option<Language> {
    if is_objective_c(text) {
        return Some(Language::Other);
    }
    if c_macros::is_cpp(text) {
        return Some(Language::Cpp);
    }
    // A header with a check for C++ must also be readable as C.
    text.contains("__cplusplus").then_some(Language::C)
}

fn is_objective_c(text: &str) -> bool {
    const WORDS: [&str; 6] = ["interface", "protocol", "implementation", "class", "property", "import"];
    let tokens = tokens(text, Language::C);
    tokens.iter().zip(tokens.iter().skip(1)).any(|(sign, word)| {
        let written = text.get(word.range()).unwrap_or_default();
        sign.is(b'@') && sign.first_on_line && word.kind == Kind::Word && WORDS.contains(&written)
    })
}

/// The language from the shebang line or a mode line.
fn from_lines(text: &str) -> Option<Language> {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().trim_start_matches('\u{feff}');
    if first.starts_with("<?php") {
        return Some(Language::Php);
    }
    if let Some(language) = first.strip_prefix("#!").and_then(interpreted) {
        return Some(language);
    }
    let head = text.lines().take(MODE_LINES);
    let tail = text.lines().rev().take(MODE_LINES);
    let lines = || head.clone().chain(tail.clone()).filter(|line| line.len() < LONGEST);
    lines().find_map(emacs_mode).or_else(|| lines().find_map(vim_mode))
}

/// `/usr/bin/env -S python3.12 -u`
fn interpreted(command: &str) -> Option<Language> {
    let program = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let mut words = command.split_whitespace();
    let first = program(words.next()?);
    let name = match &*first {
        "env" => program(words.find(|word| !word.starts_with('-') && !word.contains('='))?),
        _ => first,
    };
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let runs = || {
        let known = RUN.iter().find(|(programs, _)| programs.contains(&name));
        known.map(|(_, language)| *language)
    };
    Language::from_compound_id(name).or_else(runs)
}

/// Programs that are not called after the language they run.
const RUN: [(&[&str], Language); 6] = [
    (&["dash", "ash", "ksh", "mksh", "busybox"], Language::Bash),
    (&["pypy", "uv", "pipx", "ipython"], Language::Python),
    (&["node", "nodejs"], Language::JavaScript),
    (&["deno", "bun", "tsx", "ts-node"], Language::TypeScript),
    (&["jruby", "rake", "rackup"], Language::Ruby),
    (&["luajit", "texlua"], Language::Lua),
];

/// `-*- mode: python; tab-width: 4 -*-` or `-*- Python -*-`
fn emacs_mode(line: &str) -> Option<Language> {
    let (_, rest) = line.split_once("-*-")?;
    let (inside, _) = rest.split_once("-*-")?;
    let setting = |part: &'_ str| {
        let (name, value) = part.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("mode")
            .then(|| value.trim().to_owned())
    };
    let mode = match inside.contains(':') {
        true => inside.split(';').find_map(setting)?,
        false => inside.trim().to_owned(),
    };
    Language::from_compound_id(&mode)
}

/// `vim: set ft=python ts=4:` and variants.
fn vim_mode(line: &str) -> Option<Language> {
    let marks = ["vim:", "vi:", "ex:"];
    let rest = marks.iter().find_map(|mark| Some(line.split_once(mark)?.1))?;
    let settings = rest.split(|c: char| c.is_whitespace() || c == ':');
    let named = |setting: &str| {
        let (name, value) = setting.split_once('=')?;
        matches!(name, "ft" | "filetype" | "syn" | "syntax").then(|| value.to_owned())
    };
    Language::from_compound_id(&settings.into_iter().find_map(named)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_run_a_language_name_it() {
        for (line, language) in [
            ("#!/bin/dash", Language::Bash),
            ("#!/usr/bin/env pypy3", Language::Python),
            ("#!/usr/bin/env -S uv run --script", Language::Python),
            ("#!/usr/bin/env bun", Language::TypeScript),
            ("#!/usr/bin/env -S deno run -A", Language::TypeScript),
            ("#!/usr/bin/luajit", Language::Lua),
            ("#!/usr/bin/env jruby", Language::Ruby),
            ("#!/usr/bin/awk -f", Language::Other),
        ] {
            assert_eq!(
                language_of(None, None, &format!("{line}\n"), || None),
                language,
                "{line}"
            );
        }
    }

    fn language(id: &str, path: &str, text: &str) -> Language {
        language_of(Some(id), Some(Path::new(path)), text, || None)
    }

    #[test]
    fn the_id_then_the_path_then_the_content_decides() {
        use Language::{Bash, Go, JavaScript, Other, Php, Prose, Python, Ruby, Rust, Tsx, TypeScript};
        for (id, path, text, expected) in [
            ("python.django", "views.py", "", Python),
            ("typescript.tsx", "a", "", Tsx),
            ("typescript.jest", "a.test.ts", "", TypeScript),
            ("sh.zsh", "a", "", Bash),
            ("js2", "a.js", "", JavaScript),
            ("js2", "a", "", JavaScript),
            ("c++-ts", "a", "", Language::Cpp),
            ("source.python", "a", "", Python),
            ("", "wallet.py", "", Python),
            ("klingon", "a.rs", "", Rust),
            ("enh-ruby", "a.rb", "", Ruby),
            ("go.mod", "go.mod", "module x", Other),
            ("go.mod", "go", "", Other),
            ("objective-c", "a.m", "", Other),
            ("text.html.vue", "a.vue", "", Other),
            ("plaintext", "a.py", "", Prose),
            ("golang", "a.txt", "", Go),
            ("", "deploy", "#!/usr/bin/env -S python3.12 -u\n", Python),
            ("", "deploy", "#!/bin/bash\n", Bash),
            ("conf", "deploy", "#! /usr/bin/env LANG=C ruby\n", Ruby),
            ("", "deploy", "<?php\n", Php),
            ("", "deploy", "# -*- mode: ruby; tab-width: 2 -*-\n", Ruby),
            ("", "deploy", "# -*- Python -*-\n", Python),
            ("", "deploy", "x\n\n# vim: set ts=4 ft=sh:\n", Bash),
            ("", "deploy", "# vim:ft=python\n", Python),
            ("", "deploy", "# vim: let it be, mode: x\n", Other),
            ("", "deploy", "words", Other),
        ] {
            assert_eq!(language(id, path, text), expected, "{id:?} {path} {text:?}");
        }
    }

    #[test]
    fn the_content_then_the_neighbors_of_a_header_decide() {
        let shapes = include_str!("../../tests/reported/07-shapes/07-shapes.h");
        let ring = include_str!("../../tests/reported/15-definitions/extern.h");
        let objective_c =
            "#import <Foundation/Foundation.h>\n\n@interface Account : NSObject\n- (void)settle:(int)amount;\n@end\n";
        for (id, text, beside, expected) in [
            ("c", shapes, None, Language::Cpp),
            ("", shapes, Some(Language::C), Language::Cpp),
            ("cpp", ring, Some(Language::Cpp), Language::C),
            ("c", objective_c, None, Language::Other),
            ("objective-c", objective_c, None, Language::Other),
            ("objective-c", "int a(void);\n", None, Language::C),
            ("cpp", "int a(void);\n", None, Language::Cpp),
            ("c", "int a(void);\n", Some(Language::Cpp), Language::Cpp),
            ("", "int a(void);\n", None, Language::C),
            // A Doxygen comment is not a class.
            ("", "/**\n @class Account\n */\nint a(void);\n", None, Language::C),
        ] {
            let found = language_of(Some(id), Some(Path::new("a/B.H")), text, || beside);
            assert_eq!(found, expected, "{id:?} {text}");
        }
        assert_eq!(language("markdown", "a.h", shapes), Language::Markdown);
    }
}
