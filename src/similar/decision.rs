//! Whether an item tells the reader of another one something new.
//!
//! Vectors propose pairs and this module decides on them. A pair is worth showing when whoever changes one item gains by knowing the
//! other: a copy, a variant in another file, the same task elsewhere. Items that merely look alike, that stand side by side, or that
//! know each other anyway (caller and callee, class and base) are left out. The method and the judged pairs are in `benches/lenses/`.

use std::ops::Range;

use super::fingerprint::Fingerprint;
use super::thresholds::{self, Ties};
use crate::segment::ItemKind;
use crate::text::Language;

/// The cosine below which no pair is looked at.
pub const FLOOR: f32 = 0.35;

/// The likeness that two functions of different files need: the mean of cosine, overlap without names and overlap with names.
const NEEDED: f32 = 0.4;

/// How much more two items of one file need.
const SAME_FILE: f32 = 0.25;

/// How much more items of different files need that are alike by custom: types, and functions that a language or a library prescribes.
const BY_CUSTOM: f32 = 0.25;

/// How much more two tests of different files need, since tests repeat their shape. Those of one file are never shown.
const TESTS: f32 = 0.4;

/// How much more two tests of one name need: suites that run in parallel.
const NAMESAKE_TESTS: f32 = 0.2;

/// The fewest lines of code of an item.
const LINES: u32 = 5;

/// The fewest lines of code of a test.
const TEST_LINES: u32 = 7;

/// The reader of an item sees what stands fewer lines away.
const APART: u32 = 25;

/// The tokens from which on two neighbors are shown all the same: that much repeated code is worth sharing.
const LARGE: u32 = 100;

/// The fewest words of a section of prose.
const WORDS: u32 = 50;

/// The share of the shorter of two sections that the other one repeats.
const REPEATED: f32 = 0.6;

/// The overlap without names from which on one item is a changed copy of the other.
const CHANGED: f32 = 0.4;

/// The overlap from which on two items have the same text, or the same one but for names: hashes are all equal.
const SAME: f32 = 0.999;

/// What lenses, actions and the peek show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Detail {
    /// What is news to the reader.
    #[default]
    Useful,
    /// Everything that reaches the score.
    All,
}

/// An item, as far as the decision depends on it.
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
    /// Whether its file repeats itself by nature: a changelog, a license, generated code.
    pub repetitive: bool,
    /// What its text is made of.
    pub fingerprint: &'a Fingerprint,
}

/// What a threshold other than the default changes: a lower one lifts every cosine, so that less alike items are shown; a higher one
/// asks more of the cosine alone, and at 1 shows only what has one vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The least cosine of a pair.
    pub floor: f32,
    /// What is added to a cosine before the decision.
    pub lift: f32,
}

impl Bar {
    /// The bar of a threshold.
    pub fn new(threshold: f32) -> Bar {
        let lift = (thresholds::DEFAULT - threshold).max(0.0);
        let above = ((threshold - thresholds::DEFAULT) / (1.0 - thresholds::DEFAULT)).max(0.0);
        Bar {
            floor: FLOOR - lift + above * (1.0 - FLOOR),
            lift,
        }
    }
}

/// How two items resemble each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloneType {
    /// They have the same text, but for comments and white space.
    SameText,
    /// They have the same text, but for names and literals.
    Renamed,
    /// They have much of their text in common, but for names and literals.
    Changed,
    /// They do the same in different words.
    SameTask,
}

impl CloneType {
    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            CloneType::SameText => "same text",
            CloneType::Renamed => "renamed",
            CloneType::Changed => "changed",
            CloneType::SameTask => "same task",
        }
    }

    /// The type of two items, whatever else is decided.
    pub fn of(a: &Fingerprint, b: &Fingerprint) -> CloneType {
        match () {
            () if a.exact_overlap(b) >= SAME => CloneType::SameText,
            () if a.overlap(b) >= SAME => CloneType::Renamed,
            () if a.overlap(b) >= CHANGED => CloneType::Changed,
            () => CloneType::SameTask,
        }
    }
}

/// Decides whether two items are shown to the reader of either, and as what; `None` where they are not. `cosine` is that of their
/// language-centered vectors.
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

/// Whether an item is shown at all, beside whatever other one.
pub fn may_be_shown(item: &Facts) -> bool {
    let enough = match item.kind {
        ItemKind::Heading => long_section(item) && !is_log_name(item.name),
        _ => item.fingerprint.lines() >= LINES.min(TEST_LINES),
    };
    enough && !item.repetitive
}

/// What both overlaps of two items of a kind are together at least where they are shown, whatever else they are like: of two items in one
/// syntax ([`one_syntax`]) whose cosine is at most `cosine`, and of two sections of prose.
pub fn least_overlap(kind: ItemKind, cosine: f32) -> f32 {
    let needed = match kind {
        // By how much of the shorter one is in the longer one, whatever the cosine.
        ItemKind::Heading => return 0.0,
        ItemKind::Type => NEEDED + SAME_FILE.min(BY_CUSTOM),
        ItemKind::Function | ItemKind::File => NEEDED,
    };
    3.0 * needed - cosine
}

/// The cosine that two items need whose languages share no runs of tokens.
pub fn needed_across(same_file: bool, namesakes: bool) -> f32 {
    let ties = Ties {
        file: same_file,
        language: false,
        name: namesakes,
    };
    thresholds::needed(thresholds::DEFAULT, ties)
}

/// Whether two sections of prose say the same.
fn repeats(a: &Facts, b: &Facts) -> bool {
    let named = |facts: &Facts| is_log_name(facts.name);
    long_section(a) && long_section(b) && !named(a) && !named(b) && a.fingerprint.containment(b.fingerprint) >= REPEATED
}

fn long_section(item: &Facts) -> bool {
    item.fingerprint.tokens() >= WORDS
}

/// Whether a section is called as sections are that every project has.
fn is_log_name(name: &str) -> bool {
    let name = name.to_lowercase();
    ["license", "licence", "changelog", "copyright"]
        .iter()
        .any(|word| name.starts_with(word))
}

/// Whether two pieces of code are no news to each other's reader, however alike they are.
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
    // Methods of Go stand beside their types.
    (siblings && a.language != Language::Go) || (same_file && tests) || (near && small)
}

/// Whether one item names the other: caller and callee, class and base. Items of one name say nothing about that: a method calls the one
/// that it overrides.
fn know_each_other(a: &Facts, b: &Facts) -> bool {
    let (x, y) = (last_part(a.name), last_part(b.name));
    x != y && (a.fingerprint.uses(y) || b.fingerprint.uses(x))
}

/// `lookup` of `View.prototype.lookup`, `Config` of `Display for Config<T>`.
fn last_part(name: &str) -> &str {
    let bare = name.split(['<', '(']).next().unwrap_or(name).trim_end();
    bare.rsplit(['.', ':', '#', ' ']).next().unwrap_or(bare)
}

/// What an accessor is about: `getName` and `set_name` are about `name`.
fn property(name: &str) -> String {
    let rest = ["get", "set", "is", "has"].iter().find_map(|prefix| {
        let rest = name.strip_prefix(prefix)?;
        rest.starts_with(|c: char| c == '_' || c.is_uppercase()).then_some(rest)
    });
    rest.unwrap_or(name).trim_start_matches('_').to_lowercase()
}

/// The lines from the end of one item to the start of the other.
fn distance(a: &Range<u32>, b: &Range<u32>) -> u32 {
    a.start.max(b.start).saturating_sub(a.end.min(b.end))
}

/// Whether two pieces of code are alike enough.
fn likeness_reached(a: &Facts, b: &Facts, same_file: bool, cosine: f32) -> bool {
    if !one_syntax(a.language, b.language) {
        // Two languages share no runs of tokens. The vector has to tell, as it did on judged pairs of two languages.
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

/// Whether two languages are written alike, so that texts in them have runs of tokens in common.
pub fn one_syntax(a: Language, b: Language) -> bool {
    syntax(a) == syntax(b)
}

/// A language that is written as another one is.
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
