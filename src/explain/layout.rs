//! The layout of a text as a binary tree over its words: blocks of lines, lines, brackets, clauses, words.
//!
//! The module divides a text recursively at its strongest boundary between two words. Between lines, the strongest boundary has the least
//! indentation. Within a line it has the least depth of brackets; at that depth the end of a sentence or statement comes first, then a
//! comma or colon, then any boundary. Ties go to the boundary closest to the middle. For normally formatted text this follows the syntax
//! tree, in any language, without a grammar.

use crate::text::ByteRange;

/// A part of a text: a range of its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The words.
    pub words: std::ops::Range<usize>,
    /// Its two halves, as indices into the list of all parts; `None` for a single word.
    pub halves: Option<(usize, usize)>,
}

/// The strength of a boundary; the least value divides most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Boundary {
    /// Between two lines: the indentation of the second.
    Lines(usize),
    /// Within a line: the depth of brackets, then the kind of the token before.
    Within(usize, u8),
}

/// The parts of a text, the whole first.
pub(super) fn parts(text: &str, words: &[ByteRange]) -> Vec<Part> {
    let boundaries = boundaries(text, words);
    let mut parts = Vec::with_capacity(2 * words.len());
    if !words.is_empty() {
        parts.push(Part {
            words: 0..words.len(),
            halves: None,
        });
    }
    let mut next = 0;
    while next < parts.len() {
        let own = parts[next].words.clone();
        if own.len() > 1 {
            // Boundary k is after word k.
            let middle = own.start + (own.len() - 1) / 2;
            let best = (own.start..own.end - 1).min_by_key(|k| (boundaries[*k], k.abs_diff(middle), *k));
            let cut = best.unwrap_or(own.start) + 1;
            parts[next].halves = Some((parts.len(), parts.len() + 1));
            for words in [own.start..cut, cut..own.end] {
                parts.push(Part { words, halves: None });
            }
        }
        next += 1;
    }
    parts
}

/// The words of each line that has words.
pub(super) fn lines(text: &str, words: &[ByteRange]) -> Vec<std::ops::Range<usize>> {
    divided(text, words, |boundary| matches!(boundary, Boundary::Lines(_)))
}

/// The words of each sentence or statement; a line ends one as well.
pub(super) fn sentences(text: &str, words: &[ByteRange]) -> Vec<std::ops::Range<usize>> {
    divided(text, words, |boundary| {
        matches!(boundary, Boundary::Lines(_) | Boundary::Within(_, 0))
    })
}

fn divided(text: &str, words: &[ByteRange], ends: impl Fn(Boundary) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut groups = Vec::new();
    let mut first = 0;
    for (word, boundary) in boundaries(text, words).into_iter().enumerate() {
        if ends(boundary) {
            groups.push(first..word + 1);
            first = word + 1;
        }
    }
    if first < words.len() {
        groups.push(first..words.len());
    }
    groups
}

fn boundaries(text: &str, words: &[ByteRange]) -> Vec<Boundary> {
    let depths = depths(text, words);
    let pairs = words.iter().zip(words.iter().skip(1)).enumerate();
    pairs
        .map(|(k, (before, after))| {
            let gap = text.get(before.end..after.start).unwrap_or_default();
            if let Some(line) = gap.rfind('\n') {
                return Boundary::Lines(gap.len() - line - 1);
            }
            let last = text
                .get(before.start..after.start)
                .unwrap_or_default()
                .trim_end()
                .chars()
                .next_back();
            let kind = match last {
                Some('。' | '！' | '？' | '；' | ';') => 0,
                Some('.' | '!' | '?') if !gap.is_empty() => 0,
                Some(',' | ':' | '，' | '：' | '、') => 1,
                _ => 2,
            };
            Boundary::Within(depths[k].min(depths[k + 1]), kind)
        })
        .collect()
}

/// The number of open brackets around each word within its line; a bracket itself counts as outside.
fn depths(text: &str, words: &[ByteRange]) -> Vec<usize> {
    let (mut depth, mut at) = (0usize, 0usize);
    let mut depths = Vec::with_capacity(words.len());
    for word in words {
        let mut step = |c: char| match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '\n' => depth = 0,
            _ => {}
        };
        text.get(at..word.start).unwrap_or_default().chars().for_each(&mut step);
        let mut own = text[word.clone()].chars();
        // A closing bracket has the depth after it.
        match own.clone().next() {
            Some(first @ (')' | ']' | '}')) => {
                step(first);
                own.next();
                depths.push(depth);
            }
            _ => depths.push(depth),
        }
        let mut step = |c: char| match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        };
        own.for_each(&mut step);
        at = word.end;
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::source_words;

    fn tree(text: &str) -> String {
        let words: Vec<ByteRange> = source_words(text).into_iter().map(|word| word.range).collect();
        let parts = parts(text, &words);
        fn told(text: &str, words: &[ByteRange], parts: &[Part], own: usize) -> String {
            match parts[own].halves {
                Some((a, b)) => format!("[{} {}]", told(text, words, parts, a), told(text, words, parts, b)),
                None => text[words[parts[own].words.start].clone()].to_owned(),
            }
        }
        told(text, &words, &parts, 0)
    }

    #[test]
    fn lines_of_less_indentation_divide_first_then_brackets_then_clauses() {
        assert_eq!(tree("a b c d"), "[[a b] [c d]]");
        assert_eq!(
            tree("a\n  b\n  c\nd"),
            "[[a [b c]] d]".replace("[a [b c]]", "[[a b] c]")
        );
        assert_eq!(
            tree("f(x, y) z").matches("[x , y]").count() + tree("f(x, y) z").matches("[[x ,] y]").count(),
            1
        );
        assert!(
            tree("One two. Three four").starts_with("[[[One two] .] [Three four]]"),
            "{}",
            tree("One two. Three four")
        );
    }

    #[test]
    fn a_word_is_as_deep_as_the_open_brackets_of_its_line() {
        let text = "f(a, [b]) c\n(d\ne) {f}";
        let words: Vec<ByteRange> = source_words(text).into_iter().map(|word| word.range).collect();
        let depths = depths(text, &words);
        let told: Vec<String> = words
            .iter()
            .zip(depths)
            .map(|(word, depth)| format!("{}{depth}", &text[word.clone()]))
            .collect();
        let expected = "f0 (0 a1 ,1 [1 b2 ]1 )0 c0 (0 d1 e0 )0 {0 f1 }0";
        assert_eq!(told.join(" "), expected);
    }

    #[test]
    fn lines_and_sentences_cover_all_words_in_order() {
        let text = "One two. Three four!\nfive\n\n  six";
        let words: Vec<ByteRange> = source_words(text).into_iter().map(|word| word.range).collect();
        let told = |groups: Vec<std::ops::Range<usize>>| -> Vec<String> {
            let of =
                |group: &std::ops::Range<usize>| text[words[group.start].start..words[group.end - 1].end].to_owned();
            groups.iter().map(of).collect()
        };
        assert_eq!(told(lines(text, &words)), ["One two. Three four!", "five", "six"]);
        assert_eq!(
            told(sentences(text, &words)),
            ["One two.", "Three four!", "five", "six"]
        );
    }

    #[test]
    fn every_word_is_a_part_and_two_halves_cover_their_part() {
        for text in [
            "",
            "one",
            "fn f(x: &str) -> usize {\n    x.len()\n}\n",
            "我爱编程。你呢？",
        ] {
            let words: Vec<ByteRange> = source_words(text).into_iter().map(|word| word.range).collect();
            let parts = parts(text, &words);
            assert_eq!(parts.len(), (2 * words.len()).saturating_sub(1), "{text:?}");
            for part in &parts {
                if let Some((a, b)) = part.halves {
                    assert_eq!(parts[a].words.start, part.words.start);
                    assert_eq!(parts[a].words.end, parts[b].words.start);
                    assert_eq!(parts[b].words.end, part.words.end);
                }
            }
        }
    }
}
