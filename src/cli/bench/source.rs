//! Generates a realistic Rust file: different functions, types with methods, and constants. The visible lines are the same for every
//! length, so that an edit costs the model the same in each file.

use std::fmt::Write;
use std::ops::Range;

/// Number of visible lines.
const SCREEN: usize = 50;

/// A generated file.
#[derive(Debug)]
pub(super) struct Source {
    /// Its text.
    pub text: String,
    /// The lines that an editor shows.
    pub screen: Range<usize>,
    /// The lines of each visible function.
    pub functions: Vec<Range<usize>>,
}

/// Pseudo-random numbers, the same in every run (SplitMix64).
#[derive(Debug)]
pub(super) struct Numbers(u64);

impl Numbers {
    /// Starts the sequence of a seed.
    pub(super) fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    /// The next number of `0..below`.
    pub(super) fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

const VERBS: [&str; 24] = [
    "load", "parse", "merge", "collect", "render", "resolve", "validate", "schedule", "encode", "flush", "measure",
    "rotate", "publish", "compact", "retry", "balance", "trace", "expire", "verify", "assign", "index", "restore",
    "sample", "reduce",
];
const NOUNS: [&str; 32] = [
    "config", "session", "invoice", "packet", "token", "shard", "cursor", "ledger", "route", "snapshot", "bucket",
    "manifest", "replica", "channel", "quota", "widget", "segment", "policy", "account", "record", "frame", "peer",
    "digest", "catalog", "window", "journal", "sensor", "template", "order", "region", "lease", "payload",
];
const TYPES: [&str; 8] = ["u64", "usize", "f64", "String", "Vec<u8>", "Duration", "PathBuf", "i32"];

/// Generates a file of exactly `lines` lines (at least 100).
pub(super) fn source(lines: usize) -> Source {
    let lines = lines.max(100);
    let (mut shown, mut functions, mut index) = (Vec::new(), Vec::new(), 0);
    while shown.len() < SCREEN - 14 {
        let function = function(index);
        functions.push(shown.len()..shown.len() + function.len());
        shown.extend(function);
        shown.push(String::new());
        index += 1;
    }
    let above = (lines - shown.len()) / 2;
    let mut text = filled(above, &mut index);
    let screen = above..above + shown.len();
    let below = lines - screen.end;
    text.append(&mut shown);
    text.extend(filled(below, &mut index));
    let mut text = text.join("\n");
    text.push('\n');
    Source {
        text,
        functions: functions
            .into_iter()
            .map(|function| function.start + above..function.end + above)
            .collect(),
        screen,
    }
}

/// Generates this many lines of unused pieces.
fn filled(lines: usize, index: &mut usize) -> Vec<String> {
    let mut text: Vec<String> = Vec::with_capacity(lines);
    loop {
        let piece = piece(*index);
        if text.len() + piece.len() + 1 > lines {
            break;
        }
        text.extend(piece);
        text.push(String::new());
        *index += 1;
    }
    while text.len() < lines {
        text.push(constant(*index));
        *index += 1;
    }
    text
}

/// Generates a function that is just long enough to be compared; it differs in each round.
pub(super) fn small(index: usize, round: u64) -> String {
    let (verb, one, two) = name(index);
    let mut numbers = Numbers::new(index as u64 * 1000 + round);
    let (noun, other, number) = (numbers.of(&NOUNS), numbers.of(&VERBS), numbers.below(500));
    format!(
        "pub fn {verb}_{one}_{two}_{index}({noun}: &mut {}) -> bool {{ {noun}.{other}({two}, {number}) > {one}.len() }}\n",
        camel(noun)
    )
}

/// Generates a search query.
pub(super) fn question(numbers: &mut Numbers) -> String {
    let (verb, one, two) = (numbers.of(&VERBS), numbers.of(&NOUNS), numbers.of(&NOUNS));
    format!("{verb} the {one} of a {two}")
}

fn piece(index: usize) -> Vec<String> {
    match index % 9 {
        4 => record(index),
        7 => (0..3).map(|more| constant(index * 31 + more)).collect(),
        _ => function(index),
    }
}

/// A name that is unique to an index: a verb and two nouns in mixed radix, with the digits spread so that neighbors differ.
fn name(index: usize) -> (&'static str, &'static str, &'static str) {
    let all = VERBS.len() * NOUNS.len() * NOUNS.len();
    let spread = (index * 7919) % all;
    (
        VERBS[spread % VERBS.len()],
        NOUNS[spread / VERBS.len() % NOUNS.len()],
        NOUNS[spread / VERBS.len() / NOUNS.len()],
    )
}

fn constant(index: usize) -> String {
    let (verb, one, two) = name(index);
    let number = Numbers::new(index as u64).below(100_000);
    let name = format!("{verb}_{one}_{two}_{index}").to_uppercase();
    format!("pub const {name}: u64 = {number};")
}

/// A function with its comment: a signature, some statements, a result.
fn function(index: usize) -> Vec<String> {
    let (verb, one, two) = name(index);
    let mut numbers = Numbers::new(index as u64);
    let kind = numbers.of(&TYPES);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "/// Tries to {verb} the {one} of a {two}, {} at most.",
        numbers.below(90) + 10
    );
    let _ = writeln!(
        text,
        "pub fn {verb}_{one}_{two}({one}s: &[{}], limit: {kind}) -> Result<usize, Error> {{",
        camel(two)
    );
    let _ = writeln!(text, "    let mut {two}_total = {};", numbers.below(1000));
    for _ in 0..2 + numbers.below(2) {
        text += &statement(&mut numbers, one, two);
    }
    let _ = writeln!(text, "    Ok({two}_total)");
    text += "}";
    text.lines().map(str::to_owned).collect()
}

/// A type with two methods.
fn record(index: usize) -> Vec<String> {
    let (verb, one, two) = name(index);
    let mut numbers = Numbers::new(index as u64);
    let kind = format!("{}{}{index}", camel(one), camel(two));
    let mut text = format!("/// What is known of a {one} before it is asked to {verb}.\npub struct {kind} {{\n");
    for _ in 0..2 + numbers.below(3) {
        let (noun, of) = (numbers.of(&NOUNS), numbers.of(&TYPES));
        let _ = writeln!(text, "    pub {noun}_{}: {of},", numbers.below(100));
    }
    let _ = writeln!(text, "}}\n\nimpl {kind} {{");
    for verb in [verb, numbers.of(&VERBS)] {
        let noun = numbers.of(&NOUNS);
        let _ = writeln!(
            text,
            "    pub fn {verb}_{noun}_{}(&mut self, {two}_total: usize) {{",
            numbers.below(1000)
        );
        text += &statement(&mut numbers, noun, two)
            .replace("\n    ", "\n        ")
            .replacen("    ", "        ", 1);
        text += "    }\n";
    }
    text += "}";
    text.lines().map(str::to_owned).collect()
}

fn statement(numbers: &mut Numbers, one: &str, two: &str) -> String {
    let (verb, noun, number) = (numbers.of(&VERBS), numbers.of(&NOUNS), numbers.below(500));
    match numbers.below(7) {
        0 => format!(
            "    for {noun} in {one}s.iter().filter(|{noun}| {noun}.{verb}() > {number}) {{\n        {two}_total += {noun}.len();\n    }}\n"
        ),
        1 => format!(
            "    if {two}_total > {number} {{\n        return Err(Error::{}({two}_total));\n    }}\n",
            camel(noun)
        ),
        2 => format!(
            "    let {noun}_{number} = {verb}_{noun}({one}s, {number})?;\n    {two}_total += {noun}_{number};\n"
        ),
        3 => format!(
            "    {two}_total += match {one}s.first() {{\n        Some({noun}) => {noun}.{verb}({number}),\n        None => {number},\n    }};\n"
        ),
        4 => format!(
            "    // The {noun} may be gone by now; then there is nothing to {verb}.\n    {two}_total = {two}_total.saturating_sub({number});\n"
        ),
        5 => format!(
            "    let {noun}_{number}: Vec<_> = {one}s.iter().map(|{noun}| {noun}.{verb}({number})).collect();\n    {two}_total = {noun}_{number}.len();\n"
        ),
        _ => format!(
            "    while {two}_total < {number} {{\n        {two}_total = {verb}_{noun}({two}_total, \"{noun} {number}\");\n    }}\n"
        ),
    }
}

fn camel(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn files_have_the_requested_length_and_show_the_same_functions() {
        let shown = |source: &Source| -> Vec<String> {
            let lines = source.text.lines().skip(source.screen.start).take(source.screen.len());
            lines.map(str::to_owned).collect()
        };
        let small = source(100);
        for lines in [100, 1000, 3001] {
            let source = source(lines);
            assert_eq!(source.text.lines().count(), lines);
            assert_eq!(shown(&source), shown(&small));
            let all: Vec<&str> = source.text.lines().collect();
            for function in &source.functions {
                assert!(all[function.start].starts_with("/// Tries") && all[function.end - 1] == "}");
            }
        }
        assert!(small.functions.len() > 2);
    }

    #[test]
    fn no_two_functions_are_the_same() {
        let texts: HashSet<String> = (0..2000).map(|index| piece(index).join("\n")).collect();
        assert_eq!(texts.len(), 2000);
    }
}
