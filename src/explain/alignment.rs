//! Word alignment: which word of one passage corresponds to which of the other.
//!
//! Mutual nearest neighbors by the cosine of last-layer word vectors (the mean of a word's token vectors), as in SimAlign
//! (Jalili Sabet et al., Findings of EMNLP 2020, "Argmax"). Correspondence, not contribution: the weight of a link is in the
//! pair matrix.

use candle_core::{Device, Result, Tensor};

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

/// Mutual nearest words of two passages, given their word vectors, row-major (words, width); in order of the first passage's words.
///
/// # Errors
/// What candle reports.
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
    // Of equal cosines the first counts.
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
    Ok(links.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mutual_nearest_words_are_linked() {
        let (a, b) = ([1.0, 0.0, 0.9, 0.1, 0.0, 1.0], [0.0, 2.0, 3.0, 0.0]);
        let links: Vec<_> = align(&a, &b, 2)
            .unwrap()
            .into_iter()
            .map(|link| (link.a, link.b))
            .collect();
        assert_eq!(links, [(0, 1), (2, 0)]);
    }

    #[test]
    fn an_empty_passage_has_no_links() {
        assert!(align(&[], &[1.0], 1).unwrap().is_empty());
    }
}
