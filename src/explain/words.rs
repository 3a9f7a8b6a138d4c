//! Maps word pieces to source words.

use super::{TokenScores, WordScores};
use crate::model::Tokens;
use crate::text::{ByteRange, source_words};

/// The owner of a token's score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The source word of that index.
    Word(usize),
    /// No word: [CLS], [SEP] and their like, and every token of a text without words.
    Special,
}

/// Maps each token to its source word.
///
/// Words without a token (an underscore that identifier-aware reading drops, a control character) are omitted. Words that share one token
/// (Chinese in SentencePiece vocabularies) are one word here.
#[derive(Debug, Clone, PartialEq)]
pub struct WordMap {
    /// The words' ranges in the source text, in order, disjoint.
    pub words: Vec<ByteRange>,
    /// One owner per token.
    pub owners: Vec<Owner>,
}

impl WordMap {
    /// Maps the tokens of `source`.
    pub fn new(source: &str, tokens: &Tokens) -> WordMap {
        let lexical: Vec<ByteRange> = source_words(source).into_iter().map(|word| word.range).collect();
        let touched = touched_words(&lexical, tokens);
        // Words that share one token become one: `group[w]` is the final index of lexical word w.
        let mut joined_to_next = vec![false; lexical.len()];
        let mut used = vec![false; lexical.len()];
        for range in touched.iter().flatten() {
            used[range.clone()].fill(true);
            joined_to_next[range.start..range.end - 1].fill(true);
        }
        let mut words: Vec<ByteRange> = Vec::new();
        let mut group = vec![0; lexical.len()];
        let mut open = false;
        for (index, range) in lexical.iter().enumerate() {
            if !used[index] {
                continue;
            }
            match words.last_mut() {
                Some(last) if open => last.end = range.end,
                _ => words.push(range.clone()),
            }
            group[index] = words.len() - 1;
            open = joined_to_next[index];
        }
        let mut owners: Vec<Owner> = touched
            .iter()
            .map(|words| {
                words
                    .as_ref()
                    .map_or(Owner::Special, |words| Owner::Word(group[words.start]))
            })
            .collect();
        adopt_strays(&mut owners, tokens);
        WordMap { words, owners }
    }

    /// Sums token scores into word scores, so that each token counts exactly once.
    pub fn collect(&self, scores: &TokenScores, additive: bool) -> WordScores {
        let mut words = vec![0f64; self.words.len()];
        let mut special = 0f64;
        for (owner, score) in self.owners.iter().zip(&scores.tokens) {
            match owner {
                Owner::Word(word) => words[*word] += f64::from(*score),
                Owner::Special => special += f64::from(*score),
            }
        }
        let sum = words.iter().sum::<f64>() + special + f64::from(scores.bias);
        let residual = if additive { (1.0 - sum).abs() as f32 } else { 0.0 };
        WordScores {
            words: words.into_iter().map(|score| score as f32).collect(),
            special: special as f32,
            bias: scores.bias,
            residual,
        }
    }

    /// The tokens of each word.
    pub fn tokens_of_words(&self) -> Vec<Vec<usize>> {
        let mut tokens = vec![Vec::new(); self.words.len()];
        for (token, owner) in self.owners.iter().enumerate() {
            if let Owner::Word(word) = owner {
                tokens[*word].push(token);
            }
        }
        tokens
    }
}

/// The lexical words each token overlaps, as a range of their indices.
fn touched_words(words: &[ByteRange], tokens: &Tokens) -> Vec<Option<ByteRange>> {
    let touched = |span: &ByteRange| {
        let first = words.partition_point(|word| word.end <= span.start);
        let end = words.partition_point(|word| word.start < span.end);
        (first < end).then_some(first..end)
    };
    tokens
        .spans
        .iter()
        .zip(&tokens.special)
        .map(|(span, special)| if *special { None } else { touched(span) })
        .collect()
}

/// A token between words (the lone `▁` of SentencePiece) belongs to the word after it, or before it at the end.
fn adopt_strays(owners: &mut [Owner], tokens: &Tokens) {
    let mut next = Owner::Special;
    for (owner, special) in owners.iter_mut().zip(&tokens.special).rev() {
        match owner {
            Owner::Word(_) => next = *owner,
            Owner::Special if !special => *owner = next,
            Owner::Special => {}
        }
    }
    let mut previous = Owner::Special;
    for (owner, special) in owners.iter_mut().zip(&tokens.special) {
        match owner {
            Owner::Word(_) => previous = *owner,
            Owner::Special if !special => *owner = previous,
            Owner::Special => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(spans: &[(usize, usize)]) -> Tokens {
        let mut tokens = Tokens::default();
        for (index, (start, end)) in spans.iter().enumerate() {
            tokens.ids.push(index as u32);
            tokens.spans.push(*start..*end);
            tokens.special.push(start == end);
        }
        tokens
    }

    #[test]
    fn word_pieces_of_one_word_are_one_word() {
        let map = WordMap::new("to carbs", &tokens(&[(0, 0), (0, 2), (3, 6), (6, 8), (0, 0)]));
        assert_eq!(map.words, [0..2, 3..8]);
        use Owner::*;
        assert_eq!(map.owners, [Special, Word(0), Word(1), Word(1), Special]);
    }

    #[test]
    fn a_token_over_two_words_joins_them() {
        let map = WordMap::new("我爱编程", &tokens(&[(0, 3), (3, 6), (6, 12)]));
        assert_eq!(map.words, [0..3, 3..6, 6..12]);
    }

    #[test]
    fn a_token_between_words_belongs_to_the_next_word() {
        let mut given = tokens(&[(0, 1), (1, 2), (2, 3)]);
        given.special = vec![false; 3];
        let map = WordMap::new("a b", &given);
        assert_eq!(map.owners, [Owner::Word(0), Owner::Word(1), Owner::Word(1)]);
    }

    #[test]
    fn collecting_keeps_the_sum() {
        let map = WordMap::new("to carbs", &tokens(&[(0, 0), (0, 2), (3, 6), (6, 8), (0, 0)]));
        let scores = TokenScores {
            tokens: vec![0.1, 0.2, 0.3, 0.25, 0.1],
            bias: 0.05,
        };
        let words = map.collect(&scores, true);
        assert!((words.words[1] - 0.55).abs() < 1e-6 && (words.special - 0.2).abs() < 1e-6);
        assert!(words.residual < 1e-6);
    }
}
