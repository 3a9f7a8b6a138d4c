//! The CSV of labeled texts (RFC 4180): its rows, and a label that a user corrects.

use crate::text::ByteRange;

/// A cell and its bytes in the table, quotes included.
struct Cell {
    text: String,
    bytes: ByteRange,
}

/// The rows of a CSV: cells between commas, in quotes if they contain commas, quotes or line ends. Skips empty lines.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let texts = |row: Vec<Cell>| row.into_iter().map(|cell| cell.text).collect();
    cells(text).0.into_iter().map(texts).collect()
}

/// The rows, and whether the last quote is closed.
fn cells(text: &str) -> (Vec<Vec<Cell>>, bool) {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let start = if text.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len_utf8()
    } else {
        0
    };
    let mut characters = text[start..].char_indices().peekable();
    let (mut quoted, mut first) = (false, start);
    loop {
        let next = characters.next();
        let at = next.map_or(text.len(), |(at, _)| start + at);
        match next.map(|(_, c)| c) {
            Some('"') if quoted && characters.peek().is_some_and(|(_, c)| *c == '"') => {
                characters.next();
                cell.push('"');
            }
            Some('"') if quoted => quoted = false,
            Some('"') if cell.is_empty() => quoted = true,
            Some(',') if !quoted => {
                row.push(Cell {
                    text: std::mem::take(&mut cell),
                    bytes: first..at,
                });
                first = at + 1;
            }
            Some('\r') if !quoted && characters.peek().is_some_and(|(_, c)| *c == '\n') => {}
            Some('\n') | None if !quoted || next.is_none() => {
                let end = match text[first..at].ends_with('\r') && next.is_some() {
                    true => at - 1,
                    false => at,
                };
                row.push(Cell {
                    text: std::mem::take(&mut cell),
                    bytes: first..end,
                });
                first = at + 1;
                let own = std::mem::take(&mut row);
                if own.len() > 1 || own.iter().any(|cell| !cell.text.is_empty()) {
                    rows.push(own);
                }
            }
            Some(c) => cell.push(c),
            None => {}
        }
        if next.is_none() {
            return (rows, !quoted);
        }
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text with its label, for a row of the table.
#[derive(Clone, Copy)]
pub struct Labeled<'a> {
    /// The text.
    pub text: &'a str,
    /// `FILE:LINE` as the table should name it, for a text in a file.
    pub path: Option<&'a str>,
    /// Whether a `FILE:LINE` of the table means this text.
    pub is_here: &'a dyn Fn(&str) -> bool,
    /// The name of its language.
    pub language: &'a str,
    /// The label.
    pub label: &'a str,
}

impl std::fmt::Debug for Labeled<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Labeled")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// The table with a label for a text: rows of the same text or place get it, or a new row at the end does. All other bytes stay.
///
/// `None` if the table cannot hold the text: it has no column `label`, neither `text` nor a `path` for the text, or an open quote.
pub fn relabeled(table: &str, own: &Labeled) -> Option<String> {
    let (rows, closed) = cells(table);
    let header = rows.first().filter(|_| closed)?;
    let column = |wanted: &str| {
        header
            .iter()
            .position(|own| own.text.trim().eq_ignore_ascii_case(wanted))
    };
    let (label, text, path) = (column("label")?, column("text"), column("path"));
    let is_known = |row: &&Vec<Cell>| {
        let cell = |column: Option<usize>| Some(row.get(column?)?.text.as_str()).filter(|cell| !cell.trim().is_empty());
        match (cell(text), cell(path)) {
            (Some(text), _) => text == own.text,
            (None, place) => place.is_some_and(own.is_here),
        }
    };
    let mut new = table.to_owned();
    let known: Vec<&Vec<Cell>> = rows.iter().skip(1).filter(is_known).collect();
    // From the end, so that the bytes before an edit stay where they are.
    for row in known.iter().rev() {
        match (row.get(label), row.last()) {
            (Some(cell), _) => new.replace_range(cell.bytes.clone(), &quoted(own.label)),
            (None, Some(last)) => {
                let commas = ",".repeat(label + 1 - row.len());
                new.insert_str(last.bytes.end, &format!("{commas}{}", quoted(own.label)));
            }
            (None, None) => {}
        }
    }
    if !known.is_empty() {
        return Some(new);
    }
    let mut row = vec![String::new(); header.len()];
    match (text, path, own.path) {
        (Some(text), ..) => own.text.clone_into(&mut row[text]),
        (None, Some(path), Some(place)) => place.clone_into(&mut row[path]),
        _ => return None,
    }
    own.label.clone_into(&mut row[label]);
    let head_end = header.last()?.bytes.end;
    let line_end = match table[head_end..].starts_with("\r\n") {
        true => "\r\n",
        false => "\n",
    };
    if let Some(language) = column("language") {
        own.language.clone_into(&mut row[language]);
    } else if text.is_some() && own.language != "prose" {
        // Without the column, a text is read as prose. Rows before this one keep their number of cells.
        new.insert_str(head_end, ",language");
        row.push(own.language.to_owned());
    }
    if !new.ends_with('\n') {
        new += line_end;
    }
    let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
    Some(new + &cells.join(",") + line_end)
}

/// A cell as the table contains it.
fn quoted(cell: &str) -> String {
    let special = [',', '"', '\n', '\r'];
    match cell.contains(special) || cell.trim() != cell {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_hold_commas_quotes_and_lines() {
        let read = rows("text,label\r\n\"a, \"\"b\"\"\nc\",x\n\nd\"e,\n");
        let expected: [&[&str]; 3] = [&["text", "label"], &["a, \"b\"\nc", "x"], &["d\"e", ""]];
        assert_eq!(read, expected);
        assert_eq!(
            rows("text,label\n\"never closed"),
            [vec!["text", "label"], vec!["never closed"]]
        );
        assert!(rows("").is_empty());
        // A carriage return belongs to a cell unless it ends the line.
        let expected: [&[&str]; 2] = [&["a\rb", "c\r\nd"], &["e"]];
        assert_eq!(rows("a\rb,\"c\r\nd\"\r\ne"), expected);
    }

    fn labeled<'a>(text: &'a str, label: &'a str) -> Labeled<'a> {
        Labeled {
            text,
            path: None,
            is_here: &|_| false,
            language: "rust",
            label,
        }
    }

    #[test]
    fn a_label_of_a_known_text_is_replaced_and_every_other_byte_stays() {
        let table =
            "text,label,language\r\n\"fn a() {\n}\",x,rust\r\n\"fn b()\",y,rust\r\n\r\n\"fn a() {\n}\" , \"x\"\r\n";
        let same = relabeled(table, &labeled("fn a() {\n}", "y, z")).unwrap();
        let expected = table.replacen(",x,rust", ",\"y, z\",rust", 1);
        assert_eq!(same, expected, "a text with a blank behind it is another text");
        let twice = "text,label\nfn a(),x\nfn a()\n";
        assert_eq!(
            relabeled(twice, &labeled("fn a()", "y")).unwrap(),
            "text,label\nfn a(),y\nfn a(),y\n"
        );
    }

    #[test]
    fn a_new_text_becomes_a_row_at_the_end() {
        let table = "text,label,language\nfn b(),y,rust\n";
        let new = relabeled(table, &labeled("let c = \"d\";", "x")).unwrap();
        assert_eq!(new, format!("{table}\"let c = \"\"d\"\";\",x,rust\n"));
        let unfinished = "\u{feff}label,text\r\ny,fn b()";
        let prose = Labeled {
            language: "prose",
            ..labeled("Hello", "x")
        };
        assert_eq!(
            relabeled(unfinished, &prose).unwrap(),
            format!("{unfinished}\r\nx,Hello\r\n")
        );
        // Without its language, code would be read as prose.
        let without = relabeled("text,label\nhello,x\n", &labeled("fn b()", "y")).unwrap();
        assert_eq!(without, "text,label,language\nhello,x\nfn b(),y,rust\n");
    }

    #[test]
    fn a_place_in_a_file_is_known_by_its_line() {
        let table = "path,label\nsrc/a.rs:3,x\nsrc/b.rs:3,x\nsrc/b.rs,x";
        let is_here = |place: &str| place == "src/b.rs:3";
        let own = Labeled {
            path: Some("src/b.rs:2"),
            is_here: &is_here,
            ..labeled("fn b()", "y")
        };
        let replaced = relabeled(table, &own).unwrap();
        assert_eq!(replaced, "path,label\nsrc/a.rs:3,x\nsrc/b.rs:3,y\nsrc/b.rs,x");
        let added = relabeled("path,label\nsrc/a.rs:3,x", &own).unwrap();
        assert_eq!(added, "path,label\nsrc/a.rs:3,x\nsrc/b.rs:2,y\n");
    }

    #[test]
    fn a_table_that_cannot_hold_the_text_is_left_alone() {
        assert_eq!(relabeled("path,label\nsrc/a.rs:3,x", &labeled("fn b()", "y")), None);
        assert_eq!(relabeled("text\nhello\n", &labeled("fn b()", "y")), None);
        assert_eq!(relabeled("", &labeled("fn b()", "y")), None);
        // A row behind a quote that is never closed would be a part of it.
        assert_eq!(relabeled("text,label\n\"fn a(),x\n", &labeled("fn b()", "y")), None);
    }
}
