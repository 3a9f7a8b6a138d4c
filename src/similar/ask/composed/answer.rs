//! The text of an answer while it is written: its sentences, and which tokens belong to each.

use unicode_segmentation::UnicodeSegmentation;

use crate::model::generate::Written;
use crate::text::ByteRange;

/// The sentences of an answer that contain letters or digits, without the space around them.
fn sentences(text: &str) -> Vec<ByteRange> {
    let joined = text.replace('\n', " ");
    let own = joined.split_sentence_bound_indices().map(|(at, sentence)| {
        let from = at + (sentence.len() - sentence.trim_start().len());
        from..from + sentence.trim().len()
    });
    own.filter(|range| text[range.clone()].chars().any(char::is_alphanumeric))
        .collect()
}

/// Most sentences of an answer. The prompt asks for one or two, and small models go on.
const MOST: usize = 3;

/// An answer while it is written. It ends before a sentence that it already has: a small model that has no more to say repeats itself.
#[derive(Default)]
pub(super) struct Answer {
    text: String,
    /// The sentences that are complete.
    whole: Vec<ByteRange>,
}

impl Answer {
    /// Adds a piece; false if a sentence repeats an earlier one, or if there are enough.
    pub(super) fn push(&mut self, piece: &str, told: &mut dyn FnMut(&str)) -> bool {
        self.text += piece;
        let all = sentences(&self.text);
        // The last one may still grow.
        self.add(&all[..all.len().saturating_sub(1)], told)
    }

    fn add(&mut self, all: &[ByteRange], told: &mut dyn FnMut(&str)) -> bool {
        for range in all.iter().skip(self.whole.len()) {
            let own = &self.text[range.clone()];
            // Lines may break elsewhere.
            let repeats = |other: &ByteRange| self.text[other.clone()].split_whitespace().eq(own.split_whitespace());
            if self.whole.iter().any(repeats) {
                return false;
            }
            told(own);
            self.whole.push(range.clone());
        }
        self.whole.len() < MOST
    }

    /// The text up to the end of its last sentence, and its sentences. A last sentence that is not finished, as in an answer of maximum length,
    /// counts only if it is the first.
    pub(super) fn end(mut self, rest: &str, finished: bool, told: &mut dyn FnMut(&str)) -> (String, Vec<ByteRange>) {
        self.text += rest;
        let all = sentences(&self.text);
        let most = if finished || self.whole.is_empty() {
            MOST
        } else {
            self.whole.len()
        };
        self.add(&all[..all.len().min(most)], told);
        self.text.truncate(self.whole.last().map_or(0, |last| last.end));
        (self.text, self.whole)
    }
}

/// The sentence of each token, the one in which its text ends; the tokens behind the last sentence are left out.
pub(super) fn owners(pieces: &[Written], ranges: &[ByteRange]) -> Vec<usize> {
    let (mut end, last) = (0, ranges.last().map_or(0, |last| last.end));
    let own = pieces.iter().map_while(|piece| {
        let before = end;
        end += piece.text.len();
        (before < last).then(|| ranges.partition_point(|range| range.end < end).min(ranges.len() - 1))
    });
    own.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str) -> Written {
        Written {
            id: 0,
            text: text.to_owned(),
            logprob: 0.0,
        }
    }

    #[test]
    fn each_token_belongs_to_the_sentence_in_which_it_ends() {
        let pieces: Vec<Written> = [" It", " works", ".", " Well", "!", "\n"].map(piece).to_vec();
        let text: String = pieces.iter().map(|piece| &*piece.text).collect();
        let ranges = sentences(&text);
        assert_eq!(ranges, [1..10, 11..16]);
        let found = owners(&pieces, &ranges);
        assert_eq!(found, [0, 0, 0, 1, 1]);
    }

    #[test]
    fn an_answer_ends_before_it_repeats_itself() {
        let mut answer = Answer::default();
        let mut told: Vec<String> = Vec::new();
        let mut tell = |sentence: &str| told.push(sentence.to_owned());
        let pieces = [
            " It is",
            " signed.",
            " The key",
            " signs it.",
            " It is\nsigned",
            ".",
            " The",
            " rest",
        ];
        let written: Vec<bool> = pieces.iter().map(|piece| answer.push(piece, &mut tell)).collect();
        assert_eq!(written.iter().position(|goes_on| !goes_on), Some(6));
        let (text, ranges) = answer.end("", true, &mut tell);
        assert_eq!((text.as_str(), ranges.len()), (" It is signed. The key signs it.", 2));
        assert_eq!(told, ["It is signed.", "The key signs it."]);
    }

    #[test]
    fn an_answer_has_three_sentences_at_most_and_none_that_was_cut() {
        let mut silent = |_: &str| {};
        let of = |pieces: &[&str], finished: bool, silent: &mut dyn FnMut(&str)| {
            let mut answer = Answer::default();
            let goes_on = pieces.iter().all(|piece| answer.push(piece, silent));
            (goes_on, answer.end("", finished, silent).0)
        };
        let four = ["One. ", "Two. ", "Three. ", "Four. ", "Five."];
        assert_eq!(of(&four, true, &mut silent), (false, "One. Two. Three.".to_owned()));
        assert_eq!(of(&["One. ", "Tw"], false, &mut silent), (true, "One.".to_owned()));
        assert_eq!(
            of(&["One. ", "Two."], true, &mut silent),
            (true, "One. Two.".to_owned())
        );
        assert_eq!(of(&["On"], false, &mut silent), (true, "On".to_owned()));
    }
}
