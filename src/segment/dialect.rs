//! Which language a text is written in: by what its editor says, by its name, and by what it holds.

use std::path::Path;

use super::c_macros;
use super::tokens::{Kind, tokens};
use crate::text::Language;

/// Lines at both ends of a text in which an editor looks for its mode line.
const MODE_LINES: usize = 5;

/// A longer line is no mode line.
const LONGEST: usize = 400;

/// The language of a text.
///
/// `id` is what the editor calls it. Where that is not known, its parts are tried, then the name of the file, then the first and last lines
/// of the text. A header (`.h`) may be C, C++ or Objective-C: its text decides, then the files `beside` it, then the editor.
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
    named.or(by_path).or_else(|| by_lines(text)).unwrap_or(Language::Other)
}

/// Whether a file may be a header of C, C++ or Objective-C.
pub fn is_header(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("h"))
}

/// The language of a header, where its text decides. Objective-C is a language without a grammar.
fn header(text: &str) -> Option<Language> {
    if is_objective_c(text) {
        return Some(Language::Other);
    }
    if c_macros::is_cpp(text) {
        return Some(Language::Cpp);
    }
    // What C++ is told apart from, C has to read.
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

/// The language that the first line names as an interpreter, or a mode line as that of the text.
fn by_lines(text: &str) -> Option<Language> {
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
    lines().find_map(of_emacs).or_else(|| lines().find_map(of_vim))
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
    Language::from_compound_id(name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
}

/// `-*- mode: python; tab-width: 4 -*-` or `-*- Python -*-`
fn of_emacs(line: &str) -> Option<Language> {
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

/// `vim: set ft=python ts=4:` and its kin.
fn of_vim(line: &str) -> Option<Language> {
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

    fn language(id: &str, path: &str, text: &str) -> Language {
        language_of(Some(id), Some(Path::new(path)), text, || None)
    }

    #[test]
    fn parts_of_an_id_then_the_path_then_the_content_decide() {
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
    fn a_header_is_what_it_holds_then_what_stands_beside_it() {
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
            // A comment of Doxygen is no class.
            ("", "/**\n @class Account\n */\nint a(void);\n", None, Language::C),
        ] {
            let found = language_of(Some(id), Some(Path::new("a/B.H")), text, || beside);
            assert_eq!(found, expected, "{id:?} {text}");
        }
        assert_eq!(language("markdown", "a.h", shapes), Language::Markdown);
    }
}
