//! Spread of a vector against a language, and comparable cosines between two languages.
//!
//! Vectors of some languages lie closer together than those of others, and an item along the main directions of a language is near all of
//! its items. A cosine between two languages therefore means something else than a cosine within one, and a ranking over several languages
//! prefers pairs of crowded languages. The spread of an item against a language is the root mean square of its cosines with the language's
//! items: s(v, L)² = vᵀ M v, where M is the second moment of the centered vectors of L. A cosine between the languages A and B is
//! multiplied by √(s(a, A) s(b, B) / (s(a, B) s(b, A))), so a usual cosine between them counts as a usual cosine within them. The formula
//! has no constant and changes nothing within one language (`benches/similarity/spread.py`).

use std::sync::Arc;

use super::vector::dot;

/// This many items describe a language well enough. Of more items, evenly spaced ones are sampled.
const SAMPLE: usize = 1024;

/// Number of items from which a spread counts fully; below, it counts in proportion.
const FULL: f32 = 20.0;

/// The largest factor; the smallest factor is its inverse.
pub(super) const MOST: f32 = 1.5;

/// Second moment of the vectors of a language.
#[derive(Debug)]
pub struct Moment {
    /// Number of items of the language.
    count: f32,
    width: usize,
    /// Row-major, width × width, symmetric.
    mean: Vec<f32>,
}

impl Moment {
    /// Computes the moment of `count` centered vectors of unit length.
    ///
    /// `vector` appends the vector at an index to a buffer. `None` if there are fewer than two.
    pub(super) fn of(count: usize, width: usize, vector: impl Fn(usize, &mut Vec<f32>)) -> Option<Arc<Moment>> {
        let looked = count.min(SAMPLE);
        if looked < 2 {
            return None;
        }
        let mut mean = vec![0f32; width * width];
        let mut own = Vec::with_capacity(width);
        for step in 0..looked {
            own.clear();
            vector(step * count / looked, &mut own);
            for (row, v) in mean.chunks_exact_mut(width).zip(&own) {
                row.iter_mut().zip(&own).for_each(|(sum, w)| *sum += v * w);
            }
        }
        mean.iter_mut().for_each(|v| *v /= looked as f32);
        let count = count as f32;
        Some(Arc::new(Moment { count, width, mean }))
    }

    /// Serializes it for a store. The item count comes first, then the upper triangle row by row, as little-endian floats.
    #[cfg(feature = "postgres")]
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let rows = self.mean.chunks_exact(self.width).enumerate();
        let upper = rows.flat_map(|(number, row)| &row[number..]);
        [&self.count]
            .into_iter()
            .chain(upper)
            .flat_map(|v| v.to_le_bytes())
            .collect()
    }

    /// Reads the bytes of [`Moment::to_bytes`] for vectors of a width; `None` for anything else.
    #[cfg(feature = "postgres")]
    pub(super) fn from_bytes(bytes: &[u8], width: usize) -> Option<Arc<Moment>> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let mut numbers = numbers.iter().map(|number| f32::from_le_bytes(*number));
        if !rest.is_empty() || numbers.len() != 1 + width * (width + 1) / 2 {
            return None;
        }
        let count = numbers.next()?;
        let mut mean = vec![0f32; width * width];
        for row in 0..width {
            for column in row..width {
                let value = numbers.next()?;
                mean[row * width + column] = value;
                mean[column * width + row] = value;
            }
        }
        Some(Arc::new(Moment { count, width, mean }))
    }

    /// An SQL condition on an item's number that selects the sampled items.
    #[cfg(feature = "postgres")]
    pub(super) fn sampled(number: &str, count: &str) -> String {
        // The last step that does not exceed the number is the only candidate.
        let step = format!("(({number} * {SAMPLE} + {count} - 1) / {count})");
        format!("({count} <= {SAMPLE} OR {step} < {SAMPLE} AND {step} * {count} / {SAMPLE} = {number})")
    }

    /// The moment of a language with `count` items, computed from the sampled ones.
    #[cfg(feature = "postgres")]
    pub(super) fn of_sample(count: u64, vectors: &[Vec<f32>], width: usize) -> Option<Arc<Moment>> {
        let moment = Moment::of(vectors.len(), width, |index, into| into.extend(&vectors[index]))?;
        let moment = Arc::try_unwrap(moment).ok()?;
        Some(Arc::new(Moment {
            count: count as f32,
            ..moment
        }))
    }

    /// Root mean square of the cosines of a unit vector with the language's items. Never 0.
    ///
    /// If the vector is one of these items, its cosine with itself is excluded.
    pub(super) fn spread(&self, vector: &[f32], one_of_them: bool) -> f32 {
        if vector.len() != self.width {
            return 1.0;
        }
        let rows = self.mean.chunks_exact(self.width).zip(vector);
        let square: f32 = rows.map(|(row, v)| v * dot(row, vector)).sum();
        let others = match one_of_them {
            true => (self.count * square - 1.0) / (self.count - 1.0),
            false => square,
        };
        others.max(1e-4).sqrt()
    }

    /// How much the statistics of this language count, 0 to 1.
    pub(super) fn certainty(&self) -> f32 {
        ((self.count - 1.0) / (FULL - 1.0)).clamp(0.0, 1.0)
    }
}

/// Spread of a vector against its own language and against another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spreads {
    pub own: f32,
    pub other: f32,
}

/// The factor for the cosine of two vectors of different languages. Uncertain statistics weaken it.
pub(super) fn factor(a: Spreads, b: Spreads, certainty: f32) -> f32 {
    let whole = (a.own * b.own / (a.other * b.other)).sqrt();
    whole.powf(certainty).clamp(MOST.recip(), MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(vectors: &[[f32; 2]]) -> Arc<Moment> {
        Moment::of(vectors.len(), 2, |index, into| into.extend(vectors[index])).unwrap()
    }

    #[test]
    fn the_spread_is_the_root_mean_square_of_the_cosines_with_other_items() {
        let vectors = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-0.8, 0.6]];
        let known = moment(&vectors);
        let squares = |others: &[[f32; 2]]| {
            let each = others.iter().map(|v| (0.6 * v[0] + 0.8 * v[1]).powi(2));
            (each.sum::<f32>() / others.len() as f32).sqrt()
        };
        assert!((known.spread(&vectors[1], false) - squares(&vectors)).abs() < 1e-6);
        let others = [vectors[0], vectors[2], vectors[3]];
        assert!((known.spread(&vectors[1], true) - squares(&others)).abs() < 1e-6);
    }

    #[test]
    fn items_near_all_of_the_other_language_count_less_and_few_items_count_little() {
        let near = Spreads { own: 0.2, other: 0.4 };
        let usual = Spreads { own: 0.2, other: 0.2 };
        assert!((factor(near, usual, 1.0) - 0.5f32.sqrt()).abs() < 1e-6);
        assert_eq!(factor(usual, usual, 1.0), 1.0);
        assert_eq!(factor(near, near, 0.0), 1.0);
        assert!(factor(near, usual, 0.5) > factor(near, usual, 1.0));
        assert!(Moment::of(1, 2, |_, into| into.extend([1.0, 0.0])).is_none());
        let certainty = |count: usize| moment(&vec![[1.0, 0.0]; count]).certainty();
        assert!((certainty(2) - 1.0 / 19.0).abs() < 1e-6 && (certainty(10) - 9.0 / 19.0).abs() < 1e-6);
        assert_eq!((certainty(20), certainty(30)), (1.0, 1.0));
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn the_moment_of_a_language_survives_serialization() {
        let known = moment(&[[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]);
        let bytes = known.to_bytes();
        let again = Moment::from_bytes(&bytes, 2).unwrap();
        assert_eq!((again.count, &again.mean), (known.count, &known.mean));
        assert!(Moment::from_bytes(&bytes, 3).is_none() && Moment::from_bytes(&bytes[1..], 2).is_none());
    }

    #[test]
    fn a_sample_represents_many_items() {
        let many: Vec<[f32; 2]> = (0..10_000).map(|i| (i as f32 * 0.37).sin_cos().into()).collect();
        let whole: f32 = many.iter().map(|v| v[0].powi(2)).sum::<f32>() / many.len() as f32;
        assert!((moment(&many).spread(&[1.0, 0.0], false) - whole.sqrt()).abs() < 0.01);
    }
}
