//! Merges explanations of the parts of a text that is longer than the model's window.

use super::{Read, UnitReport, WordScore};
use crate::explain::Method;
use crate::model::Reader;

/// Merges the explanations of a text's parts, each with the offset of its part.
/// Each part is weighted by its number of tokens, so that shares that sum to 1 in each part sum to 1 in the whole.
pub fn merge(method: Method, parts: &[(usize, &UnitReport)]) -> UnitReport {
    let tokens: usize = parts.iter().map(|(_, part)| part.tokens).sum();
    let weight = |part: &UnitReport| {
        if tokens == 0 {
            0.0
        } else {
            part.tokens as f32 / tokens as f32
        }
    };
    let mean = |value: fn(&UnitReport) -> f32| parts.iter().map(|(_, part)| weight(part) * value(part)).sum::<f32>();
    let width = parts.first().map_or(0, |(_, part)| part.embedding.len());
    let mut embedding = vec![0f32; width];
    let mut words = Vec::new();
    for (start, part) in parts {
        let weight = weight(part);
        embedding
            .iter_mut()
            .zip(part.embedding.iter())
            .for_each(|(sum, x)| *sum += weight * x);
        words.extend(part.words.iter().map(|word| WordScore {
            range: word.range.start + start..word.range.end + start,
            score: word.score * weight,
            rank: 0,
        }));
    }
    rank(&mut words);
    let (bias_share, special_share) = (mean(|part| part.bias_share), mean(|part| part.special_share));
    let total = words.iter().map(|word| word.score).sum::<f32>() + bias_share + special_share;
    UnitReport {
        method,
        words,
        tokens,
        special: parts.iter().map(|(_, part)| part.special).sum(),
        coverage: mean(|part| part.coverage),
        bias_share,
        special_share,
        residual: if method.additive() { (1.0 - total).abs() } else { 0.0 },
        embedding: embedding.into(),
        ms: parts.iter().map(|(_, part)| part.ms).sum(),
        multilingual: read_by_chosen(parts),
    }
}

/// How the chosen model read the parts, if the multilingual model explained most tokens.
fn read_by_chosen(parts: &[(usize, &UnitReport)]) -> Option<Read> {
    let tokens = |reader: Reader| {
        let own = parts.iter().filter(|(_, part)| part.reader() == reader);
        own.map(|(_, part)| part.tokens).sum::<usize>()
    };
    if tokens(Reader::Multilingual) <= tokens(Reader::Chosen) {
        return None;
    }
    let read: Vec<Read> = parts.iter().map(|(_, part)| part.read_by_chosen()).collect();
    let tokens: usize = read.iter().map(|read| read.tokens).sum();
    let covered: f32 = read.iter().map(|read| read.coverage * read.tokens as f32).sum();
    Some(Read {
        tokens,
        coverage: covered / tokens.max(1) as f32,
    })
}

/// Assigns ranks: 1 is the highest score; equal scores rank in text order.
fn rank(words: &mut [WordScore]) {
    let mut order: Vec<usize> = (0..words.len()).collect();
    order.sort_by(|&a, &b| words[b].score.total_cmp(&words[a].score));
    for (rank, index) in (1..).zip(order) {
        words[index].rank = rank;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(scores: &[f32], tokens: usize, bias_share: f32, special_share: f32) -> UnitReport {
        let words = scores.iter().enumerate().map(|(i, &score)| WordScore {
            range: i * 4..i * 4 + 3,
            score,
            rank: 0,
        });
        UnitReport {
            method: Method::Decomposition,
            words: words.collect(),
            tokens,
            special: 2,
            coverage: 1.0,
            bias_share,
            special_share,
            residual: 0.0,
            embedding: vec![1.0, tokens as f32].into(),
            ms: 2.0,
            multilingual: None,
        }
    }

    #[test]
    fn merged_shares_sum_to_one_and_words_keep_their_place_in_the_text() {
        let (a, b) = (part(&[0.5, 0.2], 10, 0.2, 0.1), part(&[0.9, -0.2], 30, 0.2, 0.1));
        let merged = merge(Method::Decomposition, &[(0, &a), (100, &b)]);
        assert!(merged.residual < 1e-6);
        assert_eq!(merged.tokens, 40);
        let ranges: Vec<_> = merged.words.iter().map(|word| word.range.clone()).collect();
        assert_eq!(ranges, [0..3, 4..7, 100..103, 104..107]);
        let ranks: Vec<u32> = merged.words.iter().map(|word| word.rank).collect();
        assert_eq!(ranks, [2, 3, 1, 4]);
        assert!((merged.embedding[1] - (0.25 * 10.0 + 0.75 * 30.0)).abs() < 1e-4);
        assert!((merged.ms - 4.0).abs() < 1e-6);
    }

    #[test]
    fn merging_no_parts_gives_an_empty_report() {
        let merged = merge(Method::Attention, &[]);
        assert!(merged.words.is_empty() && merged.tokens == 0 && merged.residual == 0.0);
    }
}
