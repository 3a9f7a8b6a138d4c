//! Selects the few words of a unit that deserve a reader's attention: names and content words, never syntax.

use std::collections::HashSet;

use super::aside::aside;
use super::heat::{UNDERSTOOD, levels};
use crate::analysis::UnitReport;
use crate::segment::{Unit, UnitKind};
use crate::similar::fingerprint::is_keyword;
use crate::similar::words::is_stop_word;

/// Minimum level of a marked word: 1.7 times the average of its unit.
const MARKED: u32 = 7;

/// Minimum level of a word for a sentence in a hover: 1.2 times the average.
const REMARKABLE: u32 = 5;

/// Maximum number of words in a unit that a hover calls telling.
const RANKED: usize = 5;

/// Characters that count as one line, for prose whose paragraphs are single lines.
const LINE: usize = 80;

/// The number of marked words in a unit, by its lines that are not blank: (minimum lines, words). Above that there is about one mark per
/// ten lines.
const BUDGET: [(usize, usize); 3] = [(26, 3), (14, 2), (5, 1)];

/// Ranks the most telling words of a unit, each text once: indices into its words. Keywords, numbers, punctuation, single letters and words
/// such as "the" are omitted, and so is every word of a unit that the model does not understand.
pub fn ranking(text: &str, report: &UnitReport) -> Vec<usize> {
    if report.coverage < UNDERSTOOD {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..report.words.len()).collect();
    order.sort_by_key(|index| report.words[*index].rank);
    let mut seen = HashSet::new();
    order.retain(|index| {
        let word = text.get(report.words[*index].range.clone()).unwrap_or_default();
        has_content(word) && seen.insert(word)
    });
    order
}

/// The words of a unit that quiet heat marks, in the order of the text: about one per ten lines, none in short units and in data. In code,
/// types in a signature and imports are never marked. Each comes with its level.
pub fn marked(text: &str, unit: &Unit, report: &UnitReport) -> Vec<(usize, u32)> {
    if unit.kind == UnitKind::Data {
        return Vec::new();
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines = lines.map(|line| line.len().div_ceil(LINE)).sum::<usize>();
    let budget = BUDGET
        .iter()
        .find(|(least, _)| lines >= *least)
        .map_or(0, |(_, most)| *most);
    let levels: Vec<u32> = levels(report).collect();
    let mut marked = ranking(text, report);
    let aside = if unit.language.is_code() {
        aside(text)
    } else {
        Vec::new()
    };
    let beside = |index: usize| {
        aside
            .iter()
            .any(|aside| aside.contains(&report.words[index].range.start))
    };
    marked.retain(|index| levels[*index] >= MARKED && !beside(*index));
    marked.truncate(budget);
    marked.sort_unstable();
    marked.into_iter().map(|index| (index, levels[index])).collect()
}

/// The rank of a word among the telling words of its unit, from 1; `None` for an unremarkable word. All occurrences of a text have the rank
/// of the strongest one.
pub fn rank(text: &str, report: &UnitReport, word: usize) -> Option<usize> {
    let of = |index: usize| text.get(report.words.get(index)?.range.clone());
    let asked = of(word)?;
    let ranking = ranking(text, report);
    let place = ranking
        .iter()
        .take(RANKED)
        .position(|index| of(*index) == Some(asked))?;
    let level = levels(report).nth(ranking[place])?;
    (level >= REMARKABLE).then_some(place + 1)
}

/// Whether a word has meaning by itself.
pub fn has_content(word: &str) -> bool {
    let mut letters = word.chars().filter(|c| c.is_alphabetic());
    let Some(first) = letters.next() else { return false };
    // A letter of a script without spaces is a word.
    let alone = first.len_utf8() > 2 || letters.next().is_some();
    alone && !is_keyword(word) && !is_stop_word(&word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::analysis::WordScore;
    use crate::explain::Method;
    use crate::text::{Language, source_words};

    /// A report in which each word scores as its length.
    fn report(text: &str, coverage: f32) -> UnitReport {
        let words = source_words(text);
        let mut order: Vec<usize> = (0..words.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(words[*index].range.len()));
        let rank = |index: usize| order.iter().position(|at| *at == index).unwrap() as u32 + 1;
        UnitReport {
            method: Method::Decomposition,
            words: words
                .iter()
                .enumerate()
                .map(|(index, word)| WordScore {
                    range: word.range.clone(),
                    score: word.range.len() as f32,
                    rank: rank(index),
                })
                .collect(),
            tokens: 0,
            special: 0,
            coverage,
            bias_share: 0.0,
            special_share: 0.0,
            residual: 0.0,
            embedding: Arc::from([]),
            ms: 0.0,
            multilingual: None,
        }
    }

    fn unit(text: &str, kind: UnitKind) -> Unit {
        Unit {
            range: 0..text.len(),
            kind,
            name: None,
            language: Language::Rust,
        }
    }

    fn words<'a>(text: &'a str, report: &UnitReport, indices: &[usize]) -> Vec<&'a str> {
        indices
            .iter()
            .map(|index| &text[report.words[*index].range.clone()])
            .collect()
    }

    fn indices(marks: &[(usize, u32)]) -> Vec<usize> {
        marks.iter().map(|(index, _)| *index).collect()
    }

    const SOURCE: &str =
        "fn load_configuration(path: &str) {\n    let x = 1234567890;\n    // the configuration\n    return path;\n}\n";

    #[test]
    fn only_content_words_are_ranked_and_each_once() {
        let report = report(SOURCE, 1.0);
        let ranked = ranking(SOURCE, &report);
        assert_eq!(
            words(SOURCE, &report, &ranked),
            ["load_configuration", "configuration", "path", "str"]
        );
    }

    #[test]
    fn quiet_heat_marks_one_word_of_a_short_function_and_none_of_data() {
        let report = report(SOURCE, 1.0);
        let marks = marked(SOURCE, &unit(SOURCE, UnitKind::Function), &report);
        assert_eq!(words(SOURCE, &report, &indices(&marks)), ["load_configuration"]);
        assert!(marked(SOURCE, &unit(SOURCE, UnitKind::Data), &report).is_empty());
        let line = "fn load_configuration() {}";
        let short = super::tests::report(line, 1.0);
        assert!(marked(line, &unit(line, UnitKind::Function), &short).is_empty());
    }

    #[test]
    fn nothing_is_telling_in_a_text_that_the_model_does_not_understand() {
        assert!(ranking(SOURCE, &report(SOURCE, 0.4)).is_empty());
    }

    #[test]
    fn every_occurrence_of_a_text_has_one_rank_and_a_keyword_has_none() {
        let report = report(SOURCE, 1.0);
        let at = |word: &str, nth: usize| {
            let mut all = (0..report.words.len()).filter(|index| &SOURCE[report.words[*index].range.clone()] == word);
            all.nth(nth).unwrap()
        };
        assert_eq!(rank(SOURCE, &report, at("load_configuration", 0)), Some(1));
        assert_eq!(
            rank(SOURCE, &report, at("path", 0)),
            rank(SOURCE, &report, at("path", 1))
        );
        assert_eq!(rank(SOURCE, &report, at("return", 0)), None);
        assert_eq!(rank(SOURCE, &report, at("1234567890", 0)), None);
    }
}
