//! All items of the open documents in one space, and who stands near whom.

use std::sync::Arc;

use super::vector::dot;
use super::{Calibration, Centre, ItemVector, Scale};
use crate::text::ByteRange;

/// Items, their vectors language-centred and of unit length, in one matrix.
#[derive(Debug, Default)]
pub struct Space {
    items: Vec<ItemVector>,
    width: usize,
    /// Row-major `items × width`; a row of zeros for an item that is nothing but the mean of its language.
    rows: Vec<f32>,
    scale: Scale,
}

impl Space {
    /// Centres items by language. Items whose vectors are not as wide as the first one's resemble nothing.
    pub fn new(items: Vec<ItemVector>) -> Space {
        Space::within(items, Arc::default())
    }

    /// As [`Space::new`], of a model of some calibration.
    pub fn within(items: Vec<ItemVector>, calibration: Arc<Calibration>) -> Space {
        let scale = calibration.likeness();
        let width = items.first().map_or(0, |item| item.vector.len());
        let fitting = items.iter().filter(|item| item.vector.len() == width);
        let centre = Centre::of(fitting.map(|item| (item.language, &*item.vector)), calibration);
        let mut rows = vec![0f32; items.len() * width];
        for (item, row) in items.iter().zip(rows.chunks_exact_mut(width.max(1))) {
            if item.vector.len() == width {
                row.copy_from_slice(&item.vector);
                centre.apply(item.language, row);
            }
        }
        Space {
            items,
            width,
            rows,
            scale,
        }
    }

    /// The items, in the order they were given.
    pub fn items(&self) -> &[ItemVector] {
        &self.items
    }

    /// The language-centred cosine of two items, on the scale of the thresholds.
    pub fn cosine(&self, a: usize, b: usize) -> f32 {
        self.scale.of(dot(self.row(a), self.row(b))).clamp(-1.0, 1.0)
    }

    /// The items at least `threshold` near to one, best first, at most `limit`; ties by document and position. The item itself
    /// and items inside or around it are left out.
    pub fn neighbours(&self, index: usize, threshold: f32, limit: usize) -> Vec<(usize, f32)> {
        let own = &self.items[index];
        let mut found: Vec<(usize, f32)> = (0..self.items.len())
            .map(|other| (other, self.cosine(index, other)))
            .filter(|&(other, score)| score >= threshold && other != index && !self.nested(own, other))
            .collect();
        found.sort_by(|&(a, x), &(b, y)| {
            let (one, two) = (&self.items[a], &self.items[b]);
            y.total_cmp(&x)
                .then_with(|| one.document.cmp(&two.document))
                .then_with(|| one.range.start.cmp(&two.range.start))
                .then_with(|| one.range.end.cmp(&two.range.end))
        });
        found.truncate(limit);
        found
    }

    fn nested(&self, own: &ItemVector, other: usize) -> bool {
        let other = &self.items[other];
        own.document == other.document && (within(&own.range, &other.range) || within(&other.range, &own.range))
    }

    fn row(&self, index: usize) -> &[f32] {
        &self.rows[index * self.width..(index + 1) * self.width]
    }
}

fn within(inner: &ByteRange, outer: &ByteRange) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similar::vector::normalise;
    use crate::text::Language;

    fn item(document: &str, range: ByteRange, language: Language, vector: &[f32]) -> ItemVector {
        let mut vector = vector.to_vec();
        normalise(&mut vector);
        ItemVector {
            document: document.into(),
            range,
            language,
            vector: vector.into(),
        }
    }

    /// Deterministic noise, so that tests need no generator of random numbers.
    fn noise(seed: usize, width: usize) -> Vec<f32> {
        let mut state = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (0..width)
            .map(|_| {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                ((state >> 40) as f32 / (1u64 << 24) as f32) - 0.5
            })
            .collect()
    }

    #[test]
    fn few_items_are_centred_little_and_twenty_wholly() {
        let base = [1.0f32, 0.0, 0.0];
        let spread = |n: usize| -> Vec<ItemVector> {
            (0..n)
                .map(|i| {
                    let sign = if i % 2 == 0 { 0.3 } else { -0.3 };
                    item("a", i * 10..i * 10 + 5, Language::Rust, &[base[0], sign, 0.0])
                })
                .collect()
        };
        assert!((Space::new(spread(1)).cosine(0, 0) - 1.0).abs() < 1e-6);
        let raw = (1.0 - 0.09) / 1.09;
        let two = Space::new(spread(2)).cosine(0, 1);
        assert!(
            two < raw && two > 0.7,
            "one part in nineteen of the mean is gone: {two} of {raw}"
        );
        assert!((Space::new(spread(20)).cosine(0, 1) + 1.0).abs() < 1e-4);
    }

    #[test]
    fn the_same_task_in_another_language_is_nearest() {
        let mut items = Vec::new();
        for i in 0..40 {
            let task = noise(i % 20, 32);
            let (language, tint) = if i < 20 {
                (Language::Rust, 0)
            } else {
                (Language::Python, 1)
            };
            let tinted: Vec<f32> = task
                .iter()
                .enumerate()
                .map(|(k, x)| x + if k == tint { 4.0 } else { 0.0 })
                .collect();
            items.push(item("a", i * 10..i * 10 + 5, language, &tinted));
        }
        let space = Space::new(items);
        for i in 0..20 {
            assert_eq!(
                space.neighbours(i, -1.0, 1)[0].0,
                i + 20,
                "the same task in the other language is nearest"
            );
        }
    }

    #[test]
    fn neighbours_leave_out_the_item_and_what_is_nested_and_break_ties_by_place() {
        let v = [1.0, 0.5];
        let space = Space::new(vec![
            item("b", 0..100, Language::Rust, &v),
            item("b", 10..20, Language::Rust, &v),
            item("b", 200..300, Language::Rust, &v),
            item("a", 50..60, Language::Rust, &v),
            item("a", 10..20, Language::Rust, &v),
            item("c", 0..9, Language::Rust, &[-1.0, -0.5]),
        ]);
        let order: Vec<usize> = space.neighbours(0, 0.6, 10).into_iter().map(|(i, _)| i).collect();
        assert_eq!(order, [4, 3, 2]);
        assert_eq!(space.neighbours(0, 0.6, 1).len(), 1);
        let inner: Vec<usize> = space.neighbours(1, 0.6, 10).into_iter().map(|(i, _)| i).collect();
        assert_eq!(inner, [4, 3, 2]);
    }

    #[test]
    fn vectors_of_another_width_and_vectors_equal_to_the_mean_resemble_nothing() {
        let mut items: Vec<ItemVector> = (0..20)
            .map(|i| item("a", i * 10..i * 10 + 5, Language::Go, &[1.0, 1.0]))
            .collect();
        items.push(item("b", 0..5, Language::Go, &[1.0, 1.0, 1.0]));
        let space = Space::new(items);
        assert!(space.neighbours(0, 0.1, 10).is_empty());
        assert!(space.neighbours(20, 0.1, 10).is_empty());
        assert!(Space::new(Vec::new()).items().is_empty());
    }

    #[test]
    fn the_fast_dot_product_is_the_plain_one() {
        for width in [0, 1, 15, 16, 17, 384] {
            let (a, b) = (noise(3, width), noise(4, width));
            let plain: f32 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert!((dot(&a, &b) - plain).abs() < 1e-4);
        }
    }
}
