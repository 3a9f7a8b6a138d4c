//! Word alignment: finds the corresponding words of two passages.
//!
//! Words are linked if they are mutual nearest neighbors by the cosine of last-layer word vectors (the mean of a word's token vectors), as
//! in SimAlign (Jalili Sabet et al., Findings of EMNLP 2020, "Argmax"). The links then grow into phrases, as in the symmetrization of
//! statistical alignment (Koehn, Och & Marcu 2003): a word without a partner joins the link of the word beside it, if it is close enough to
//! that word's partner. `benches/ists` measures the links against those of human annotators. A link states correspondence, not
//! contribution; the pair matrix has its weight.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use candle_core::{Device, Result, Tensor};

/// Minimum cosine at which a word joins the link beside it. Tuned on the training pairs of SemEval-2016 iSTS: among .2 to .55 it has the
/// highest F1 with a precision of at least 75 %.
const NEAR: f32 = 0.3;

/// Two corresponding words.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Link {
    /// Index of the word in the first passage.
    pub a: usize,
    /// Index of the word in the second passage.
    pub b: usize,
    /// Cosine of their last-layer vectors, -1 to 1.
    pub cosine: f32,
}

/// Links the corresponding words of two passages. The word vectors are row-major (words, width). Each word has its mutual nearest neighbor,
/// or joins the link of the word beside it. Links are in the order of the first passage's words.
///
/// # Errors
/// Errors of candle.
pub fn align(a: &[f32], b: &[f32], width: usize) -> Result<Vec<Link>> {
    if a.is_empty() || b.is_empty() {
        return Ok(Vec::new());
    }
    let unit = |vectors: &[f32]| -> Result<Tensor> {
        let rows = vectors.chunks_exact(width).flat_map(|row| {
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            row.iter().map(move |v| v / length)
        });
        Tensor::from_vec(rows.collect::<Vec<f32>>(), (vectors.len() / width, width), &Device::Cpu)
    };
    let cosines: Vec<Vec<f32>> = unit(a)?.matmul(&unit(b)?.t()?)?.to_vec2()?; // (words of a, words of b)
    // The first of equal cosines wins.
    let better = |cosine: f32, best: Option<(usize, f32)>| best.is_none_or(|(_, known)| cosine > known);
    let mut of_b: Vec<Option<(usize, f32)>> = vec![None; b.len() / width];
    let mut of_a: Vec<Option<(usize, f32)>> = vec![None; a.len() / width];
    for (i, row) in cosines.iter().enumerate() {
        for (j, cosine) in row.iter().enumerate() {
            if better(*cosine, of_a[i]) {
                of_a[i] = Some((j, *cosine));
            }
            if better(*cosine, of_b[j]) {
                of_b[j] = Some((i, *cosine));
            }
        }
    }
    let links = of_a.into_iter().enumerate().filter_map(|(i, best)| {
        let (j, cosine) = best?;
        let mutual = of_b[j].is_some_and(|(back, _)| back == i);
        mutual.then_some(Link { a: i, b: j, cosine })
    });
    let mut links: Vec<Link> = links.collect();
    grow(&mut links, &cosines);
    links.sort_by_key(|link| (link.a, link.b));
    Ok(links)
}

/// A word without a partner that may join the link beside it.
struct Joining {
    link: Link,
    /// Whether the joining word is in the first passage; otherwise it is in the second.
    first: bool,
}

impl PartialEq for Joining {
    fn eq(&self, other: &Joining) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Joining {}

impl PartialOrd for Joining {
    fn partial_cmp(&self, other: &Joining) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Joining {
    /// The highest cosine is the greatest; ties go to the earlier word.
    fn cmp(&self, other: &Joining) -> Ordering {
        let by_cosine = self.link.cosine.total_cmp(&other.link.cosine);
        let place = |joining: &Joining| (joining.link.a, joining.link.b, joining.first);
        by_cosine.then_with(|| place(other).cmp(&place(self)))
    }
}

/// Lets words without a partner join the links beside them, highest cosine first.
fn grow(links: &mut Vec<Link>, cosines: &[Vec<f32>]) {
    let (rows, columns) = (cosines.len(), cosines.first().map_or(0, Vec::len));
    let (mut has_a, mut has_b) = (vec![false; rows], vec![false; columns]);
    for link in links.iter() {
        (has_a[link.a], has_b[link.b]) = (true, true);
    }
    let beside = |at: usize, count: usize| {
        let before = at.checked_sub(1);
        before.into_iter().chain((at + 1 < count).then_some(at + 1))
    };
    let around = |link: &Link| -> Vec<Joining> {
        let joining = |a: usize, b: usize, first: bool| Joining {
            link: Link {
                a,
                b,
                cosine: cosines[a][b],
            },
            first,
        };
        let of_a = beside(link.a, rows).map(|a| joining(a, link.b, true));
        let of_b = beside(link.b, columns).map(|b| joining(link.a, b, false));
        of_a.chain(of_b).filter(|joining| joining.link.cosine >= NEAR).collect()
    };
    let mut waiting: BinaryHeap<Joining> = links.iter().flat_map(around).collect();
    while let Some(Joining { link, first }) = waiting.pop() {
        let taken = if first { &mut has_a[link.a] } else { &mut has_b[link.b] };
        if !std::mem::replace(taken, true) {
            waiting.extend(around(&link));
            links.push(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mutual_nearest_words_are_linked() {
        let (a, b) = ([1.0, 0.0, -0.9, 0.1, 0.0, 1.0], [0.0, 2.0, 3.0, 0.0]);
        let links: Vec<_> = align(&a, &b, 2)
            .unwrap()
            .into_iter()
            .map(|link| (link.a, link.b))
            .collect();
        assert_eq!(links, [(0, 1), (2, 0)]);
    }

    #[test]
    fn a_word_without_a_partner_joins_the_link_of_a_close_neighbor() {
        // The first words of a and b are mutual nearest neighbors. The second word of a is close to the same word, the third is not.
        let (a, b) = ([1.0, 0.0, 0.8, 0.6, -1.0, 0.1], [1.0, 0.0]);
        let links: Vec<_> = align(&a, &b, 2)
            .unwrap()
            .into_iter()
            .map(|link| (link.a, link.b))
            .collect();
        assert_eq!(links, [(0, 0), (1, 0)]);
        // A close word that is not beside the link does not join.
        let a = [1.0, 0.0, -1.0, 0.1, 0.8, 0.6];
        let links = align(&a, &b, 2).unwrap();
        assert_eq!(links.len(), 1);
    }

    #[test]
    fn an_empty_passage_has_no_links() {
        assert!(align(&[], &[1.0], 1).unwrap().is_empty());
    }
}
