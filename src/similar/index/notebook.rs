//! Notebooks: the cells of an `.ipynb` file as one text, with a position map.
//!
//! The text is in the language of the kernel. The format is nbformat 4 (and 3, whose cells are in worksheets): JSON, where the source of a
//! cell is a string or a list of strings. Outputs of cells are ignored.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{FilePosition, IndexedItem};
use crate::text::{Language, Snapshot, floor_char};

/// Factor on the size limit for a notebook, which contains pictures from cell outputs.
pub const OUTPUTS: usize = 8;

/// The source of all cells of a notebook.
#[derive(Debug, PartialEq)]
pub struct Notebook {
    /// The source of the cells, separated by blank lines. Prose and IPython magics appear as comments.
    pub text: String,
    /// The language of its kernel.
    pub language: Language,
    /// Pairs (byte in the text, byte in the file) wherever their distance changes. They are ascending.
    anchors: Vec<(usize, usize)>,
}

/// Whether a file is a notebook, by its extension.
pub fn is_notebook(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("ipynb"))
}

#[derive(Deserialize)]
struct Format<'a> {
    #[serde(default)]
    metadata: Metadata,
    #[serde(borrow, default)]
    cells: Vec<Cell<'a>>,
    #[serde(borrow, default)]
    worksheets: Vec<Worksheet<'a>>,
}

#[derive(Deserialize)]
struct Worksheet<'a> {
    #[serde(borrow, default)]
    cells: Vec<Cell<'a>>,
}

#[derive(Deserialize)]
struct Cell<'a> {
    cell_type: Cow<'a, str>,
    #[serde(borrow, alias = "input")]
    source: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    language_info: Named,
    kernelspec: Named,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    name: String,
    language: String,
}

impl Metadata {
    /// The kernel's language; Python if unspecified, as in early notebooks.
    fn language(&self) -> Language {
        let named = [&self.language_info.name, &self.kernelspec.language];
        match named.into_iter().find(|name| !name.is_empty()) {
            Some(name) => Language::from_id(&name.to_lowercase()),
            None => Language::Python,
        }
    }
}

impl Notebook {
    /// Parses the text of a file; `None` if it is not a notebook.
    pub fn read(file: &str) -> Option<Notebook> {
        // Require an object: serde would also accept an array of the fields.
        let object = file.trim_start().starts_with('{').then_some(file)?;
        let format: Format = serde_json::from_str(object).ok()?;
        let mut notebook = Notebook {
            text: String::new(),
            language: format.metadata.language(),
            anchors: Vec::new(),
        };
        let sheets = format.worksheets.into_iter().flat_map(|sheet| sheet.cells);
        for cell in format.cells.into_iter().chain(sheets) {
            if let Some(source) = cell.source {
                notebook.push(file, source.get(), cell.cell_type == "code");
            }
        }
        Some(notebook)
    }

    /// Adds the source of a cell. It is a slice of the file with a JSON string or list of strings.
    fn push(&mut self, file: &str, source: &str, code: bool) {
        // serde_json guarantees that a raw value borrows from its input.
        let Some(source_start) = (source.as_ptr() as usize).checked_sub(file.as_ptr() as usize) else {
            return;
        };
        let lead = match (code, self.language) {
            (true, _) => "",
            (false, Language::Python | Language::Ruby | Language::Bash | Language::Other) => "# ",
            (false, _) => "// ",
        };
        let mut new_line = true;
        for (char, at) in strings(source) {
            if new_line {
                self.text.push_str(lead);
            }
            self.anchor(source_start + at);
            // `%matplotlib inline` and `!pip install` are not Python.
            let magic = new_line && code && self.language == Language::Python && matches!(char, '%' | '!');
            self.text.push(if magic { '#' } else { char });
            new_line = char == '\n';
        }
        self.text.push_str(if new_line { "\n" } else { "\n\n" });
    }

    /// Records the file position of the next byte of the text.
    fn anchor(&mut self, at: usize) {
        let here = self.text.len();
        let expected = self.anchors.last().map(|(text, file)| file + (here - text));
        if expected != Some(at) {
            self.anchors.push((here, at));
        }
    }

    /// The file position of a byte of the text.
    fn in_file(&self, byte: usize) -> usize {
        let next = self.anchors.partition_point(|(text, _)| *text <= byte);
        let (text, at) = match next.checked_sub(1) {
            Some(before) => self.anchors[before],
            None => return self.anchors.first().map_or(0, |(_, file)| *file),
        };
        // Between two anchors, characters may be escapes in the file, or missing.
        let end = self.anchors.get(next).map_or(usize::MAX, |(_, file)| *file);
        (at + (byte - text)).min(end)
    }

    /// Moves items from positions in the text to positions in the file.
    pub fn place<'a>(&self, file: &str, items: impl Iterator<Item = &'a mut IndexedItem>) {
        let snapshot = Snapshot::new(file, 0, Language::Json);
        let place = |place: &mut FilePosition| {
            let byte = self.in_file(place.byte).min(file.len());
            *place = FilePosition::new(&snapshot, floor_char(file, byte));
        };
        for item in items {
            let IndexedItem {
                start,
                end,
                name_start,
                name_end,
                ..
            } = item;
            [start, end, name_start, name_end].into_iter().for_each(place);
        }
    }
}

/// The characters of all strings in valid JSON, with their byte positions.
fn strings(json: &str) -> impl Iterator<Item = (char, usize)> {
    let mut rest = json.char_indices();
    let mut inside = false;
    std::iter::from_fn(move || {
        loop {
            let (at, char) = rest.next()?;
            match (inside, char) {
                (_, '"') => inside = !inside,
                (false, _) => {}
                (true, '\\') => return Some((escaped(&mut rest)?, at)),
                (true, char) => return Some((char, at)),
            }
        }
    })
}

/// The character of an escape sequence after its backslash (RFC 8259, section 7).
fn escaped(rest: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    let (_, char) = rest.next()?;
    let char = match char {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let high = utf16_unit(rest)?;
            let low = match (0xd800..0xdc00).contains(&high) {
                true => rest.nth(1).and_then(|_| utf16_unit(rest)),
                false => None,
            };
            let decoded = char::decode_utf16([high].into_iter().chain(low)).next()?;
            decoded.unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        other => other,
    };
    Some(char)
}

/// The value of the next four hexadecimal digits.
fn utf16_unit(rest: &mut impl Iterator<Item = (usize, char)>) -> Option<u16> {
    let digits: String = rest.take(4).map(|(_, digit)| digit).collect();
    u16::from_str_radix(&digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r##"{
 "cells": [
  {"cell_type": "markdown", "metadata": {}, "source": ["# Café \"au lait\"\n", "sign cookies"]},
  {"cell_type": "code", "outputs": [{"text": ["def no(): pass"]}], "source": [
    "%matplotlib inline\n",
    "def sign(c):\n",
    "\treturn '\u00e9\ud83d\ude00' + c"
   ]},
  {"cell_type": "code", "source": "x = 1\ny = 2"}
 ],
 "metadata": {"kernelspec": {"language": "python", "name": "python3"}},
 "nbformat": 4
}"##;

    #[test]
    fn cells_are_joined_with_prose_as_comments() {
        let notebook = Notebook::read(FILE).unwrap();
        let expected = "# # Café \"au lait\"\n# sign cookies\n\n#matplotlib inline\ndef sign(c):\n\treturn 'é😀' + c\n\nx = 1\ny = 2\n\n";
        assert_eq!((&*notebook.text, notebook.language), (expected, Language::Python));
    }

    #[test]
    fn each_position_maps_to_its_position_in_the_file() {
        let notebook = Notebook::read(FILE).unwrap();
        for (text, file) in [
            ("def sign", "def sign"),
            ("sign cookies", "sign cookies"),
            ("au lait", "au lait"),
            ("return", "return"),
            ("😀", "\\ud83d"),
            ("' + c", "' + c"),
            ("y = 2", "y = 2"),
        ] {
            let at = notebook.in_file(notebook.text.find(text).unwrap());
            assert_eq!(&FILE[at..at + file.len()], file, "{text}");
        }
        let end = notebook.text.find("' + c").unwrap() + 5;
        assert_eq!(&FILE[notebook.in_file(end)..][..1], "\"", "the end of a cell");
    }

    #[test]
    fn the_language_of_the_kernel_is_used() {
        let file = |name: &str| {
            format!(
                r#"{{"cells": [{{"cell_type": "raw", "source": ["a"]}}], "metadata": {{"language_info": {{"name": "{name}"}}}}}}"#
            )
        };
        let read = |name| Notebook::read(&file(name)).unwrap();
        assert_eq!(
            (read("javascript").language, &*read("javascript").text),
            (Language::JavaScript, "// a\n\n")
        );
        assert_eq!(read("R").language, Language::Other);
        let old = r#"{"worksheets": [{"cells": [{"cell_type": "code", "input": ["f(1)"]}]}], "metadata": {}}"#;
        assert_eq!(Notebook::read(old).unwrap().text, "f(1)\n\n");
    }

    #[test]
    fn only_a_percent_sign_at_the_start_of_a_line_of_python_is_a_command() {
        let read = |kind: &str, language: &str| {
            let cell = format!(r#"{{"cell_type": "{kind}", "source": ["%a\n", "b %c\n", "!d"]}}"#);
            let file = format!(r#"{{"cells": [{cell}], "metadata": {{"language_info": {{"name": "{language}"}}}}}}"#);
            Notebook::read(&file).unwrap().text
        };
        assert_eq!(read("code", "python"), "#a\nb %c\n#d\n\n");
        assert_eq!(read("code", "javascript"), "%a\nb %c\n!d\n\n");
        assert_eq!(read("markdown", "python"), "# %a\n# b %c\n# !d\n\n");
    }

    #[test]
    fn other_files_are_rejected_and_unusual_strings_are_read() {
        for file in ["", "[]", "{\"cells\": 3}", "{"] {
            assert_eq!(Notebook::read(file), None, "{file}");
        }
        assert_eq!(Notebook::read("{}").map(|notebook| notebook.text), Some(String::new()));
        for source in [
            r#""\ud83d""#,
            r#""\ud83d\u0041 \ud83d and more""#,
            r#""\\""#,
            "3",
            "null",
            "[[\"a\"]]",
            "{\"a\": \"b\"}",
        ] {
            let file = format!("{{\"cells\": [{{\"cell_type\": \"code\", \"source\": {source}}}]}}");
            if let Some(notebook) = Notebook::read(&file) {
                (0..=notebook.text.len() + 3).for_each(|byte| assert!(notebook.in_file(byte) <= file.len() + 3));
            }
        }
    }
}
