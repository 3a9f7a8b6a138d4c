//! Partition SHAP: Owen values (Owen 1977; Lundberg's partition explainer) of a text's words, over its layout.
//!
//! Words join one after the other. The value of a word is the change when it joins, averaged over the orders in which each part of the
//! [layout](super::layout) stays together. Each part has two halves, and each half joins both before and after the other, for every order
//! of the parts above. The values sum to the value of all words minus the value of no words.
//!
//! A text of n words takes about n² passes. If it would need more than [`MOST`], the parts with the largest remaining value are divided
//! first. An undivided part distributes its value equally over its words, as Lundberg's program does.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::deletion::Deletions;
use super::layout::{self, Part};
use super::{Goal, Subject, TokenScores};
use crate::model::{Checkpoint, Model, ModelError};

/// Maximum number of passes.
pub const MOST: usize = 500;

/// Parts that are divided in one batch.
const LOT: usize = 16;

/// The value of each word, on its first token. For an embedding, the values are shares of the joint effect of all words and sum to 1. For a number,
/// they sum to what the words add to the number of a text without words, which is the bias.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
pub fn scores(model: &Model, subject: &Subject, checkpoint: Checkpoint) -> Result<TokenScores, ModelError> {
    let words = subject.words.tokens_of_words();
    let mut tokens = vec![0f32; subject.tokens.len()];
    let mut bias = 0.0;
    if !words.is_empty() {
        let deletions = Deletions::of(model, subject, &words)?;
        let parts = layout::parts(subject.text, &subject.words.words);
        let (values, gain) = owen(&parts, words.len(), MOST, &mut |deleted| {
            let changes = deletions.changes(deleted, checkpoint)?;
            Ok(changes.into_iter().map(|change| -f64::from(change)).collect())
        })?;
        if subject.goal != Goal::Embedding {
            bias = (deletions.value() - gain) as f32;
        }
        let scale = match subject.goal {
            Goal::Embedding if gain.abs() > 1e-9 => gain.recip(),
            Goal::Embedding => 0.0,
            _ => 1.0,
        };
        for (own, value) in words.iter().zip(values) {
            if let Some(first) = own.first() {
                tokens[*first] = (value * scale) as f32;
            }
        }
    }
    Ok(TokenScores { tokens, bias })
}

/// A part that has joined between two states of the text.
struct Joined {
    part: usize,
    /// Words that are present before it joins.
    before: Vec<bool>,
    /// The value without it, and with it.
    without: f64,
    with: f64,
    /// The share of orders with this state.
    weight: f64,
    /// Breaks ties: the lower number comes first.
    number: usize,
}

impl Joined {
    fn urgency(&self) -> f64 {
        (self.with - self.without).abs() * self.weight
    }
}

impl PartialEq for Joined {
    fn eq(&self, other: &Joined) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Joined {}

impl PartialOrd for Joined {
    fn partial_cmp(&self, other: &Joined) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Joined {
    fn cmp(&self, other: &Joined) -> Ordering {
        let by_urgency = self.urgency().total_cmp(&other.urgency());
        by_urgency.then(other.number.cmp(&self.number))
    }
}

/// Computes the value of the text for sets of deleted words.
type Value<'a> = &'a mut dyn FnMut(&[Vec<bool>]) -> Result<Vec<f64>, ModelError>;

/// The Owen value of each word, and the value of all words minus the value of no words.
fn owen(parts: &[Part], words: usize, most: usize, value: Value) -> Result<(Vec<f64>, f64), ModelError> {
    let ends = value(&[vec![true; words], vec![false; words]])?;
    let mut values = vec![0f64; words];
    let mut waiting = BinaryHeap::from([Joined {
        part: 0,
        before: vec![false; words],
        without: ends[0],
        with: ends[1],
        weight: 1.0,
        number: 0,
    }]);
    let (mut passes, mut number) = (2, 1);
    while !waiting.is_empty() {
        let mut lot = Vec::new();
        while lot.len() < LOT
            && let Some(joined) = waiting.pop()
        {
            let own = &parts[joined.part];
            match own.halves {
                Some(halves) if passes + 2 <= most => {
                    passes += 2;
                    lot.push((joined, halves));
                }
                _ => {
                    let each = (joined.with - joined.without) * joined.weight / own.words.len() as f64;
                    values[own.words.clone()].iter_mut().for_each(|value| *value += each);
                }
            }
        }
        if lot.is_empty() {
            continue;
        }
        let with = |before: &[bool], part: usize| {
            let mut there = before.to_vec();
            there[parts[part].words.clone()].fill(true);
            there
        };
        let there: Vec<[Vec<bool>; 2]> = lot
            .iter()
            .map(|(joined, (a, b))| [with(&joined.before, *a), with(&joined.before, *b)])
            .collect();
        let deleted: Vec<Vec<bool>> = there
            .iter()
            .flatten()
            .map(|there| there.iter().map(|v| !v).collect())
            .collect();
        let found = value(&deleted)?;
        for (((joined, (a, b)), [with_a, with_b]), found) in lot.into_iter().zip(there).zip(found.chunks_exact(2)) {
            let (alone_a, alone_b) = (found[0], found[1]);
            for (part, before, without, with) in [
                (a, joined.before.clone(), joined.without, alone_a),
                (a, with_b, alone_b, joined.with),
                (b, joined.before, joined.without, alone_b),
                (b, with_a, alone_a, joined.with),
            ] {
                waiting.push(Joined {
                    part,
                    before,
                    without,
                    with,
                    weight: joined.weight / 2.0,
                    number,
                });
                number += 1;
            }
        }
    }
    Ok((values, ends[1] - ends[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{ByteRange, source_words};

    /// A value function in which words interact.
    fn game(deleted: &[Vec<bool>]) -> Result<Vec<f64>, ModelError> {
        let value = |gone: &Vec<bool>| {
            let there = |word: usize| f64::from(u8::from(!gone[word]));
            there(0) + 2.0 * there(1) * there(2) - there(0) * there(4) + 3.0 * there(1) * there(3) * there(4)
        };
        Ok(deleted.iter().map(value).collect())
    }

    fn layout_of(text: &str) -> Vec<Part> {
        let words: Vec<ByteRange> = source_words(text).into_iter().map(|word| word.range).collect();
        layout::parts(text, &words)
    }

    /// Every order of the words in which each part stays together.
    fn orders(parts: &[Part], own: usize) -> Vec<Vec<usize>> {
        let Some((a, b)) = parts[own].halves else {
            return vec![vec![parts[own].words.start]];
        };
        let (of_a, of_b) = (orders(parts, a), orders(parts, b));
        let mut all = Vec::new();
        for x in &of_a {
            for y in &of_b {
                all.push([&x[..], y].concat());
                all.push([&y[..], x].concat());
            }
        }
        all
    }

    #[test]
    fn values_are_the_means_over_all_orders_that_keep_parts_together() {
        let parts = layout_of("a b c d e");
        let orders = orders(&parts, 0);
        let mut expected = [0f64; 5];
        for order in &orders {
            let mut gone = vec![true; 5];
            let mut before = game(std::slice::from_ref(&gone)).unwrap()[0];
            for word in order {
                gone[*word] = false;
                let after = game(std::slice::from_ref(&gone)).unwrap()[0];
                expected[*word] += (after - before) / orders.len() as f64;
                before = after;
            }
        }
        let (found, gain) = owen(&parts, 5, MOST, &mut |deleted| game(deleted)).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert!((gain - 5.0).abs() < 1e-12);
    }

    #[test]
    fn with_few_passes_the_values_still_sum_to_the_value_of_all_words() {
        let parts = layout_of("a b c d e");
        for most in [2, 4, 7, 12] {
            let mut passes = 0;
            let (found, gain) = owen(&parts, 5, most, &mut |deleted| {
                passes += deleted.len();
                game(deleted)
            })
            .unwrap();
            assert!(
                passes <= most && (found.iter().sum::<f64>() - gain).abs() < 1e-12,
                "{most}: {passes}"
            );
        }
    }
}
