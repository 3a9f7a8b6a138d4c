//! The words of a text for search: identifiers and their parts, stemmed and hashed.
//!
//! The index stores these hashes instead of text. A hash cannot be inverted, but with the file, a passage can be tested for a guessed word.

use unicode_segmentation::UnicodeSegmentation;

/// The hash of a word's stem: FNV-1a, folded to 32 bits.
pub type Term = u32;

/// Maximum number of different words kept per passage, most frequent first.
const MOST: usize = 2000;

/// Words of questions that do not describe the target of a search.
const STOP: [&str; 58] = [
    "a", "an", "and", "are", "as", "at", "be", "been", "by", "can", "do", "does", "for", "from", "has", "have", "how",
    "i", "if", "in", "into", "is", "it", "its", "my", "of", "on", "or", "our", "that", "the", "their", "them", "there",
    "they", "this", "to", "was", "we", "were", "what", "when", "where", "which", "while", "who", "whose", "why",
    "will", "with", "without", "you", "your", "use", "used", "uses", "using", "happens",
];

/// A word of a text in the forms that are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its stem, in lower case; for an identifier of several parts, also the whole identifier.
    pub stem: String,
    /// The hash of the stem.
    pub term: Term,
    /// The word as written, in lower case.
    pub text: String,
}

/// The words of a text in order. An identifier of several parts gives the whole, then each part.
pub fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    each_stem(text, |stem, written| {
        found.push(Word {
            term: term(stem),
            stem: stem.to_owned(),
            text: written.to_lowercase(),
        });
    });
    found
}

/// The different content words of a query, in order, without stop words and single letters.
///
/// All words if no content word remains.
pub fn content_words(query: &str) -> Vec<Word> {
    let mut seen = std::collections::HashSet::new();
    let mut all = words(query);
    all.retain(|word| seen.insert(word.term));
    match all.iter().any(is_content_word) {
        true => all.into_iter().filter(is_content_word).collect(),
        false => all,
    }
}

/// Whether a word says what a query is about: no stop word, and no single letter.
pub fn is_content_word(word: &Word) -> bool {
    word.stem.chars().count() > 1 && !is_stop_word(&word.text)
}

/// Whether a lower-case word is a stop word.
pub fn is_stop_word(word: &str) -> bool {
    STOP.contains(&word)
}

/// The words of a passage: each term once, with its count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordCounts(Vec<(Term, u8)>);

impl WordCounts {
    /// Counts the words of a text.
    pub fn of(text: &str) -> WordCounts {
        let mut terms = Vec::new();
        each_stem(text, |stem, _| terms.push(term(stem)));
        terms.sort_unstable();
        let mut counts: Vec<(Term, u8)> = Vec::new();
        for term in terms {
            match counts.last_mut() {
                Some((last, count)) if *last == term => *count = count.saturating_add(1),
                _ => counts.push((term, 1)),
            }
        }
        if counts.len() > MOST {
            counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            counts.truncate(MOST);
            counts.sort_unstable();
        }
        WordCounts(counts)
    }

    /// Each term with its count, terms ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Term, u8)> + '_ {
        self.0.iter().copied()
    }

    /// Serializes to five bytes per term: the term in little-endian order, then its count.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = self.0.iter().flat_map(|(term, count)| {
            let [a, b, c, d] = term.to_le_bytes();
            [a, b, c, d, *count]
        });
        bytes.collect()
    }

    /// Reads the bytes of [`WordCounts::to_bytes`]; an incomplete entry at the end is ignored.
    pub fn in_bytes(bytes: &[u8]) -> impl Iterator<Item = (Term, u8)> + '_ {
        let (entries, _) = bytes.as_chunks::<5>();
        entries
            .iter()
            .map(|&[a, b, c, d, count]| (Term::from_le_bytes([a, b, c, d]), count))
    }
}

/// The hash of a stem.
pub fn term(stem: &str) -> Term {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = stem
        .bytes()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    (hash ^ (hash >> 32)) as Term
}

/// The parts of an identifier in lower case: `parse`, `http`, `config` and `2` for `parseHTTPConfig2`.
pub fn parts(identifier: &str) -> Vec<String> {
    let mut parts = Vec::new();
    each_part(identifier, |part| parts.push(part.to_lowercase()));
    parts
}

/// Calls `take` with the stem of every word, and the word as written.
fn each_stem(text: &str, mut take: impl FnMut(&str, &str)) {
    let mut lower = String::new();
    for token in text.split(|c: char| !(c == '_' || c.is_alphanumeric())) {
        if token.is_empty() {
            continue;
        }
        if !token.is_ascii() && token.chars().any(is_ideograph) {
            each_pair(token, &mut take);
            continue;
        }
        let mut count = 0;
        each_part(token, |_| count += 1);
        if count > 1 {
            lower.clear();
            lower.extend(token.trim_matches('_').chars().flat_map(char::to_lowercase));
            take(&lower, token);
        }
        each_part(token, |part| {
            lower.clear();
            lower.extend(part.chars().flat_map(char::to_lowercase));
            stem(&mut lower);
            take(&lower, part);
        });
    }
}

/// Chinese and Japanese have no spaces between words. Pairs of neighboring characters act as words.
fn each_pair(token: &str, take: &mut impl FnMut(&str, &str)) {
    let letters: Vec<&str> = token.graphemes(true).collect();
    match letters.as_slice() {
        [only] => take(only, only),
        _ => letters.windows(2).for_each(|pair| take(&pair.concat(), &pair.concat())),
    }
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Calls `take` with each part of an identifier: camel-case words, acronyms, digits.
fn each_part(token: &str, mut take: impl FnMut(&str)) {
    #[derive(Clone, Copy, PartialEq)]
    enum Class {
        Upper,
        Lower,
        Digit,
        Other,
    }
    let class = |c: char| match c {
        _ if c.is_uppercase() => Class::Upper,
        _ if c.is_alphabetic() => Class::Lower,
        _ if c.is_numeric() => Class::Digit,
        _ => Class::Other,
    };
    let (mut start, mut last_upper) = (0, 0);
    let mut before = Class::Other;
    for (at, c) in token.char_indices() {
        let now = class(c);
        match (before, now) {
            (Class::Upper, Class::Lower) if last_upper > start => {
                // `HTTPConfig`: the last capital begins the next word.
                take(&token[start..last_upper]);
                start = last_upper;
            }
            (Class::Upper, Class::Lower) => {}
            _ if before != now => {
                if before != Class::Other {
                    take(&token[start..at]);
                }
                start = at;
            }
            _ => {}
        }
        if now == Class::Upper {
            last_upper = at;
        }
        before = now;
    }
    if before != Class::Other {
        take(&token[start..]);
    }
}

/// Removes the most frequent English suffixes if at least four letters remain.
///
/// A light form of Porter's stemmer (1980): `validate`, `validated` and `validation` become one word.
fn stem(word: &mut String) {
    const ENDINGS: [(&str, &str); 21] = [
        ("ization", "iz"),
        ("ations", "at"),
        ("ation", "at"),
        ("ities", ""),
        ("ity", ""),
        ("ments", ""),
        ("ment", ""),
        ("ies", "y"),
        ("ie", "y"),
        ("ings", ""),
        ("ing", ""),
        ("ers", ""),
        ("ors", ""),
        ("er", ""),
        ("or", ""),
        ("ed", ""),
        ("ions", ""),
        ("ion", ""),
        ("es", ""),
        ("s", ""),
        ("e", ""),
    ];
    let fits = |(end, instead): &&(&str, &str)| word.ends_with(end) && word.len() - end.len() + instead.len() >= 4;
    if let Some((end, instead)) = ENDINGS.iter().find(fits) {
        word.truncate(word.len() - end.len());
        word.push_str(instead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.stem).collect()
    }

    #[test]
    fn identifiers_count_as_a_whole_and_in_parts() {
        assert_eq!(
            stems("parseHTTPConfig2(x)"),
            ["parsehttpconfig2", "pars", "http", "config", "2", "x"]
        );
        assert_eq!(stems("_load_config"), ["load_config", "load", "config"]);
        assert_eq!(stems("HTTP URLs __init__"), ["http", "urls", "ur", "ls", "init"]);
        assert_eq!(parts("JsonReader"), ["json", "reader"]);
    }

    #[test]
    fn forms_of_a_word_have_one_stem_and_short_words_stay() {
        for form in [
            "validate",
            "validates",
            "validated",
            "validating",
            "validation",
            "validations",
        ] {
            assert_eq!(stems(form), ["validat"], "{form}");
        }
        assert_eq!(stems("use red string"), ["use", "red", "string"]);
    }

    #[test]
    fn a_question_is_reduced_to_its_content_words() {
        let carried = |query| -> Vec<String> { content_words(query).into_iter().map(|word| word.stem).collect() };
        assert_eq!(carried("where is the session cookie signed"), ["sess", "cooky", "sign"]);
        assert_eq!(carried("to be or not"), ["not"]);
        assert_eq!(carried("what is it"), ["what", "is", "it"]);
        assert_eq!(carried(""), [""; 0]);
    }

    #[test]
    fn chinese_is_counted_in_pairs_of_characters() {
        assert_eq!(stems("我爱编程"), ["我爱", "爱编", "编程"]);
        assert_eq!(stems("é Élan"), ["é", "élan"]);
    }

    #[test]
    fn word_counts_survive_serialization() {
        let counts = WordCounts::of("load the config, load_config: loading");
        let again: Vec<_> = WordCounts::in_bytes(&counts.to_bytes()).collect();
        assert_eq!(again, counts.iter().collect::<Vec<_>>());
        let load = counts.iter().find(|(found, _)| *found == term("load"));
        assert_eq!(load, Some((term("load"), 3)));
        assert_eq!(WordCounts::in_bytes(&[1, 2, 3]).count(), 0);
    }

    #[test]
    fn a_long_passage_keeps_its_most_frequent_words() {
        let rare: String = (0..3000).map(|i| format!("w{i} ")).collect();
        let counts = WordCounts::of(&format!("{rare} common common"));
        assert_eq!(counts.iter().count(), MOST);
        assert!(
            counts
                .iter()
                .any(|(found, count)| found == term("common") && count == 2)
        );
    }
}
