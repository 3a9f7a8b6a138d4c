//! One vector per item, before any centering.

use std::ops::Range;
use std::sync::Arc;

use crate::model::weight_in_passage;
use crate::segment::{Item, ItemKind, Segments};

/// Minimum tokens of a comparable item: a bare heading resembles every other bare heading.
pub const MIN_TOKENS: usize = 12;

/// Minimum share of readable letters of a comparable item. Below it, the vector says little about the text.
pub const MIN_COVERAGE: f32 = 0.5;

/// The contribution of one unit to the vector of its item.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The pooled embedding of the unit, not necessarily normalized.
    pub embedding: &'a [f32],
    /// Number of its word pieces, without special tokens.
    pub tokens: usize,
    /// Share of its letters that the vocabulary can read.
    pub coverage: f32,
}

/// The vector of an item: the normalized mean of its unit embeddings.
///
/// Each embedding is normalized first and weighted by its tokens. `None` if the item is too short or too few letters are readable.
pub fn embed(parts: &[Part]) -> Option<Arc<[f32]>> {
    let (mut own, mut weights, mut covered) = (0usize, 0f32, 0f32);
    for part in parts {
        let weight = part.tokens.max(1) as f32;
        own += part.tokens;
        weights += weight;
        covered += weight * part.coverage;
    }
    if own < MIN_TOKENS || covered < MIN_COVERAGE * weights {
        return None;
    }
    mean(parts.iter().map(|part| (part.embedding, part.tokens))).map(Into::into)
}

/// The mean direction of units, normalized.
///
/// Each unit is an embedding (not normalized) with its token count; [`weight_in_passage`] weighs them. Units of another width than the
/// first are skipped. `None` if the sum has no direction.
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

/// Size in bytes above which only its first bytes represent a type with inner items.
///
/// The mean of all methods resembles every method a little, and a table of constants further down would hide the purpose of the type.
pub(super) const LARGE_TYPE: usize = 1200;

/// Whether only its beginning represents an item: a type above [`LARGE_TYPE`].
pub(super) fn large_type(segments: &Segments, item: usize) -> bool {
    let own = &segments.items[item];
    own.kind == ItemKind::Type && own.range.len() > LARGE_TYPE && items_inside(segments, item).next().is_some()
}

/// The items inside another item. Items are ordered by start, so these follow it directly.
pub(super) fn items_inside(segments: &Segments, item: usize) -> impl Iterator<Item = &Item> {
    let end = segments.items[item].range.end;
    segments.items[item + 1..]
        .iter()
        .take_while(move |inner| inner.range.start < end)
}

/// Maximum bytes around the type that a wrapper consists of: `namespace Text {` and `}`, with some imports.
const WRAPPING: usize = 200;

/// Whether an item is a namespace, module or class that consists of one type. A match with it would repeat the match with that type.
pub(super) fn wraps_a_type(segments: &Segments, item: usize) -> bool {
    let own = &segments.items[item];
    let mut inside = items_inside(segments, item);
    let Some(first) = inside.next().filter(|first| first.kind == ItemKind::Type) else {
        return false;
    };
    let alone = inside.all(|other| other.range.start < first.range.end);
    let around = own.range.len().saturating_sub(first.range.len());
    own.kind == ItemKind::Type && alone && around <= WRAPPING && around < first.range.len()
}

/// The units whose embeddings make the vector of an item: all units that it contains.
///
/// For a large type ([`LARGE_TYPE`]): the first units outside of inner items (documentation, signature, fields), if they are long enough to
/// compare.
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
    let beginning: Vec<usize> = alone
        .scan(0, |before, unit| {
            let begins = *before < LARGE_TYPE;
            *before += bytes(&unit);
            begins.then_some(unit)
        })
        .collect();
    match beginning.iter().map(bytes).sum::<usize>() > MIN_TOKENS * BYTES_PER_TOKEN {
        true => beginning,
        false => all.collect(),
    }
}

/// Bytes per token of code, including indentation; a high estimate.
const BYTES_PER_TOKEN: usize = 8;

/// Normalizes a vector; returns `false` and leaves the vector unchanged if it has no direction.
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

/// The dot product of two vectors. Sixteen separate sums let the compiler use the widest registers.
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

    #[test]
    fn only_a_long_type_with_items_inside_is_represented_by_its_beginning() {
        let methods = |count: usize| {
            (0..count)
                .map(|i| format!("    def method_{i}(self):\n        return self.value + {i}\n\n"))
                .collect::<String>()
        };
        let fields: String = (0..60).map(|i| format!("    FIELD_{i} = {i} + {i} * {i}\n")).collect();
        let body: String = (0..60).map(|i| format!("    line_{i} = {i} + {i} * {i}\n")).collect();
        let first = |text: &str| large_type(&segments(text), 0);
        assert!(first(&format!("class Large:\n{}", methods(40))));
        assert!(!first(&format!("class Small:\n{}", methods(2))));
        assert!(!first(&format!("class Fields:\n{fields}")));
        assert!(!first(&format!("def long():\n{body}")));
    }

    fn segments(text: &str) -> Segments {
        let snapshot = crate::text::Snapshot::new(text, 0, crate::text::Language::Python);
        let budget = crate::segment::Budget {
            tokens: &|text, _| text.len() / 4 + 2,
            window: 256,
        };
        crate::segment::segment(&snapshot, &crate::segment::parse(&snapshot), &budget)
    }

    #[test]
    fn a_large_type_that_says_little_before_its_methods_is_represented_by_all_of_it() {
        let method =
            |i: usize| format!("    def sum_{i}(self, rows):\n        return sum(row.price * {i} for row in rows)\n\n");
        let methods: String = (0..20).map(method).collect();
        let own = segments(&format!("class Totals(Base):\n    \"\"\"Adds up.\"\"\"\n\n{methods}"));
        assert!(large_type(&own, 0));
        assert_eq!(units_of(&own, 0), own.items[0].units.clone().collect::<Vec<_>>());
    }

    #[test]
    fn the_beginning_of_a_large_type_ends_with_the_unit_that_passes_its_size() {
        let fields: String = (0..100)
            .map(|i| format!("    field_{i}: int = {i} + {i} * {i}\n"))
            .collect();
        let method = "    def total(self):\n        return self.field_1 + self.field_2 * self.field_3\n";
        let own = segments(&format!("class Large:\n{fields}\n{method}"));
        let used = units_of(&own, 0);
        let inside = &own.items[1].units;
        assert!(
            used.len() > 1 && used.iter().all(|unit| !inside.contains(unit)),
            "{used:?}"
        );
        let bytes = |units: &[usize]| units.iter().map(|unit| own.units[*unit].range.len()).sum::<usize>();
        assert!(bytes(&used) >= LARGE_TYPE && bytes(&used[..used.len() - 1]) < LARGE_TYPE);
        // They are the first ones, and not all.
        assert_eq!(used, (0..used.len()).collect::<Vec<_>>());
        assert!(used.len() < own.items[0].units.len() - inside.len());
    }

    fn part(embedding: &[f32], tokens: usize, coverage: f32) -> Part<'_> {
        Part {
            embedding,
            tokens,
            coverage,
        }
    }

    #[test]
    fn the_vector_of_an_item_is_the_normalized_token_weighted_mean_of_its_units() {
        let vector = embed(&[part(&[10.0, 0.0], 30, 1.0), part(&[0.0, 0.1], 10, 1.0)]).expect("comparable");
        let expected = [30.0f32, 10.0].map(|x| x / 1000f32.sqrt());
        assert!(
            (vector[0] - expected[0]).abs() < 1e-6 && (vector[1] - expected[1]).abs() < 1e-6,
            "{vector:?}"
        );
    }

    #[test]
    fn items_that_are_short_unreadable_or_without_direction_have_no_vector() {
        assert!(embed(&[]).is_none());
        assert!(embed(&[part(&[1.0, 0.0], 11, 1.0)]).is_none());
        assert!(embed(&[part(&[1.0, 0.0], 12, 1.0)]).is_some());
        assert!(embed(&[part(&[1.0, 0.0], 40, 0.49)]).is_none());
        assert!(embed(&[part(&[1.0, 0.0], 40, 0.2), part(&[1.0, 0.0], 80, 1.0)]).is_some());
        assert!(embed(&[part(&[0.0, 0.0], 40, 1.0)]).is_none());
        assert!(embed(&[part(&[f32::NAN, 0.0], 40, 1.0)]).is_none());
    }

    #[test]
    fn the_fast_dot_product_equals_the_plain_one() {
        for width in [0, 1, 15, 16, 17, 384] {
            let noise = |seed: usize| -> Vec<f32> { (0..width).map(|i| ((i * 37 + seed) as f32).sin()).collect() };
            let (a, b) = (noise(3), noise(4));
            let plain: f32 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert!((dot(&a, &b) - plain).abs() < 1e-3);
        }
    }
}
