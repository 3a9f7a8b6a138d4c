//! Source words: the units on which scores are displayed.

use unicode_segmentation::UnicodeSegmentation;

use super::ByteRange;

/// A word of a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its byte range in the source text.
    pub range: ByteRange,
}

/// The role of a grapheme cluster in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// White space and invisible control characters, which belong to no word.
    Space,
    Letter,
    Digit,
    Underscore,
    Apostrophe,
    /// U+00AD, which may occur inside words.
    SoftHyphen,
    Dot,
    /// An ideograph or kana, a word of its own.
    Ideograph,
    /// Anything else, a word of its own.
    Symbol,
}

struct Cluster {
    range: ByteRange,
    class: Class,
}

/// The words of a text, in order and without overlap.
///
/// A word is an identifier (`parse_http_config`), a contraction (`don't`, `l’eau`), a decimal number (`3.14`), a single ideograph or kana,
/// or any other visible grapheme cluster: a multi-character emoji, a bracket. White space and invisible characters belong to no word.
pub fn source_words(text: &str) -> Vec<Word> {
    let clusters: Vec<Cluster> = text
        .grapheme_indices(true)
        .map(|(at, cluster)| classify(at, cluster))
        .collect();
    let mut words = Vec::with_capacity(clusters.len() / 3);
    let mut index = 0;
    while index < clusters.len() {
        let end = match clusters[index].class {
            Class::Space | Class::SoftHyphen => {
                index += 1;
                continue;
            }
            class if in_identifier(class) => word_end(text, &clusters, index),
            _ => index + 1,
        };
        words.push(Word {
            range: clusters[index].range.start..clusters[end - 1].range.end,
        });
        index = end;
    }
    words
}

/// The index after the word that begins at `start` with a letter, digit or underscore.
fn word_end(text: &str, clusters: &[Cluster], start: usize) -> usize {
    let class = |index: usize| clusters.get(index).map_or(Class::Space, |cluster| cluster.class);
    let mut is_number = class(start) == Class::Digit;
    let mut end = start;
    loop {
        while in_identifier(class(end)) {
            end += 1;
        }
        let (left, right) = (class(end - 1), class(end + 1));
        let joined = match class(end) {
            Class::SoftHyphen => left == Class::Letter && right == Class::Letter,
            Class::Dot if is_number => left == Class::Digit && right == Class::Digit,
            Class::Apostrophe if left == Class::Letter && right == Class::Letter => {
                let word = &text[clusters[start].range.start..clusters[end].range.start];
                let curly = clusters[end].range.len() > 1;
                curly || !opens_quotation(word, clusters, end)
            }
            _ => false,
        };
        if !joined {
            return end;
        }
        is_number &= class(end) == Class::Dot;
        end += 1;
    }
}

/// Whether the apostrophe after `word` opens a quotation in code: `b'a'`, `f'hello'`, `return'x'`. Otherwise it may join a word.
fn opens_quotation(word: &str, clusters: &[Cluster], apostrophe: usize) -> bool {
    const PREFIXES: [&str; 8] = ["f", "r", "b", "u", "fr", "rf", "br", "rb"];
    if PREFIXES.iter().any(|prefix| word.eq_ignore_ascii_case(prefix)) {
        return true;
    }
    let mut after = clusters[apostrophe + 1..]
        .iter()
        .skip_while(|cluster| in_identifier(cluster.class));
    let closed = after.next().is_some_and(|cluster| cluster.class == Class::Apostrophe);
    closed && after.next().is_none_or(|cluster| cluster.class != Class::Letter)
}

fn in_identifier(class: Class) -> bool {
    matches!(class, Class::Letter | Class::Digit | Class::Underscore)
}

fn classify(at: usize, cluster: &str) -> Cluster {
    // A combining mark may follow a space: the mark is visible, the space is not.
    let visible = cluster.find(|c| !is_invisible(c));
    let Some(skipped) = visible else {
        let class = if cluster == "\u{ad}" {
            Class::SoftHyphen
        } else {
            Class::Space
        };
        return Cluster {
            range: at..at + cluster.len(),
            class,
        };
    };
    let first = cluster[skipped..].chars().next().unwrap_or(' ');
    let class = if cluster.contains('\u{20e3}') {
        Class::Symbol
    } else {
        class_of(first)
    };
    Cluster {
        range: at + skipped..at + cluster.len(),
        class,
    }
}

fn class_of(c: char) -> Class {
    match c {
        '_' => Class::Underscore,
        '\'' | '\u{2019}' => Class::Apostrophe,
        '.' => Class::Dot,
        _ if is_ideograph(c) => Class::Ideograph,
        // Letters and digits in squares and circles are symbols, most of them emoji.
        '\u{1f100}'..='\u{1f1ff}' => Class::Symbol,
        _ if c.is_numeric() => Class::Digit,
        _ if c.is_alphabetic() => Class::Letter,
        _ => Class::Symbol,
    }
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}')
}

fn is_ideograph(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3041}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{323af}')
        && c != '\u{30fb}'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<&str> {
        source_words(text).into_iter().map(|word| &text[word.range]).collect()
    }

    #[test]
    fn identifiers_are_one_word() {
        assert_eq!(
            words("parse_http_config(x2, _y);"),
            ["parse_http_config", "(", "x2", ",", "_y", ")", ";"]
        );
        assert_eq!(
            words("étude e\u{301}tude नमस्ते 한국어 Straße"),
            ["étude", "e\u{301}tude", "नमस्ते", "한국어", "Straße"]
        );
    }

    #[test]
    fn apostrophes_inside_words_join() {
        assert_eq!(words("don't l’eau rock'n'roll"), ["don't", "l’eau", "rock'n'roll"]);
        assert_eq!(words("'quoted' dogs' 'a"), ["'", "quoted", "'", "dogs", "'", "'", "a"]);
    }

    #[test]
    fn an_apostrophe_or_a_soft_hyphen_joins_letters_only() {
        assert_eq!(words("2'nd a\u{ad}b"), ["2", "'", "nd", "a\u{ad}b"]);
        assert_eq!(words("a\u{ad} b"), ["a", "b"]);
        assert_eq!(words("b’a 'b’"), ["b’a", "'", "b", "’"]);
    }

    #[test]
    fn a_mark_on_a_space_and_an_enclosed_letter_are_symbols_at_their_place() {
        assert_eq!(words("ab \u{301}c"), ["ab", "\u{301}", "c"]);
        assert_eq!(words("🅰b"), ["🅰", "b"]);
    }

    #[test]
    fn code_quotes_do_not_join() {
        assert_eq!(words("b'a'"), ["b", "'", "a", "'"]);
        assert_eq!(words("f'hello you'"), ["f", "'", "hello", "you", "'"]);
        assert_eq!(words("return'x'"), ["return", "'", "x", "'"]);
        assert_eq!(words("&'a str"), ["&", "'", "a", "str"]);
        assert_eq!(words("'don't'"), ["'", "don", "'", "t", "'"]);
    }

    #[test]
    fn decimal_numbers_are_one_word() {
        assert_eq!(
            words("3.14 1.5e10 1..5 x.0 a1.5 2.x 1.2.3"),
            [
                "3.14", "1.5e10", "1", ".", ".", "5", "x", ".", "0", "a1", ".", "5", "2", ".", "x", "1.2.3"
            ]
        );
    }

    #[test]
    fn each_ideograph_and_kana_is_a_word() {
        assert_eq!(
            words("我爱编程。カナ・x"),
            ["我", "爱", "编", "程", "。", "カ", "ナ", "・", "x"]
        );
    }

    #[test]
    fn each_other_cluster_is_a_word() {
        assert_eq!(
            words("👩‍👩‍👧🇩🇪1\u{fe0f}\u{20e3}🅰\u{fe0f}==\r\n"),
            ["👩‍👩‍👧", "🇩🇪", "1\u{fe0f}\u{20e3}", "🅰\u{fe0f}", "=", "="]
        );
    }

    #[test]
    fn invisible_characters_belong_to_no_word() {
        assert_eq!(
            words("\u{feff}a\u{200b} \u{0}\u{a0}b exam\u{ad}ple"),
            ["a", "b", "exam\u{ad}ple"]
        );
        assert_eq!(words(" \u{308}x"), ["\u{308}", "x"]);
    }

    #[test]
    fn time_is_linear_in_the_text() {
        for pattern in ["a'", "1.", "a\u{ad}", "'", "\u{301}", "👩\u{200d}", "_", "🇩"] {
            let started = std::time::Instant::now();
            source_words(&pattern.repeat(100_000));
            assert!(
                started.elapsed().as_secs() < 4,
                "{pattern:?} took {:?}",
                started.elapsed()
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn words_are_ordered_and_cover_all_visible_text(text in "([a-c1'’._ 我😀\u{301}\u{ad}\u{200d}\r\n]|\\PC|.){0,40}") {
            let mut covered = 0;
            for Word { range } in source_words(&text) {
                prop_assert!(covered <= range.start && range.start < range.end);
                prop_assert!(text[covered..range.start].chars().all(is_invisible));
                prop_assert!(!text[range.clone()].starts_with(char::is_whitespace));
                covered = range.end;
            }
            prop_assert!(text[covered..].chars().all(is_invisible));
        }
    }
}
