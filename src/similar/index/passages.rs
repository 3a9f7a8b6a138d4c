//! Passages other than items: the text around items, and the words of each passage.

use std::sync::Arc;

use super::super::fingerprint::Fingerprint;
use super::super::vector::{LARGE_TYPE, items_inside, large_type, wraps_a_type};
use super::super::words::WordCounts;
use super::selection::has_items;
use crate::model::Model;
use crate::segment::{ItemKind, Segments, Unit};
use crate::text::{ByteRange, Language, Snapshot, floor_char};

/// Bytes per passage of text around items.
const PIECE_BYTES: usize = 1200;

/// Maximum number of passages per file.
///
/// Users also look for late entries of handwritten TOML and YAML; JSON is more often data, whose beginning is enough.
const MAX_PIECES: usize = 64;
const MAX_ENTRY_PIECES: usize = 16;
const MAX_JSON_PIECES: usize = 4;

/// Minimum bytes between two items: less is only blank lines or a closing brace.
const MIN_GAP_BYTES: usize = 30;

/// Maximum bytes of names in a file's first passage.
const MAX_NAME_BYTES: usize = 400;

/// Maximum bytes of an item whose words are counted; the rest rarely has another topic.
const MAX_WORD_BYTES: usize = 1 << 16;

/// A passage outside of items.
#[derive(Debug, PartialEq)]
pub struct Piece {
    /// From its first byte to its last; may contain items in between.
    pub range: ByteRange,
    /// Its text; the first piece of a file also contains the names of the items.
    pub text: String,
    /// Whether it consists of names only, which are words but not text for a model.
    pub names_alone: bool,
}

/// Splits the text outside of items into pieces: module comments, imports, constants, statements.
///
/// The first piece also contains the names of the items, so that a search finds a file by its definitions. A file with several items has
/// this piece even if nothing surrounds them.
pub fn around_items(text: &str, segments: &Segments) -> Vec<Piece> {
    let language = segments.units.first().map(|unit| unit.language);
    let most = match language {
        Some(Language::Json) => MAX_JSON_PIECES,
        Some(Language::Toml | Language::Yaml) => MAX_ENTRY_PIECES,
        _ => MAX_PIECES,
    };
    let whole = segments.items.is_empty() && language.is_some_and(|language| !has_items(language));
    let mut pieces = match whole {
        true => by_units(text, &segments.units),
        false => by_lines(text, segments),
    };
    pieces.truncate(most);
    let names = names(segments);
    // A file with a single item needs no further passage.
    if pieces.is_empty() && !names.is_empty() && segments.items.len() > 1 {
        pieces.push(Piece {
            range: 0..text.len(),
            text: String::new(),
            names_alone: true,
        });
    }
    if let Some(first) = pieces.first_mut() {
        first.text.push('\n');
        first.text.push_str(&names);
    }
    pieces
}

/// The pieces of a file without items: as many whole units as fit.
///
/// They end at blank lines, paragraphs or entries, and the model can read each.
fn by_units(text: &str, units: &[Unit]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    if text.trim().len() <= MIN_GAP_BYTES {
        return pieces;
    }
    for unit in units {
        let own = text.get(unit.range.clone()).unwrap_or_default();
        match pieces
            .last_mut()
            .filter(|piece| piece.text.len() + own.len() <= PIECE_BYTES)
        {
            Some(piece) => {
                piece.range.end = unit.range.end;
                piece.text.push_str(own);
            }
            None if own.trim().is_empty() => {}
            None => pieces.push(Piece {
                range: unit.range.clone(),
                text: own.to_owned(),
                names_alone: false,
            }),
        }
    }
    pieces
}

/// The text between the items of a file, line by line. A piece may span items.
///
/// The beginning of a large type belongs to the type; the rest of it that is outside of inner items counts as text between items.
fn by_lines(text: &str, segments: &Segments) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let taken = (0..segments.items.len()).map(|index| match large_type(segments, index) {
        true => beginning(text, &segments.items[index].range),
        false => segments.items[index].range.clone(),
    });
    for gap in gaps(text, 0..text.len(), taken) {
        let mut start = gap.start;
        for line in text.get(gap).unwrap_or_default().split_inclusive('\n') {
            let range = start..start + line.len();
            start = range.end;
            match pieces.last_mut().filter(|piece| piece.text.len() < PIECE_BYTES) {
                Some(piece) => {
                    piece.range.end = range.end;
                    piece.text.push_str(line);
                }
                None if line.trim().is_empty() => {}
                None => pieces.push(Piece {
                    range,
                    text: line.to_owned(),
                    names_alone: false,
                }),
            }
        }
    }
    pieces
}

/// The distinct names of a file's items, up to [`MAX_NAME_BYTES`] bytes.
fn names(segments: &Segments) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut length = 0;
    for item in segments.items.iter().filter(|item| item.kind != ItemKind::Heading) {
        length += item.name.len() + 1;
        if length > MAX_NAME_BYTES {
            break;
        }
        if !names.contains(&item.name.as_str()) {
            names.push(&item.name);
        }
    }
    names.join(" ")
}

/// The words of an item.
///
/// For a large type: the words of its beginning, and the names of its inner items. Other passages cover the rest.
pub fn item_words(text: &str, segments: &Segments, index: usize) -> WordCounts {
    let item = &segments.items[index];
    if !large_type(segments, index) {
        let own = text.get(item.range.clone()).unwrap_or_default();
        return WordCounts::of(&own[..floor_char(own, own.len().min(MAX_WORD_BYTES))]);
    }
    let own = text.get(beginning(text, &item.range)).unwrap_or_default();
    let names = items_inside(segments, index).map(|inner| inner.name.as_str());
    let all: Vec<&str> = [own].into_iter().chain(names).collect();
    WordCounts::of(&all.join("\n"))
}

/// The hashes of an item's text, for the detection of copies. Those of an item that only wraps a type are empty, so that it is part of no pair.
pub fn item_fingerprint(text: &str, segments: &Segments, index: usize, language: Language) -> Arc<Fingerprint> {
    match wraps_a_type(segments, index) {
        true => Arc::default(),
        false => {
            let own = text.get(segments.items[index].range.clone()).unwrap_or_default();
            Arc::new(Fingerprint::of(own, language))
        }
    }
}

/// The first lines of a large type, which describe it.
fn beginning(text: &str, range: &ByteRange) -> ByteRange {
    let own = text.get(range.clone()).unwrap_or_default();
    let lines = own.split_inclusive('\n').scan(0, |end, line| {
        *end += line.len();
        Some(*end)
    });
    let end = lines.into_iter().find(|end| *end >= LARGE_TYPE).unwrap_or(own.len());
    range.start..range.start + end
}

/// The gaps between ranges (sorted by start) inside `whole`, without gaps that are too short.
fn gaps<'a>(
    text: &'a str,
    whole: ByteRange,
    taken: impl Iterator<Item = ByteRange> + 'a,
) -> impl Iterator<Item = ByteRange> + 'a {
    let end = whole.end;
    let mut at = whole.start;
    taken
        .map(|range| (range.start, range.end))
        .chain([(end, end)])
        .filter_map(move |(start, stop)| {
            let gap = at..start.max(at);
            at = at.max(stop);
            text.get(gap.clone())
                .is_some_and(|gap| gap.trim().len() > MIN_GAP_BYTES)
                .then_some(gap)
        })
}

/// Splits a text into as few pieces as the model can read, preferably at lines.
pub fn fitting(model: &Model, text: &str, language: Language) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    if model.count(text, language) <= model.window() {
        return vec![text.to_owned()];
    }
    // Pieces have no syntax, so they are split at blank lines and indentation.
    let plain = if language.is_code() {
        Language::Other
    } else {
        Language::Prose
    };
    let units = model.segment(&Snapshot::new(text, 0, plain)).units;
    let pieces = units.into_iter().flat_map(|unit| {
        let piece = &text[unit.range];
        match model.count(piece, language) <= model.window() || piece.len() < 2 {
            true => vec![piece.to_owned()],
            // The token count differs slightly between languages.
            false => split_in_half(model, piece, language),
        }
    });
    pieces.filter(|piece| !piece.trim().is_empty()).collect()
}

fn split_in_half(model: &Model, text: &str, language: Language) -> Vec<String> {
    if model.count(text, language) <= model.window() || text.len() < 2 {
        return vec![text.to_owned()];
    }
    let middle = (1..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at));
    let (left, right) = text.split_at(middle.unwrap_or(text.len()));
    if right.is_empty() {
        return vec![text.to_owned()];
    }
    [
        split_in_half(model, left, language),
        split_in_half(model, right, language),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Item, UnitKind};

    fn item(name: &str, kind: ItemKind, range: ByteRange) -> Item {
        Item {
            name: name.into(),
            kind,
            name_range: range.start..range.start,
            range,
            units: 0..1,
        }
    }

    fn segments(text: &str, language: Language, items: Vec<Item>) -> Segments {
        let units = vec![Unit {
            range: 0..text.len(),
            kind: UnitKind::Statements,
            name: None,
            language,
        }];
        Segments {
            units,
            items,
            unparsed: None,
        }
    }

    #[test]
    fn a_file_passage_contains_the_text_around_items_and_their_names() {
        let text = "// Signs cookies, so that nobody can change them.\nfn sign() {}\n\nconst LONGEST_COOKIE_OF_ALL: usize = 4096;\n";
        let start = text.find("fn").unwrap();
        let sign = item("sign", ItemKind::Function, start..start + 12);
        let pieces = around_items(text, &segments(text, Language::Rust, vec![sign]));
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].range, 0..text.len());
        assert!(
            pieces[0].text.contains("Signs") && pieces[0].text.contains("4096") && pieces[0].text.ends_with("\nsign")
        );
        assert!(!pieces[0].text.contains("fn"));
    }

    #[test]
    fn a_file_of_several_items_has_a_passage_of_names_and_a_single_item_has_none() {
        let text = "fn sign() {}\nfn read() {}";
        let both =
            ["sign", "read"].map(|name| item(name, ItemKind::Function, if name == "sign" { 0..12 } else { 13..25 }));
        let pieces = around_items(text, &segments(text, Language::Rust, both.to_vec()));
        assert_eq!((pieces.len(), pieces[0].text.trim()), (1, "sign read"));
        assert!(pieces[0].names_alone);
        assert!(
            around_items(
                text,
                &segments(text, Language::Rust, vec![item("all", ItemKind::Function, 0..25)])
            )
            .is_empty()
        );
        assert!(around_items("", &Segments::default()).is_empty());
    }

    /// A file without items, with units of the given size.
    fn without_items(text: &str, language: Language, bytes: usize) -> Segments {
        let mut whole = segments(text, language, Vec::new());
        let unit = whole.units.remove(0);
        whole.units = (0..text.len())
            .step_by(bytes)
            .map(|start| Unit {
                range: start..text.len().min(start + bytes),
                ..unit.clone()
            })
            .collect();
        whole
    }

    #[test]
    fn long_files_have_several_passages_and_data_has_few() {
        let text = "key = \"a value of some length\"\n".repeat(4000);
        let of = |language| around_items(&text, &without_items(&text, language, 310));
        let code = of(Language::Other);
        assert_eq!(code.len(), MAX_PIECES);
        assert!(code.windows(2).all(|pair| pair[0].range.end == pair[1].range.start));
        assert_eq!(of(Language::Toml).len(), MAX_ENTRY_PIECES);
        assert_eq!(of(Language::Json).len(), MAX_JSON_PIECES);
    }

    #[test]
    fn a_file_without_items_is_split_at_unit_borders() {
        let text = "deploy_the_service --now\n".repeat(200);
        let pieces = around_items(&text, &without_items(&text, Language::Other, 500));
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.text.trim_end().len() <= PIECE_BYTES));
        assert!(pieces.iter().all(|piece| piece.range.start % 500 == 0));
        assert_eq!(pieces.last().unwrap().range.end, text.len());
        // A unit longer than a piece stays whole: the model can read it.
        assert_eq!(
            around_items(&text, &without_items(&text, Language::Other, 2000)).len(),
            3
        );
        assert!(around_items("true\n", &without_items("true\n", Language::Other, 5)).is_empty());
    }

    #[test]
    fn a_large_type_has_the_words_of_its_beginning_and_inner_names() {
        let method = |name: &str| format!("    fn {name}() {{ {name}_ahead(); }}\n");
        let table: String = (0..60).map(|i| format!("    /// Charset number {i}.\n")).collect();
        let head = "/// Reads a stream of tokens from a document.\nstruct Reader {\n";
        let text = [head, &method("peek"), &table, &method("skip"), "}\n"].concat();
        let place = |name: &str| {
            let start = text.find(&method(name)).unwrap();
            item(name, ItemKind::Function, start..start + method(name).len())
        };
        let reader = item("Reader", ItemKind::Type, 0..text.len());
        let whole = segments(&text, Language::Rust, vec![reader, place("peek"), place("skip")]);
        let holds = |words: &WordCounts, word: &str| {
            let term = crate::similar::words::words(word)[0].term;
            words.iter().any(|(found, _)| found == term)
        };
        let words = item_words(&text, &whole, 0);
        assert!(holds(&words, "stream") && holds(&words, "ahead") && holds(&words, "skip"));
        assert!(!holds(&words, "59"));
        let pieces = around_items(&text, &whole);
        assert_eq!(pieces.len(), 1);
        assert!(pieces[0].text.contains("number 59") && !pieces[0].text.contains("number 0."));
        assert!(!pieces[0].text.contains("_ahead") && text[pieces[0].range.clone()].starts_with("    /// Charset"));

        let small = "struct Reader {\n    fn peek() { look_ahead(); }\n}\n";
        let items = vec![
            item("Reader", ItemKind::Type, 0..small.len()),
            item("peek", ItemKind::Function, 20..47),
        ];
        let small_words = item_words(small, &segments(small, Language::Rust, items), 0);
        assert!(holds(&small_words, "ahead"), "a small type has all its words");
    }

    #[test]
    fn names_are_distinct_and_as_many_as_fit() {
        let own = |count: usize| {
            let name = |number: usize| item(&format!("name{number:05}"), ItemKind::Function, 0..1);
            let mut items: Vec<Item> = (0..count).map(name).collect();
            items.insert(1, item("Heading", ItemKind::Heading, 0..1));
            items.insert(2, item("name00000", ItemKind::Function, 0..1));
            names(&segments("a", Language::Rust, items))
        };
        assert_eq!(own(2), "name00000 name00001");
        // Each takes nine bytes and a space; the repeated one counts as well.
        assert_eq!(own(MAX_NAME_BYTES).split(' ').count(), MAX_NAME_BYTES / 10 - 1);
    }
}
