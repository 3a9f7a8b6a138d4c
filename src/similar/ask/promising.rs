//! Chooses the part of a passage that is worth reading, and the sentences that are worth an embedding: those that share words with the
//! question.
//!
//! The model takes as long for a passage as it has tokens, and a search returns passages of hundreds of lines. Words cost nothing, and a
//! sentence that shares none with the question rarely answers it (`benches/ask`).

use std::collections::{HashMap, HashSet};

use crate::similar::words::{Term, content_words, words};
use crate::text::{ByteRange, Language, Snapshot};

/// Maximum lines of a passage that are split into sentences; a type of thousands of lines is a passage as well.
const LINES: usize = 200;

/// Sums of weights that differ by a smaller factor are about equal.
const ABOUT: f32 = 1.05;

/// Maximum tokens of the chosen sentences of a passage.
const TOKENS: usize = 128;

/// The lines of a passage with the most and rarest words of the question: all of them unless they are many.
pub(super) fn narrowed(question: &str, snapshot: &Snapshot, range: &ByteRange) -> ByteRange {
    let text = snapshot.text(range.clone());
    let mut lines: Vec<ByteRange> = Vec::new();
    for line in text.split_inclusive('\n') {
        let start = lines.last().map_or(0, |last| last.end);
        lines.push(start..start + line.len());
    }
    if lines.len() <= LINES {
        return range.clone();
    }
    let shared = shared(question, lines.iter().map(|line| &text[line.clone()]));
    // A word in every line says nothing here: the window with the most lines that have it would win.
    let scores = rarities(&shared, |share| share.ln());
    if scores.iter().all(|score| *score == 0.0) {
        return range.start..range.start + lines[LINES - 1].end;
    }
    let mut sum: f32 = scores[..LINES].iter().sum();
    let (mut best, mut firsts) = (sum, 0..=0);
    for first in 1..=lines.len() - LINES {
        sum += scores[first + LINES - 1] - scores[first - 1];
        // Common words make small differences.
        if sum > best * ABOUT {
            (best, firsts) = (sum, first..=first);
        } else if sum * ABOUT > best && *firsts.end() + 1 == first {
            firsts = *firsts.start()..=first;
        }
    }
    // Of about equal windows that follow each other, the middle one has text before and behind the words.
    let first = (firsts.start() + firsts.end()) / 2;
    range.start + lines[first].start..range.start + lines[first + LINES - 1].end
}

/// The words of the question that each text has.
fn shared<'a>(question: &str, texts: impl Iterator<Item = &'a str>) -> Vec<HashSet<Term>> {
    let asked: HashSet<Term> = content_words(question).iter().map(|word| word.term).collect();
    let of = |text: &str| {
        words(text)
            .iter()
            .map(|word| word.term)
            .filter(|term| asked.contains(term))
            .collect()
    };
    texts.map(of).collect()
}

/// The sum over the words of each text: a word that few texts have says more than one in all of them. `weight` makes the weight of a word
/// from the number of texts for each that has it, at least 1.
fn rarities(shared: &[HashSet<Term>], weight: impl Fn(f32) -> f32) -> Vec<f32> {
    let mut holders: HashMap<Term, usize> = HashMap::new();
    shared
        .iter()
        .flatten()
        .for_each(|term| *holders.entry(*term).or_default() += 1);
    let rarity = |term: &Term| weight(shared.len() as f32 / holders[term] as f32);
    shared.iter().map(|own| own.iter().map(rarity).sum()).collect()
}

/// The sentences with the rarest words of the question, in the order of the text; all of them if they are short together, and the
/// first of them if none has any.
pub(super) fn promising(
    tokens: &dyn Fn(&str, Language) -> usize,
    question: &str,
    snapshot: &Snapshot,
    sentences: Vec<ByteRange>,
) -> Vec<ByteRange> {
    let texts: Vec<_> = sentences.iter().map(|own| snapshot.text(own.clone())).collect();
    let sizes: Vec<usize> = texts.iter().map(|text| tokens(text, snapshot.language())).collect();
    if sizes.iter().sum::<usize>() <= TOKENS {
        return sentences;
    }
    let scores = rarities(&shared(question, texts.iter().map(|text| &**text)), |share| {
        (1.0 + share).ln()
    });
    let mut order: Vec<usize> = (0..sentences.len()).collect();
    // The first of equals stays first: a passage begins with what it is about.
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let mut room = TOKENS;
    let mut chosen: Vec<usize> = order
        .into_iter()
        .take_while(|own| {
            let fits = sizes[*own] <= room || room == TOKENS;
            room = room.saturating_sub(sizes[*own]);
            fits
        })
        .collect();
    chosen.sort_unstable();
    chosen.into_iter().map(|own| sentences[own].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token per word, and sentences by line.
    fn chosen(question: &str, text: &str) -> Vec<String> {
        let snapshot = Snapshot::new(text, 0, Language::Prose);
        let mut at = 0;
        let lines = text.split_inclusive('\n').map(|line| {
            at += line.len();
            at - line.len()..at - 1
        });
        let tokens = |text: &str, _| text.split_whitespace().count();
        let found = promising(&tokens, question, &snapshot, lines.collect());
        found.into_iter().map(|own| text[own].to_owned()).collect()
    }

    #[test]
    fn of_a_long_passage_sentences_with_rare_words_of_the_question_are_chosen() {
        let filler = "the config has a value that nobody asked for and more of the same words\n".repeat(40);
        let text = format!("{filler}cookies are signed with the secret key of the config\n{filler}");
        let found = chosen("Where does the config sign cookies?", &text);
        assert!(found.contains(&"cookies are signed with the secret key of the config".to_owned()));
        let tokens: usize = found.iter().map(|own| own.split_whitespace().count()).sum();
        assert!(tokens <= TOKENS, "{tokens}");
    }

    #[test]
    fn of_a_very_long_passage_the_lines_around_the_words_of_the_question_are_read() {
        let filler = "the config has a value\n".repeat(500);
        let text = format!("{filler}cookies are signed\nwith the secret key\n{filler}");
        let snapshot = Snapshot::new(&text, 0, Language::Prose);
        let range = narrowed("Where does the config sign cookies?", &snapshot, &(0..text.len()));
        let found = &text[range];
        assert_eq!(found.lines().count(), LINES);
        assert!(found.contains("cookies are signed") && found.contains("secret key"));
        let other = narrowed("blockchain", &snapshot, &(0..text.len()));
        assert_eq!(other.start, 0);
        assert_eq!(narrowed("cookies", &snapshot, &(0..230)), 0..230);
    }

    #[test]
    fn the_window_follows_the_rarest_words_and_places_are_those_of_the_document() {
        let filler = |lines: usize| "the config has a value\n".repeat(lines);
        // "cookies" stands at the beginning, and with "signed" further down.
        let text = format!(
            "{}{}{}cookies are signed with a key\n{}",
            "cookies\n",
            filler(LINES),
            filler(LINES),
            filler(LINES)
        );
        let before = "an introduction\n";
        let snapshot = Snapshot::new(&format!("{before}{text}"), 0, Language::Prose);
        let inside = before.len()..before.len() + text.len();
        let whole = format!("{before}{text}");
        let found = narrowed("How are cookies signed?", &snapshot, &inside);
        assert!(whole[found.clone()].contains("signed with a key") && !whole[found.clone()].contains("cookies\nthe"));
        assert!(found.start > inside.start && found.end < inside.end);
        // Nothing in common: the beginning of the passage, not of the document.
        let other = narrowed("blockchain", &snapshot, &inside);
        assert_eq!(other.start, inside.start);
        assert_eq!(whole[other].lines().count(), LINES);
    }

    #[test]
    fn a_short_passage_is_kept_whole() {
        let text = "one line\nanother line\n";
        assert_eq!(chosen("what", text), ["one line", "another line"]);
    }

    #[test]
    fn a_sentence_longer_than_the_room_is_chosen_if_it_is_the_first() {
        let text = format!("{}\n{}\n", "other words ".repeat(200), "cookie ".repeat(300));
        assert_eq!(chosen("cookie", &text).len(), 1);
        assert!(chosen("cookie", &text)[0].starts_with("cookie"));
    }

    #[test]
    fn of_equal_windows_the_middle_one_is_read() {
        let filler = |lines: usize| "the config has a value\n".repeat(lines);
        let text = format!("{}cookies are signed\ncookies are signed\n{}", filler(500), filler(500));
        let snapshot = Snapshot::new(&text, 0, Language::Prose);
        let range = narrowed("How are cookies signed?", &snapshot, &(0..text.len()));
        // Windows that begin in the lines 302 to 500 have both.
        assert_eq!(text[..range.start].lines().count(), (302 + 500) / 2);
        assert_eq!(text[range].lines().count(), LINES);
    }
}
