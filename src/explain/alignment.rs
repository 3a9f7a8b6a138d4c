//! Word alignment: which word of one passage corresponds to which of the other.
//!
//! Mutual nearest neighbours by the cosine of last-layer word vectors (the mean of a word's token vectors), as in SimAlign
//! (Jalili Sabet et al., Findings of EMNLP 2020, "Argmax"). Correspondence, not contribution: the weight of a link is in the
//! pair matrix.

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

/// Mutual nearest words of two passages, given their word vectors; in order of the first passage's words.
pub fn align(a: &[Vec<f32>], b: &[Vec<f32>]) -> Vec<Link> {
    let (a, b) = (unit_length(a), unit_length(b));
    let cosine = |i: usize, j: usize| -> f32 { a[i].iter().zip(&b[j]).map(|(x, y)| x * y).sum() };
    let best = |candidates: usize, cosine: &dyn Fn(usize) -> f32| {
        (0..candidates).max_by(|x, y| cosine(*x).total_cmp(&cosine(*y)).then(y.cmp(x)))
    };
    let of_b: Vec<Option<usize>> = (0..b.len()).map(|j| best(a.len(), &|i| cosine(i, j))).collect();
    let link = |i: usize| {
        let j = best(b.len(), &|j| cosine(i, j))?;
        (of_b[j] == Some(i)).then(|| Link {
            a: i,
            b: j,
            cosine: cosine(i, j),
        })
    };
    (0..a.len()).filter_map(link).collect()
}

fn unit_length(vectors: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let scale = |vector: &Vec<f32>| {
        let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        vector.iter().map(|v| v / length).collect()
    };
    vectors.iter().map(scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mutual_nearest_words_are_linked() {
        let a = vec![vec![1.0, 0.0], vec![0.9, 0.1], vec![0.0, 1.0]];
        let b = vec![vec![0.0, 2.0], vec![3.0, 0.0]];
        let links: Vec<_> = align(&a, &b).into_iter().map(|link| (link.a, link.b)).collect();
        assert_eq!(links, [(0, 1), (2, 0)]);
    }

    #[test]
    fn an_empty_passage_has_no_links() {
        assert!(align(&[], &[vec![1.0]]).is_empty());
    }
}
