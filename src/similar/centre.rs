//! What the vectors of a language have in common, and taking it away.
//!
//! The raw embeddings of two functions of one language resemble each other for the language alone. What is left once the mean vector
//! of the language is taken away says what they do, so that a threshold means the same for every pair.

use std::collections::HashMap;

use super::vector::{dot, normalise};
use crate::text::Language;

/// From this many items on, the mean vector of a language is taken away whole; below, in proportion.
const FULL: f32 = 20.0;

/// The mean vector of each language. Prose of every kind is one group, each programming language its own.
#[derive(Debug, Clone, Default)]
pub struct Centre {
    means: HashMap<Option<Language>, Vec<f32>>,
}

impl Centre {
    /// The means of some vectors of one width, shrunk towards nothing where a language has few.
    pub fn of<'a>(vectors: impl Iterator<Item = (Language, &'a [f32])>) -> Centre {
        let mut sums: HashMap<Option<Language>, (Vec<f64>, f32)> = HashMap::new();
        for (language, vector) in vectors {
            let (sum, count) = sums
                .entry(group(language))
                .or_insert_with(|| (vec![0.0; vector.len()], 0.0));
            sum.iter_mut().zip(vector).for_each(|(s, x)| *s += f64::from(*x));
            *count += 1.0;
        }
        let shrunk = |(sum, count): (Vec<f64>, f32)| {
            let factor = f64::from(((count - 1.0) / (FULL - 1.0)).clamp(0.0, 1.0) / count);
            sum.into_iter().map(|s| (s * factor) as f32).collect()
        };
        Centre {
            means: sums.into_iter().map(|(group, sum)| (group, shrunk(sum))).collect(),
        }
    }

    /// These means, and those of `others` for languages that these do not have.
    pub fn or(mut self, others: Centre) -> Centre {
        for (group, mean) in others.means {
            self.means.entry(group).or_insert(mean);
        }
        self
    }

    /// What is taken away from vectors of a language, if anything.
    pub fn mean(&self, language: Language) -> Option<&[f32]> {
        self.means.get(&group(language)).map(Vec::as_slice)
    }

    /// The products of a vector with the means, by language: ⟨v - m, q⟩ is ⟨v, q⟩ less the one of v's language.
    pub fn along(&self, query: &[f32]) -> impl Fn(Language) -> f32 {
        let products = self.means.iter().map(|(group, mean)| (*group, dot(mean, query)));
        let products: HashMap<Option<Language>, f32> = products.collect();
        move |language| products.get(&group(language)).copied().unwrap_or(0.0)
    }

    /// Takes the mean of its language away from a vector and brings it to unit length; one that is nothing but that mean becomes
    /// zeros.
    pub fn apply(&self, language: Language, vector: &mut [f32]) {
        if let Some(mean) = self.mean(language) {
            vector.iter_mut().zip(mean).for_each(|(x, m)| *x -= m);
        }
        if !normalise(vector) {
            vector.fill(0.0);
        }
    }
}

fn group(language: Language) -> Option<Language> {
    language.is_code().then_some(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_a_group_and_prose_of_all_kinds_shares_one() {
        assert_eq!(group(Language::Markdown), group(Language::Prose));
        assert_ne!(group(Language::Rust), group(Language::Python));
    }

    #[test]
    fn a_vector_that_is_the_mean_becomes_zeros_and_one_of_a_language_not_seen_is_left() {
        let same = [0.6f32, 0.8];
        let centre = Centre::of((0..20).map(|_| (Language::Go, same.as_slice())));
        let mut vector = same;
        centre.apply(Language::Go, &mut vector);
        assert_eq!(vector, [0.0, 0.0]);
        let mut vector = [3.0f32, 4.0];
        centre.apply(Language::Rust, &mut vector);
        assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6);
    }
}
