//! Decides whether an item tells the reader of another item something new.
//!
//! Vectors propose pairs; this module accepts or rejects them. A pair is worth showing if developers who change one item should know the
//! other: a copy, a variant in another file, the same task elsewhere. The module rejects pairs that only look alike, that stand next to
//! each other, or that already refer to each other (caller and callee, class and base). `benches/lenses/` has the method and the judged
//! pairs.

use std::ops::Range;

use super::fingerprint::Fingerprint;
use super::thresholds::{self, Ties};
use crate::segment::ItemKind;
use crate::text::Language;

/// The lowest cosine at which a pair is examined.
pub const FLOOR: f32 = 0.35;

/// Likeness that two functions of different files need. Likeness is the mean of cosine, overlap without names and overlap with names.
const NEEDED: f32 = 0.4;

/// Added to the required likeness for two items of one file.
const SAME_FILE: f32 = 0.25;

/// Added in different files for two types, or two functions with prescribed names.
const BY_CUSTOM: f32 = 0.25;

/// Added for two tests in different files, since tests repeat their shape. Two tests of one file are never shown.
const TESTS: f32 = 0.4;

/// Added for two tests of the same name: parallel test suites.
const NAMESAKE_TESTS: f32 = 0.2;

/// Minimum lines of code of an item.
const LINES: u32 = 5;

/// Minimum lines of code of a test.
const TEST_LINES: u32 = 7;

/// Minimum distance in lines; a reader sees closer items anyway.
const APART: u32 = 25;

/// Minimum tokens for close neighbors: that much repeated code is worth sharing.
const LARGE: u32 = 100;

/// Minimum words of a section of prose.
const WORDS: u32 = 50;

/// Share of the shorter section that the other section must repeat.
const REPEATED: f32 = 0.6;

/// Overlap without names from which one item is a changed copy of the other.
const CHANGED: f32 = 0.4;

/// Overlap that counts as equal text: all hashes agree.
const SAME: f32 = 0.999;

/// Which neighbors code lenses, actions and the peek view show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Detail {
    /// Only neighbors that tell the reader something new.
    #[default]
    Useful,
    /// All neighbors that reach the score.
    All,
}

/// The properties of an item that the decision uses.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Its name.
    pub name: &'a str,
    /// The name of the innermost item around it.
    pub around: Option<&'a str>,
    /// Its kind.
    pub kind: ItemKind,
    /// Its language.
    pub language: Language,
    /// Its first and last line.
    pub lines: Range<u32>,
    /// Whether it is a test, or in one.
    pub test: bool,
    /// Whether the file is repetitive by nature: a changelog, a license, generated code.
    pub repetitive: bool,
    /// Hashes of its tokens.
    pub fingerprint: &'a Fingerprint,
}

/// Effect of a threshold other than the default.
///
/// A lower threshold raises every cosine, so less similar items are shown. A higher threshold requires a higher cosine; at 1, only items
/// with equal vectors are shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The lowest cosine of a pair.
    pub floor: f32,
    /// Added to a cosine before the decision.
    pub lift: f32,
}

impl Bar {
    /// The bar for a threshold.
    pub fn new(threshold: f32) -> Bar {
        let lift = (thresholds::DEFAULT - threshold).max(0.0);
        let above = ((threshold - thresholds::DEFAULT) / (1.0 - thresholds::DEFAULT)).max(0.0);
        Bar {
            floor: FLOOR - lift + above * (1.0 - FLOOR),
            lift,
        }
    }
}

/// Relation between the texts of two items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloneType {
    /// The same text, apart from comments and white space.
    SameText,
    /// The same text, apart from names and literals.
    Renamed,
    /// Large parts of the text are the same, apart from names and literals.
    Changed,
    /// The same task in different words.
    SameTask,
}

impl CloneType {
    /// The name that users see.
    pub fn label(self) -> &'static str {
        match self {
            CloneType::SameText => "same text",
            CloneType::Renamed => "renamed",
            CloneType::Changed => "changed",
            CloneType::SameTask => "same task",
        }
    }

    /// Classifies two items; independent of [`decide`].
    pub fn of(a: &Fingerprint, b: &Fingerprint) -> CloneType {
        match () {
            () if a.exact_overlap(b) >= SAME => CloneType::SameText,
            () if a.overlap(b) >= SAME => CloneType::Renamed,
            () if a.overlap(b) >= CHANGED => CloneType::Changed,
            () => CloneType::SameTask,
        }
    }
}

/// Decides whether readers of either item see the other, and how the two relate.
///
/// `None` if they do not. `cosine` is the cosine of their language-centered vectors.
pub fn decide(a: &Facts, b: &Facts, same_file: bool, cosine: f32) -> Option<CloneType> {
    let comparable = a.kind == b.kind && cosine >= FLOOR && !a.repetitive && !b.repetitive;
    if !comparable {
        return None;
    }
    let shown = match a.kind {
        ItemKind::Heading => !same_file && repeats(a, b),
        _ => !excluded(a, b, same_file) && likeness_reached(a, b, same_file, cosine),
    };
    shown.then(|| CloneType::of(a.fingerprint, b.fingerprint))
}

/// Whether an item can be part of any pair that is shown.
pub fn may_be_shown(item: &Facts) -> bool {
    let enough = match item.kind {
        ItemKind::Heading => long_section(item) && !is_log_name(item.name),
        _ => item.fingerprint.lines() >= LINES.min(TEST_LINES),
    };
    enough && !item.repetitive
}

/// A lower bound for the sum of both overlaps of shown pairs.
///
/// It holds for two items in one syntax ([`one_syntax`]) whose cosine is at most `cosine`, and for two sections of prose.
pub fn least_overlap(kind: ItemKind, cosine: f32) -> f32 {
    let needed = match kind {
        // Sections are compared by containment; their cosine does not matter.
        ItemKind::Heading => return 0.0,
        ItemKind::Type => NEEDED + SAME_FILE.min(BY_CUSTOM),
        ItemKind::Function | ItemKind::File => NEEDED,
    };
    3.0 * needed - cosine
}

/// The cosine that two items need if their languages share no token sequences.
pub fn needed_across(same_file: bool, namesakes: bool) -> f32 {
    let ties = Ties {
        file: same_file,
        language: false,
        name: namesakes,
    };
    thresholds::needed(thresholds::DEFAULT, ties)
}

/// Whether two sections of prose have mostly the same words.
fn repeats(a: &Facts, b: &Facts) -> bool {
    let is_log = |facts: &Facts| is_log_name(facts.name);
    long_section(a)
        && long_section(b)
        && !is_log(a)
        && !is_log(b)
        && a.fingerprint.containment(b.fingerprint) >= REPEATED
}

fn long_section(item: &Facts) -> bool {
    item.fingerprint.tokens() >= WORDS
}

/// Whether a section has a name that every project uses.
fn is_log_name(name: &str) -> bool {
    let name = name.to_lowercase();
    ["license", "licence", "changelog", "copyright"]
        .iter()
        .any(|word| name.starts_with(word))
}

/// Whether two pieces of code tell each other's reader nothing new, however similar they are.
fn excluded(a: &Facts, b: &Facts, same_file: bool) -> bool {
    let tests = a.test && b.test;
    let fewest = if tests { TEST_LINES } else { LINES };
    let short = |facts: &Facts| facts.fingerprint.lines() < fewest;
    if short(a) || short(b) || know_each_other(a, b) {
        return true;
    }
    // Overloads, accessors of one property, a type and its implementation.
    let siblings = same_file && a.around == b.around && property(a.name) == property(b.name);
    let near = same_file && distance(&a.lines, &b.lines) < APART;
    let small = a.fingerprint.tokens().min(b.fingerprint.tokens()) < LARGE;
    // In Go, methods stand next to their types.
    (siblings && a.language != Language::Go) || (same_file && tests) || (near && small)
}

/// Whether one item refers to the other: caller and callee, class and base.
///
/// Items of the same name do not count: a method calls the method that it overrides.
fn know_each_other(a: &Facts, b: &Facts) -> bool {
    let (x, y) = (last_part(a.name), last_part(b.name));
    x != y && (a.fingerprint.uses(y) || b.fingerprint.uses(x))
}

/// The last part of a name: `lookup` for `View.prototype.lookup`, `Config` for `Display for Config<T>`.
fn last_part(name: &str) -> &str {
    let bare = name.split(['<', '(']).next().unwrap_or(name).trim_end();
    bare.rsplit(['.', ':', '#', ' ']).next().unwrap_or(bare)
}

/// The property that an accessor reads or writes: `name` for `getName` and `set_name`.
fn property(name: &str) -> String {
    let rest = ["get", "set", "is", "has"].iter().find_map(|prefix| {
        let rest = name.strip_prefix(prefix)?;
        rest.starts_with(|c: char| c == '_' || c.is_uppercase()).then_some(rest)
    });
    rest.unwrap_or(name).trim_start_matches('_').to_lowercase()
}

/// Number of lines from the end of one item to the start of the other.
fn distance(a: &Range<u32>, b: &Range<u32>) -> u32 {
    a.start.max(b.start).saturating_sub(a.end.min(b.end))
}

/// Whether two pieces of code are similar enough.
fn likeness_reached(a: &Facts, b: &Facts, same_file: bool, cosine: f32) -> bool {
    if !one_syntax(a.language, b.language) {
        // Two languages share no token sequences, so the vectors decide. Judged pairs of two languages support this.
        return cosine >= needed_across(same_file, namesakes(a, b));
    }
    let (one, two) = (a.fingerprint, b.fingerprint);
    let likeness = (cosine + one.overlap(two) + one.exact_overlap(two)) / 3.0;
    let customary = |facts: &Facts| thresholds::customary(facts.name, facts.around);
    let place = match same_file {
        true => SAME_FILE,
        false if a.kind == ItemKind::Type || (customary(a) && customary(b)) => BY_CUSTOM,
        false => 0.0,
    };
    let tests = match a.test && b.test {
        true if namesakes(a, b) => NAMESAKE_TESTS,
        true => TESTS,
        false => 0.0,
    };
    likeness >= NEEDED + place + tests
}

/// Whether two items have the same name of several words.
fn namesakes(a: &Facts, b: &Facts) -> bool {
    thresholds::words(a.name).is_some_and(|name| thresholds::words(b.name) == Some(name))
}

/// Whether two languages have so similar a syntax that texts in them share token sequences.
pub fn one_syntax(a: Language, b: Language) -> bool {
    syntax(a) == syntax(b)
}

/// The language that represents all languages with this syntax.
pub fn syntax(language: Language) -> Language {
    use Language::{C, Cpp, JavaScript, Markdown, Prose, Tsx, TypeScript};
    match language {
        TypeScript | Tsx => JavaScript,
        Cpp => C,
        Markdown => Prose,
        other => other,
    }
}

#[cfg(test)]
mod tests;
