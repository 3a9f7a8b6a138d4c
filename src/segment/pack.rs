//! Fits a text that is too long to the model's window.
//!
//! The text is split into atoms (lines; sentences, words or characters of a line that is too long), and each is measured once. The cheapest
//! packing has few parts, with borders where the syntax is shallow. The text at a border breaks ties, not its distance from the start, so
//! an edit moves few borders outside of its own part.

use std::hash::{DefaultHasher, Hash, Hasher};

use unicode_segmentation::UnicodeSegmentation;

use super::Budget;
use super::borders::Borders;
use super::closings::only_closes;
use crate::text::{ByteRange, Language, floor_char};

/// Longer texts are not measured as a whole. They do not fit, or are so unusual that a split does no harm.
const BYTES_PER_TOKEN: usize = 32;

/// Maximum number of tokens that a tokenizer adds to those of a text, of which each ASCII character has at most one: the special tokens of
/// both ends, and the space before the first word.
const ADDED: usize = 4;

/// A piece that is never split further.
struct Atom {
    range: ByteRange,
    /// Number of tokens, without special ones.
    tokens: usize,
    /// The cost of a border before it; every part costs one in addition.
    penalty: f32,
    /// Whether no white space separates it from the previous atom. In that case, the two together may have more tokens than their sum.
    touches: bool,
}

/// Measures texts of one language against the window.
pub(super) struct Measure<'a> {
    pub budget: &'a Budget<'a>,
    pub language: Language,
    /// Number of tokens of an empty text.
    pub special: usize,
    /// Whether white space has no tokens, as in WordPiece. Words then have the same tokens alone and together; in byte-pair encoding, a
    /// word has others after a space.
    pub blank_is_free: bool,
}

impl Measure<'_> {
    /// Whether a text fits the window.
    pub fn fits(&self, text: &str) -> bool {
        // Reading an identifier as words adds at most a space to every two letters.
        let spaces = if self.language.is_code() { text.len() / 2 } else { 0 };
        (text.is_ascii() && text.len() + spaces + ADDED <= self.budget.window)
            || (text.len() <= self.most_bytes() && (self.budget.tokens)(text, self.language) <= self.budget.window)
    }

    fn tokens(&self, text: &str) -> usize {
        (self.budget.tokens)(text, self.language).saturating_sub(self.special)
    }

    /// Bytes above which a text is not measured; a window without a limit has none.
    fn most_bytes(&self) -> usize {
        BYTES_PER_TOKEN.saturating_mul(self.budget.window)
    }

    fn capacity(&self) -> usize {
        self.budget.window.saturating_sub(self.special).max(1)
    }
}

/// Splits a range of a document into parts that fit.
pub(super) fn pack(text: &str, range: &ByteRange, measure: &Measure<'_>, borders: &Borders) -> Vec<ByteRange> {
    let atoms = atoms(text, range, measure, borders);
    let mut parts = Vec::new();
    for (first, end) in cheapest(&atoms, measure.capacity()) {
        push_fitting(text, &atoms[first..end], measure, &mut parts);
    }
    parts
}

/// Adds a part, or recursively its halves if it does not fit.
fn push_fitting(text: &str, atoms: &[Atom], measure: &Measure<'_>, parts: &mut Vec<ByteRange>) {
    let (Some(first), Some(last)) = (atoms.first(), atoms.last()) else {
        return;
    };
    let range = first.range.start..last.range.end;
    // Where white space separates tokens, their sum is exact.
    let exact = measure.blank_is_free && atoms.iter().skip(1).all(|atom| !atom.touches);
    let sum = || atoms.iter().map(|atom| atom.tokens).sum::<usize>();
    if (exact && sum() <= measure.capacity()) || measure.fits(&text[range.clone()]) {
        parts.push(range);
        return;
    }
    if atoms.len() == 1 {
        push_halves(text, range, measure, parts);
        return;
    }
    let (left, right) = atoms.split_at(atoms.len() / 2);
    push_fitting(text, left, measure, parts);
    push_fitting(text, right, measure, parts);
}

/// Adds the halves of a range that does not fit, such as a line with the many blank lines after it.
fn push_halves(text: &str, range: ByteRange, measure: &Measure<'_>, parts: &mut Vec<ByteRange>) {
    let middle = floor_char(text, range.start + range.len() / 2);
    if middle == range.start || measure.fits(&text[range.clone()]) {
        parts.push(range);
        return;
    }
    push_halves(text, range.start..middle, measure, parts);
    push_halves(text, middle..range.end, measure, parts);
}

/// The cheapest partition into parts of at most `capacity` tokens, as ranges of atom indices.
fn cheapest(atoms: &[Atom], capacity: usize) -> Vec<(usize, usize)> {
    // best[end]: the cost of the atoms before `end`, and the start of their last part.
    let mut best: Vec<(f32, usize)> = vec![(0.0, 0)];
    for end in 1..=atoms.len() {
        let (mut tokens, mut cheapest) = (0, (f32::INFINITY, end - 1));
        for start in (end.saturating_sub(2 * capacity)..end).rev() {
            tokens += atoms[start].tokens;
            if tokens > capacity && start + 1 < end {
                break;
            }
            #[expect(clippy::cast_precision_loss, reason = "a window has few tokens")]
            let empty = 1.0 - tokens.min(capacity) as f32 / capacity as f32;
            let cost = best[start].0 + 1.0 + atoms[start].penalty + 0.2 * empty * empty;
            if cost < cheapest.0 {
                cheapest = (cost, start);
            }
        }
        best.push(cheapest);
    }
    let (mut parts, mut end) = (Vec::new(), atoms.len());
    while end > 0 {
        let start = best[end].1;
        parts.push((start, end));
        end = start;
    }
    parts.reverse();
    parts
}

fn atoms(text: &str, range: &ByteRange, measure: &Measure<'_>, borders: &Borders) -> Vec<Atom> {
    let prose = !measure.language.is_code();
    let shallowest = borders.lines(range).skip(1).map(|(_, depth)| depth).min().unwrap_or(0);
    let mut atoms: Vec<Atom> = Vec::new();
    let mut after_blank = false;
    for (line, depth) in borders.lines(range) {
        let content = &text[line.clone()];
        if content.trim().is_empty() {
            // White space has no tokens and stays with the previous atom.
            match atoms.last_mut() {
                Some(last) => last.range.end = line.end,
                None => atoms.push(Atom {
                    range: line,
                    tokens: 0,
                    penalty: 0.0,
                    touches: false,
                }),
            }
            after_blank = true;
            continue;
        }
        let penalty = if prose {
            prose_penalty(&text[range.start..line.start], content, after_blank)
        } else {
            code_penalty(content, depth - shallowest.min(depth), after_blank)
        };
        after_blank = false;
        if prose {
            explode(text, line, penalty, measure, &mut atoms);
        } else {
            push_or_explode(text, line, penalty, measure, &mut atoms);
        }
    }
    atoms
}

fn push_or_explode(text: &str, line: ByteRange, penalty: f32, measure: &Measure<'_>, atoms: &mut Vec<Atom>) {
    let content = &text[line.clone()];
    if content.len() <= measure.most_bytes() {
        let tokens = measure.tokens(content);
        if tokens <= measure.capacity() {
            let touches = touches(text, line.start);
            atoms.push(Atom {
                range: line,
                tokens,
                penalty,
                touches,
            });
            return;
        }
    }
    explode(text, line, penalty, measure, atoms);
}

/// Splits a line into sentences, long sentences into words, and long words into characters.
fn explode(text: &str, line: ByteRange, first_penalty: f32, measure: &Measure<'_>, atoms: &mut Vec<Atom>) {
    let sentence_penalty = if measure.language.is_code() { 3.0 } else { 0.4 };
    for (at, sentence) in text[line.clone()].split_sentence_bound_indices() {
        let penalty = if at == 0 { first_penalty } else { sentence_penalty };
        push_words(text, line.start + at, sentence, penalty, measure, atoms);
    }
}

fn push_words(
    text: &str,
    start: usize,
    sentence: &str,
    first_penalty: f32,
    measure: &Measure<'_>,
    atoms: &mut Vec<Atom>,
) {
    let mut push = |range: ByteRange, penalty| {
        let touches = touches(text, range.start);
        atoms.push(Atom {
            tokens: measure.tokens(&text[range.clone()]),
            range,
            penalty,
            touches,
        });
    };
    if measure.fits(sentence) {
        push(start..start + sentence.len(), first_penalty);
        return;
    }
    // Runs of whole words that certainly fit: they have at most as many bytes as the window has tokens.
    let certain = measure.capacity().max(4);
    let (mut run, mut penalty) = (start..start, first_penalty);
    for (at, word) in sentence.split_word_bound_indices() {
        let at = start + at;
        if at + word.len() - run.start > certain && !run.is_empty() {
            push(run.clone(), penalty);
            (run, penalty) = (at..at, 4.0);
        }
        run.end = at + word.len();
        while run.len() > certain && !measure.fits(&text[run.clone()]) {
            let cut = floor_char(text, run.start + certain);
            push(run.start..cut, penalty);
            (run, penalty) = (cut..run.end, 6.0);
        }
    }
    if !run.is_empty() {
        push(run, penalty);
    }
}

/// The cost of a split of code before a line.
fn code_penalty(line: &str, depth: u32, after_blank: bool) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "at most six")]
    let depth = depth.min(6) as f32;
    let run_on = if after_blank { 0.0 } else { 0.3 };
    // A closing line belongs to its block.
    let closing = if only_closes(line) { 3.0 } else { 0.0 };
    0.4 * depth + run_on + closing + tie_break(line)
}

/// The cost of a split of prose before a line.
fn prose_penalty(before: &str, line: &str, after_blank: bool) -> f32 {
    let above = before.trim_end();
    let last_line = above.rsplit(['\n', '\r']).next().unwrap_or_default();
    if last_line.starts_with('#') {
        return 2.0;
    }
    if after_blank {
        return tie_break(line);
    }
    let ended = above.trim_end_matches(['"', '\'', '”', '’', '»', '」', '』', ')', '）', '*', '_']);
    let sentence_ends = ended.ends_with(['.', '!', '?', '。', '！', '？', '…', ':', '：']);
    let entry =
        line.trim_start().starts_with(['-', '*', '+', '|', '>', '•']) || line.starts_with(|c: char| c.is_ascii_digit());
    if sentence_ends || entry {
        0.4 + tie_break(line)
    } else {
        1.5
    }
}

/// A small cost that depends only on the text.
fn tie_break(line: &str) -> f32 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    f32::from(u8::try_from(hasher.finish() % 256).unwrap_or(0)) / 256.0 * 0.25
}

/// Whether a character other than white space precedes an offset.
fn touches(text: &str, offset: usize) -> bool {
    text[..offset].chars().next_back().is_some_and(|c| !c.is_whitespace())
}
