//! Derives merges from the scores of pieces.
//!
//! SentencePiece joins the two neighbors whose joined piece has the highest score. The equivalent byte-pair encoding is a list of merges:
//! every split of a piece into two others, with the highest score first.

use std::collections::HashSet;

use super::pieces::{Kind, Pieces};
use crate::model::vetting::MOST_PIECES;

/// A split of a piece into its first `at` bytes and the rest.
struct Merge {
    piece: u32,
    at: u32,
    /// Number of characters of the left and the right part.
    chars: (u32, u32),
}

/// The merges that are equivalent to a vocabulary with scores.
///
/// # Errors
/// If there are no scores, or more merges than in any vocabulary.
pub(super) fn from_scores<'a>(pieces: &Pieces<'a>) -> Result<Vec<(&'a str, &'a str)>, String> {
    let scores = pieces.scores()?;
    let all = || pieces.texts.iter().zip(&pieces.kinds);
    let parts: HashSet<&str> = all()
        .filter(|(_, kind)| matches!(kind, Kind::Normal | Kind::UserDefined))
        .map(|(text, _)| *text)
        .collect();
    let mut merges = Vec::new();
    for (piece, (text, _)) in all().enumerate().filter(|(_, (_, kind))| **kind == Kind::Normal) {
        let chars = text.chars().count() as u32;
        for (left, (at, _)) in text.char_indices().enumerate().skip(1) {
            let (first, second) = text.split_at(at);
            if parts.contains(first) && parts.contains(second) {
                merges.push(Merge {
                    piece: piece as u32,
                    at: at as u32,
                    chars: (left as u32, chars - left as u32),
                });
            }
        }
        // Each merge consists of two texts.
        if merges.len() > MOST_PIECES / 2 {
            return Err(format!(
                "its vocabulary implies more than {} merges; download the model again",
                MOST_PIECES / 2
            ));
        }
    }
    let score = |merge: &Merge| scores[merge.piece as usize];
    merges.sort_by(|a, b| score(b).total_cmp(&score(a)).then(b.chars.cmp(&a.chars)));
    let split = |merge: Merge| pieces.texts[merge.piece as usize].split_at(merge.at as usize);
    Ok(merges.into_iter().map(split).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_are_ordered_by_score_and_use_only_pieces_of_texts() {
        let texts = vec!["a", "b", "ab", "aba", "<s>", "ba", "é", "éa"];
        let mut kinds = vec![Kind::Normal; texts.len()];
        kinds[4] = Kind::Control;
        let mut pieces = Pieces {
            texts,
            kinds,
            scores: Some(vec![-9.0, -9.0, -2.0, -1.0, 0.0, -3.0, -9.0, -4.0]),
            unknown: None,
        };
        let expected = vec![("ab", "a"), ("a", "ba"), ("a", "b"), ("b", "a"), ("é", "a")];
        assert_eq!(from_scores(&pieces), Ok(expected));
        pieces.scores = None;
        assert!(from_scores(&pieces).unwrap_err().contains("tokenizer.ggml.scores"));
    }
}
