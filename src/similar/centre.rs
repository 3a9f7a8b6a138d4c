//! What the vectors of a language have in common, and taking it away.
//!
//! The raw embeddings of two functions of one language resemble each other for the language alone. What is left once the mean vector
//! of the language is taken away says what they do, so that a threshold means the same for every pair.

use std::collections::HashMap;
use std::sync::Arc;

use super::Calibration;
use super::vector::{dot, normalise};
use crate::text::Language;

/// From this many items on, the mean vector of a language is taken away whole; below, in proportion.
const FULL: f64 = 20.0;

/// The sum of the vectors of each group, and how many there are.
#[derive(Debug, Default)]
pub struct Sums {
    groups: HashMap<Option<Language>, (Vec<f64>, f64)>,
    calibration: Arc<Calibration>,
}

impl Sums {
    /// No vectors yet, of a model of some calibration.
    pub fn within(calibration: Arc<Calibration>) -> Sums {
        let groups = HashMap::new();
        Sums { groups, calibration }
    }

    /// Counts a vector.
    pub fn add(&mut self, language: Language, vector: &[f32]) {
        // Zeros stand for an item that cannot be compared.
        if vector.iter().any(|v| *v != 0.0) {
            self.add_many(language, 1.0, vector);
        }
    }

    fn add_many(&mut self, language: Language, number: f64, mean: &[f32]) {
        let new = || (vec![0.0; mean.len()], 0.0);
        let (sum, count) = self.groups.entry(group(language)).or_insert_with(new);
        sum.iter_mut().zip(mean).for_each(|(s, m)| *s += f64::from(*m) * number);
        *count += number;
    }

    /// The means, shrunk towards what all texts have in common where a language has few: nothing, for most models.
    pub fn centre(self) -> Centre {
        let Sums { groups, calibration } = self;
        let shrunk = |(sum, count): (Vec<f64>, f64)| {
            let known = ((count - 1.0) / (FULL - 1.0)).clamp(0.0, 1.0);
            let factor = known / count.max(1.0);
            let mut mean: Vec<f32> = sum.into_iter().map(|s| (s * factor) as f32).collect();
            if let Some(common) = calibration.common() {
                let rest = (1.0 - known) as f32;
                mean.iter_mut().zip(common).for_each(|(m, c)| *m += rest * c);
            }
            mean
        };
        let means = groups.into_iter().map(|(group, sum)| (group, shrunk(sum))).collect();
        Centre { means, calibration }
    }
}

/// The mean vector of each language, and the scale of what is left. Prose of every kind is one group, each programming language its own.
/// From a language that is not known, what the model's texts have in common is taken away.
#[derive(Debug, Clone, Default)]
pub struct Centre {
    means: HashMap<Option<Language>, Vec<f32>>,
    calibration: Arc<Calibration>,
}

impl Centre {
    /// No means yet, of a model of some calibration.
    pub fn within(calibration: Arc<Calibration>) -> Centre {
        Sums::within(calibration).centre()
    }

    /// The means of some vectors of one width, shrunk where a language has few; of a model of some calibration.
    pub fn of<'a>(vectors: impl Iterator<Item = (Language, &'a [f32])>, calibration: Arc<Calibration>) -> Centre {
        let mut sums = Sums::within(calibration);
        vectors.for_each(|(language, vector)| sums.add(language, vector));
        sums.centre()
    }

    /// The same of what somebody else has counted: of each language, how many vectors it has and their mean.
    pub fn of_counted(
        counted: impl Iterator<Item = (Language, u64, Vec<f32>)>,
        calibration: Arc<Calibration>,
    ) -> Centre {
        let mut sums = Sums::within(calibration);
        for (language, number, mean) in counted {
            sums.add_many(language, number as f64, &mean);
        }
        sums.centre()
    }

    /// Means as [`Centre::means`] gave them.
    pub fn from_means(means: impl Iterator<Item = (Language, Vec<f32>)>, calibration: Arc<Calibration>) -> Centre {
        let means = means.map(|(language, mean)| (group(language), mean)).collect();
        Centre { means, calibration }
    }

    /// The mean of each group, with a language of it.
    pub fn means(&self) -> impl Iterator<Item = (Language, &[f32])> {
        let named = |group: &Option<Language>| group.unwrap_or(Language::Prose);
        self.means
            .iter()
            .map(move |(group, mean)| (named(group), mean.as_slice()))
    }

    /// These means, and those of `others` for languages that these do not have.
    pub fn or(mut self, others: Centre) -> Centre {
        for (group, mean) in others.means {
            self.means.entry(group).or_insert(mean);
        }
        self
    }

    /// How the model's space differs from the reference.
    pub fn calibration(&self) -> &Arc<Calibration> {
        &self.calibration
    }

    /// What is taken away from vectors of a language, if anything.
    pub fn mean(&self, language: Language) -> Option<&[f32]> {
        let known = self.means.get(&group(language)).map(Vec::as_slice);
        known.or(self.calibration.common())
    }

    /// The products of a vector with the means, by language: ⟨v - m, q⟩ is ⟨v, q⟩ less the one of v's language.
    pub fn along(&self, query: &[f32]) -> impl Fn(Language) -> f32 {
        // Asked for every row: by number, which takes a hundredth of what a map takes.
        let rest = self.calibration.common().map_or(0.0, |common| dot(common, query));
        let (mut products, mut prose) = (Vec::new(), rest);
        for (group, mean) in &self.means {
            let product = dot(mean, query);
            match group {
                Some(language) => {
                    let number = *language as usize;
                    products.resize(products.len().max(number + 1), rest);
                    products[number] = product;
                }
                None => prose = product,
            }
        }
        move |language| match group(language) {
            Some(language) => products.get(language as usize).copied().unwrap_or(rest),
            None => prose,
        }
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
    fn counted_means_are_those_of_the_vectors_and_come_back_as_they_are() {
        let vectors = [
            (Language::Go, [1.0f32, 0.0]),
            (Language::Go, [0.0, 1.0]),
            (Language::Markdown, [1.0, 0.0]),
        ];
        let vectors = vectors.iter().cycle().take(300);
        let plain = Centre::of(
            vectors.map(|(language, vector)| (*language, vector.as_slice())),
            Arc::default(),
        );
        let counted = [
            (Language::Go, 200, vec![0.5, 0.5]),
            (Language::Markdown, 60, vec![1.0, 0.0]),
            (Language::Prose, 40, vec![1.0, 0.0]),
        ];
        let counted = Centre::of_counted(counted.into_iter(), Arc::default());
        let again = Centre::from_means(
            counted.means().map(|(language, mean)| (language, mean.to_vec())),
            Arc::default(),
        );
        for language in [Language::Go, Language::Prose] {
            assert_eq!(plain.mean(language), counted.mean(language));
            assert_eq!(again.mean(language), counted.mean(language));
        }
    }

    #[test]
    fn a_vector_that_is_the_mean_becomes_zeros_and_one_of_a_language_not_seen_is_left() {
        let same = [0.6f32, 0.8];
        let centre = Centre::of((0..20).map(|_| (Language::Go, same.as_slice())), Arc::default());
        let mut vector = same;
        centre.apply(Language::Go, &mut vector);
        assert_eq!(vector, [0.0, 0.0]);
        let mut vector = [3.0f32, 4.0];
        centre.apply(Language::Rust, &mut vector);
        assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6);
    }
}
