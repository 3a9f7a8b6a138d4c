//! One vector per item, before any centering.

use std::ops::Range;
use std::sync::Arc;

use crate::model::{own_tokens, weight_in_passage};
use crate::segment::{Item, ItemKind, Segments};

/// Items whose text has fewer tokens are not compared: a bare heading resembles every other bare heading.
pub const MIN_TOKENS: usize = 12;

/// Items whose letters the vocabulary can read to a smaller share are not compared: the vector says little of the text.
pub const MIN_COVERAGE: f32 = 0.5;

/// What one unit adds to the vector of its item.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The unit's pooled embedding, of any length.
    pub embedding: &'a [f32],
    /// Its word pieces, special tokens included.
    pub tokens: usize,
    /// The share of its letters that the vocabulary can read.
    pub coverage: f32,
}

/// The vector of an item: the mean of its units' embeddings, each brought to unit length and weighted by its tokens; of unit
/// length itself. `None` for an item too short or too little understood to be compared.
pub fn embed(parts: &[Part]) -> Option<Arc<[f32]>> {
    let (mut own, mut weights, mut covered) = (0usize, 0f32, 0f32);
    for part in parts {
        let tokens = own_tokens(part.tokens);
        let weight = tokens.max(1) as f32;
        own += tokens;
        weights += weight;
        covered += weight * part.coverage;
    }
    if own < MIN_TOKENS || covered < MIN_COVERAGE * weights {
        return None;
    }
    mean(parts.iter().map(|part| (part.embedding, part.tokens))).map(Into::into)
}

/// The mean direction of units, each an embedding of any length with its tokens, as [`weight_in_passage`] weighs them; of unit length.
/// `None` where there is none. Units of another width than the first are left out.
pub fn mean<'a>(units: impl Iterator<Item = (&'a [f32], usize)>) -> Option<Vec<f32>> {
    let mut sum: Vec<f32> = Vec::new();
    for (embedding, tokens) in units {
        if sum.is_empty() {
            sum.resize(embedding.len(), 0.0);
        }
        if embedding.len() == sum.len() {
            let weight = weight_in_passage(tokens, norm(embedding));
            sum.iter_mut().zip(embedding).for_each(|(s, x)| *s += weight * x);
        }
    }
    normalize(&mut sum).then_some(sum)
}

/// Types with items inside and more bytes than this are spoken for by so many bytes of their own text: the mean of all their methods
/// resembles every method a little, and a table of constants further down would drown what the type is.
pub(super) const LARGE_TYPE: usize = 1200;

/// Whether an item is a type that is spoken for by its beginning.
pub(super) fn large_type(segments: &Segments, item: usize) -> bool {
    let own = &segments.items[item];
    own.kind == ItemKind::Type && own.range.len() > LARGE_TYPE && items_inside(segments, item).next().is_some()
}

/// The items inside another. Items are in order of their start, so those stand directly behind it.
pub(super) fn items_inside(segments: &Segments, item: usize) -> impl Iterator<Item = &Item> {
    let end = segments.items[item].range.end;
    segments.items[item + 1..]
        .iter()
        .take_while(move |inner| inner.range.start < end)
}

/// The units whose embeddings make the vector of an item: all that it holds; of a large type ([`LARGE_TYPE`]) the first of those that belong
/// to none of the items inside, which are its documentation, signature and fields, as long as their letters are enough to be compared.
pub fn units_of(segments: &Segments, item: usize) -> Vec<usize> {
    let all = segments.items[item].units.clone();
    if !large_type(segments, item) {
        return all.collect();
    }
    let inside: Vec<&Range<usize>> = items_inside(segments, item).map(|inner| &inner.units).collect();
    let bytes = |unit: &usize| segments.units[*unit].range.len();
    let alone = all
        .clone()
        .filter(|unit| !inside.iter().any(|inner| inner.contains(unit)));
    let first: Vec<usize> = alone
        .scan(0, |before, unit| {
            let begins = *before < LARGE_TYPE;
            *before += bytes(&unit);
            begins.then_some(unit)
        })
        .collect();
    match first.iter().map(bytes).sum::<usize>() > MIN_TOKENS * LETTERS_A_TOKEN {
        true => first,
        false => all.collect(),
    }
}

/// Bytes of a token of code, indentation included; rather more than fewer.
const LETTERS_A_TOKEN: usize = 8;

/// Brings a vector to unit length; `false`, and the vector as it was, where it has none.
pub(super) fn normalize(vector: &mut [f32]) -> bool {
    let length = norm(vector);
    if !(length.is_finite() && length > 1e-6) {
        return false;
    }
    vector.iter_mut().for_each(|x| *x /= length);
    true
}

fn norm(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// The inner product of two vectors. Sixteen sums at once, so that the compiler can use the widest registers there are.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_lanes
        .remainder()
        .iter()
        .zip(b_lanes.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(embedding: &[f32], tokens: usize, coverage: f32) -> Part<'_> {
        Part {
            embedding,
            tokens,
            coverage,
        }
    }

    #[test]
    fn an_item_is_the_token_weighted_mean_of_its_units_of_unit_length() {
        let vector = embed(&[part(&[10.0, 0.0], 32, 1.0), part(&[0.0, 0.1], 12, 1.0)]).expect("comparable");
        let expected = [30.0f32, 10.0].map(|x| x / 1000f32.sqrt());
        assert!(
            (vector[0] - expected[0]).abs() < 1e-6 && (vector[1] - expected[1]).abs() < 1e-6,
            "{vector:?}"
        );
    }

    #[test]
    fn items_too_short_too_little_understood_or_without_direction_have_no_vector() {
        assert!(embed(&[]).is_none());
        assert!(embed(&[part(&[1.0, 0.0], 13, 1.0)]).is_none());
        assert!(embed(&[part(&[1.0, 0.0], 14, 1.0)]).is_some());
        assert!(embed(&[part(&[1.0, 0.0], 40, 0.49)]).is_none());
        assert!(embed(&[part(&[1.0, 0.0], 40, 0.2), part(&[1.0, 0.0], 80, 1.0)]).is_some());
        assert!(embed(&[part(&[0.0, 0.0], 40, 1.0)]).is_none());
        assert!(embed(&[part(&[f32::NAN, 0.0], 40, 1.0)]).is_none());
    }

    #[test]
    fn the_fast_dot_product_is_the_plain_one() {
        for width in [0, 1, 15, 16, 17, 384] {
            let noise = |seed: usize| -> Vec<f32> { (0..width).map(|i| ((i * 37 + seed) as f32).sin()).collect() };
            let (a, b) = (noise(3), noise(4));
            let plain: f32 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert!((dot(&a, &b) - plain).abs() < 1e-3);
        }
    }
}
