//! The mean vector of each language, and its subtraction from vectors.
//!
//! The raw embeddings of two functions in one language resemble each other because of the language. After the mean of the language is
//! subtracted, a vector describes the task, so a threshold means the same for every pair.

use std::collections::HashMap;
use std::sync::Arc;

use super::Calibration;
use super::density::Sample;
use super::moments::{Moment, Spreads, factor};
use super::vector::{dot, normalize};
use crate::explain::{Means, Measure};
use crate::text::Language;

/// Number of items from which the mean of a language is subtracted fully. Fewer items subtract it in proportion.
const FULL: f64 = 20.0;

/// The distance below which a mean counts as unchanged.
///
/// A mean of 500 unit vectors is about this far from the true mean, in a space of hundreds of dimensions; this changes a cosine by a few
/// thousandths.
const MOVED: f32 = 0.05;

/// The sum and the number of the vectors of each group. Near-copies count once ([`density`](super::density)).
#[derive(Debug, Default)]
pub struct Sums {
    groups: HashMap<Option<Language>, Sum>,
    calibration: Arc<Calibration>,
}

/// The sum of the vectors of one group.
#[derive(Debug)]
struct Sum {
    vectors: Vec<f64>,
    count: f64,
    /// A sample of the vectors that were added one by one.
    sample: Sample,
}

impl Sums {
    /// Empty sums for a model with this calibration.
    pub fn within(calibration: Arc<Calibration>) -> Sums {
        let groups = HashMap::new();
        Sums { groups, calibration }
    }

    /// Adds a vector.
    pub fn add(&mut self, language: Language, vector: &[f32]) {
        // Zeros represent an item that cannot be compared.
        if vector.iter().any(|v| *v != 0.0) {
            self.add_many(language, 1.0, vector).sample.add(vector);
        }
    }

    fn add_many(&mut self, language: Language, number: f64, mean: &[f32]) -> &mut Sum {
        let new = || Sum {
            vectors: vec![0.0; mean.len()],
            count: 0.0,
            sample: Sample::default(),
        };
        let sum = self.groups.entry(group(language)).or_insert_with(new);
        let each = sum.vectors.iter_mut().zip(mean);
        each.for_each(|(s, m)| *s += f64::from(*m) * number);
        sum.count += number;
        sum
    }

    /// Computes the means. A mean over few items is shrunk toward the common vector of the model (zero for most models).
    pub fn center(self) -> Center {
        let Sums { groups, calibration } = self;
        let shrunk = |sum: Sum| {
            let distinct = sum.sample.distinct(calibration.common());
            let (sum, count) = distinct.unwrap_or((sum.vectors, sum.count));
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
        Center {
            means,
            moments: HashMap::new(),
            calibration,
        }
    }
}

/// The means and moments of languages, and the calibration of the model.
///
/// All prose is one group; each programming language is its own. For an unknown language, the common vector of the model is subtracted.
#[derive(Debug, Clone, Default)]
pub struct Center {
    means: HashMap<Option<Language>, Vec<f32>>,
    /// Moments of programming languages, if there are several.
    moments: HashMap<Language, Arc<Moment>>,
    calibration: Arc<Calibration>,
}

impl Center {
    /// A center without means, for a model with this calibration.
    pub fn within(calibration: Arc<Calibration>) -> Center {
        Sums::within(calibration).center()
    }

    /// Computes the means of vectors of one width; a mean over few items is shrunk.
    pub fn of<'a>(vectors: impl Iterator<Item = (Language, &'a [f32])>, calibration: Arc<Calibration>) -> Center {
        let mut sums = Sums::within(calibration);
        vectors.for_each(|(language, vector)| sums.add(language, vector));
        sums.center()
    }

    /// Computes the means from statistics of a server. These are number and mean per language, and a sample per group.
    #[cfg(any(feature = "postgres", test))]
    pub(super) fn of_counted(
        counted: impl Iterator<Item = (Language, u64, Vec<f32>)>,
        samples: impl Iterator<Item = (Language, Sample)>,
        calibration: Arc<Calibration>,
    ) -> Center {
        let mut sums = Sums::within(calibration);
        for (language, number, mean) in counted {
            sums.add_many(language, number as f64, &mean);
        }
        for (language, sample) in samples {
            if let Some(sum) = sums.groups.get_mut(&group(language)) {
                sum.sample = sample;
            }
        }
        sums.center()
    }

    /// Restores means that [`Center::means`] returned.
    pub fn from_means(means: impl Iterator<Item = (Language, Vec<f32>)>, calibration: Arc<Calibration>) -> Center {
        Center {
            means: means.map(|(language, mean)| (group(language), mean)).collect(),
            moments: HashMap::new(),
            calibration,
        }
    }

    /// Adds moments for languages without one.
    pub(super) fn with_moments(mut self, moments: impl Iterator<Item = (Language, Arc<Moment>)>) -> Center {
        for (language, moment) in moments {
            self.moments.entry(language).or_insert(moment);
        }
        self
    }

    /// The languages with known moments.
    pub(super) fn moments(&self) -> impl Iterator<Item = Language> {
        self.moments.keys().copied()
    }

    /// The spread of a centered unit vector of the language `own` against a language.
    pub(super) fn spread(&self, own: Language, language: Language, vector: &[f32]) -> f32 {
        let moment = self.moments.get(&language);
        moment.map_or(1.0, |moment| moment.spread(vector, own == language))
    }

    /// How much a factor between two languages counts, 0 to 1.
    pub(super) fn certainty(&self, a: Language, b: Language) -> f32 {
        let certainty = |language| self.moments.get(&language).map_or(0.0, |moment| moment.certainty());
        certainty(a).min(certainty(b))
    }

    /// Makes the cosine of two centered unit vectors comparable to one within a language.
    ///
    /// It is 1 within one language, or if one of the two languages is unknown.
    pub fn factor(&self, (a, vector_a): (Language, &[f32]), (b, vector_b): (Language, &[f32])) -> f32 {
        let certainty = self.certainty(a, b);
        if a == b || certainty == 0.0 {
            return 1.0;
        }
        let spreads = |own, other, vector| Spreads {
            own: self.spread(own, own, vector),
            other: self.spread(own, other, vector),
        };
        factor(spreads(a, b, vector_a), spreads(b, a, vector_b), certainty)
    }

    /// The mean of each group, with a language of that group.
    pub fn means(&self) -> impl Iterator<Item = (Language, &[f32])> {
        let named = |group: &Option<Language>| group.unwrap_or(Language::Prose);
        self.means
            .iter()
            .map(move |(group, mean)| (named(group), mean.as_slice()))
    }

    /// Restores means of `before` that have hardly moved. So scores stay the same while an index grows.
    pub fn steady(mut self, before: &Center) -> Center {
        for (group, known) in &before.means {
            let moved = |mean: &Vec<f32>| {
                let squares = mean.iter().zip(known).map(|(a, b)| (a - b).powi(2));
                squares.sum::<f32>().sqrt()
            };
            if let Some(mean) = self.means.get_mut(group).filter(|mean| moved(mean) < MOVED) {
                mean.clone_from(known);
                let moment = group.and_then(|language| Some((language, before.moments.get(&language)?)));
                self.moments
                    .extend(moment.map(|(language, moment)| (language, Arc::clone(moment))));
            }
        }
        self
    }

    /// Adds the means of `others` for languages that have none here.
    pub fn or(mut self, others: Center) -> Center {
        for (group, mean) in others.means {
            self.means.entry(group).or_insert(mean);
        }
        self.with_moments(others.moments.into_iter())
    }

    /// The calibration of the model.
    pub fn calibration(&self) -> &Arc<Calibration> {
        &self.calibration
    }

    /// The vector that is subtracted from vectors of a language, if any.
    pub fn mean(&self, language: Language) -> Option<&[f32]> {
        let known = self.means.get(&group(language)).map(Vec::as_slice);
        known.or(self.calibration.common())
    }

    /// The dot product of a vector with each mean. It centers rows: ⟨v - m, q⟩ = ⟨v, q⟩ - ⟨m, q⟩.
    pub fn along(&self, query: &[f32]) -> impl Fn(Language) -> f32 + use<> {
        // Called for every row: an array index takes a hundredth of the time of a map.
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

    /// The centering and scoring for a comparison of passages in two languages.
    pub fn between(&self, a: Language, b: Language) -> BetweenLanguages<'_> {
        BetweenLanguages { center: self, a, b }
    }

    /// Subtracts the mean of its language from a vector and normalizes it. A vector equal to the mean becomes zeros.
    pub fn apply(&self, language: Language, vector: &mut [f32]) {
        if let Some(mean) = self.mean(language) {
            vector.iter_mut().zip(mean).for_each(|(x, m)| *x -= m);
        }
        if !normalize(vector) {
            vector.fill(0.0);
        }
    }
}

/// Two languages and the center that knows their means.
#[derive(Debug, Clone, Copy)]
pub struct BetweenLanguages<'a> {
    center: &'a Center,
    a: Language,
    b: Language,
}

impl BetweenLanguages<'_> {
    /// Whether a mean is known for at least one of them.
    pub fn is_known(&self) -> bool {
        self.center.mean(self.a).is_some() || self.center.mean(self.b).is_some()
    }

    /// The means for a comparison.
    pub fn means(&self) -> Means<'_> {
        Means {
            a: self.center.mean(self.a),
            b: self.center.mean(self.b),
            measure: Some(self),
        }
    }
}

impl Measure for BetweenLanguages<'_> {
    fn score(&self, cosine: f32, a: &[f32], b: &[f32]) -> f32 {
        self.center.calibration.likeness().of(cosine) * self.center.factor((self.a, a), (self.b, b))
    }
}

fn group(language: Language) -> Option<Language> {
    language.is_code().then_some(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_over_few_items_is_mostly_the_common_vector_of_the_model() {
        // A model whose vectors all share their first number.
        let snippet = |number: usize| {
            let mut vector = vec![0.0f32; 12];
            (vector[0], vector[1 + number]) = (0.9, 0.19f32.sqrt());
            vector
        };
        let snippets: Vec<Vec<f32>> = (0..11).map(snippet).collect();
        let calibration = Arc::new(Calibration::measure(&snippets, &snippets));
        let common = calibration.common().expect("a crowded space").to_vec();
        let mean_of = |items: usize| {
            let mut sums = Sums::within(calibration.clone());
            (0..items).for_each(|number| sums.add(Language::Go, &snippet(number)));
            sums.center().mean(Language::Go).unwrap().to_vec()
        };
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        // One item says nothing of its language; eleven of twenty say about half.
        assert!(near(&mean_of(1), &common));
        let known = 10.0 / 19.0;
        let plain: Vec<f32> = (0..12)
            .map(|at| snippets.iter().map(|own| own[at]).sum::<f32>() / 11.0)
            .collect();
        let expected: Vec<f32> = plain
            .iter()
            .zip(&common)
            .map(|(m, c)| known * m + (1.0 - known) * c)
            .collect();
        assert!(near(&mean_of(11), &expected), "{:?} {expected:?}", mean_of(11));
    }

    #[test]
    fn each_language_has_a_group_and_prose_of_all_kinds_shares_one() {
        assert_eq!(group(Language::Markdown), group(Language::Prose));
        assert_ne!(group(Language::Rust), group(Language::Python));
    }

    #[test]
    fn counted_means_equal_those_of_the_vectors_and_can_be_restored() {
        // The vectors are far from each other, so each counts.
        let axis = |number: usize| {
            (0..40)
                .map(|at| f32::from(u8::from(at == number)))
                .collect::<Vec<f32>>()
        };
        let vectors: Vec<(Language, Vec<f32>)> = (0..40)
            .flat_map(|number| [(Language::Go, axis(number)), (Language::Markdown, axis(number))])
            .collect();
        let plain = Center::of(
            vectors.iter().map(|(language, vector)| (*language, vector.as_slice())),
            Arc::default(),
        );
        let even = || vec![1.0 / 40.0; 40];
        let counted = [
            (Language::Go, 40, even()),
            (Language::Markdown, 30, even()),
            (Language::Prose, 10, even()),
        ];
        let counted = Center::of_counted(counted.into_iter(), std::iter::empty(), Arc::default());
        let again = Center::from_means(
            counted.means().map(|(language, mean)| (language, mean.to_vec())),
            Arc::default(),
        );
        for language in [Language::Go, Language::Prose] {
            assert_eq!(counted.mean(language).unwrap().len(), 40);
            let both = plain
                .mean(language)
                .unwrap()
                .iter()
                .zip(counted.mean(language).unwrap());
            both.for_each(|(a, b)| assert!((a - b).abs() < 1e-6));
            assert_eq!(again.mean(language), counted.mean(language));
        }
    }

    #[test]
    fn a_vector_equal_to_the_mean_becomes_zeros_and_unknown_languages_are_not_centered() {
        let same = [0.6f32, 0.8];
        let center = Center::of_counted(
            [(Language::Go, 20, same.to_vec())].into_iter(),
            std::iter::empty(),
            Arc::default(),
        );
        let mut vector = same;
        center.apply(Language::Go, &mut vector);
        assert_eq!(vector, [0.0, 0.0]);
        let mut vector = [3.0f32, 4.0];
        center.apply(Language::Rust, &mut vector);
        assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6);
    }

    #[test]
    fn few_items_are_centered_partly_and_twenty_fully() {
        let cosine = |count: usize| {
            let mean = vec![
                1.0,
                if count.is_multiple_of(2) {
                    0.0f32
                } else {
                    0.3 / count as f32
                },
            ];
            let center = Center::of_counted(
                [(Language::Rust, count as u64, mean)].into_iter(),
                std::iter::empty(),
                Arc::default(),
            );
            let (mut a, mut b) = ([1.0, 0.3], [1.0, -0.3]);
            center.apply(Language::Rust, &mut a);
            center.apply(Language::Rust, &mut b);
            dot(&a, &b)
        };
        let raw = (1.0 - 0.09) / 1.09;
        assert!((cosine(1) - raw).abs() < 1e-6);
        let two = cosine(2);
        assert!(
            two < raw && two > 0.7,
            "one part in nineteen of the mean is gone: {two} of {raw}"
        );
        assert!((cosine(20) + 1.0).abs() < 1e-4);
    }

    #[test]
    fn a_factor_needs_both_languages_and_is_one_within_a_language() {
        let along = |count: usize, x: f32| {
            let vectors: Vec<[f32; 2]> = (0..count).map(|i| [x, if i % 2 == 0 { 1.0 } else { -1.0 }]).collect();
            Moment::of(count, 2, |index, into| {
                let [x, y] = vectors[index];
                into.extend([x / x.hypot(y), y / x.hypot(y)]);
            })
        };
        let moments = [(Language::Rust, along(40, 0.1)), (Language::Python, along(40, 3.0))];
        let center = Center::default().with_moments(moments.into_iter().map(|(l, m)| (l, m.unwrap())));
        let (a, b) = ([1.0f32, 0.0], [0.0f32, 1.0]);
        let factor = |one, other| center.factor((one, &a), (other, &a));
        assert_eq!(factor(Language::Rust, Language::Rust), 1.0);
        assert_eq!(factor(Language::Rust, Language::Go), 1.0);
        // The first axis dominates Python and hardly occurs in Rust.
        let usual = center.factor((Language::Rust, &b), (Language::Python, &a));
        let near = center.factor((Language::Rust, &a), (Language::Python, &b));
        assert!(usual > 1.0 && near < 1.0, "{usual} {near}");
        // Of its own language an item is one of the items, which does not count.
        let (own, other) = (along(40, 0.1).unwrap(), along(40, 3.0).unwrap());
        let spread = |language| center.spread(Language::Rust, language, &b);
        assert_eq!(spread(Language::Rust), own.spread(&b, true));
        assert_eq!(spread(Language::Python), other.spread(&b, false));
        assert!((own.spread(&b, true) - own.spread(&b, false)).abs() > 1e-5);
        let between = center.between(Language::Rust, Language::Python);
        assert_eq!(between.score(0.4, &a, &b), 0.4 * near);
    }

    #[test]
    fn a_mean_that_hardly_moves_is_kept() {
        let of = |v: [f32; 2]| {
            Center::of_counted(
                [(Language::Go, 20, v.to_vec())].into_iter(),
                std::iter::empty(),
                Arc::default(),
            )
        };
        let before = of([0.6, 0.8]);
        let near = of([0.62, 0.785]).steady(&before);
        assert_eq!(near.mean(Language::Go), before.mean(Language::Go));
        let far = of([0.8, 0.6]).steady(&before);
        assert_eq!(far.mean(Language::Go), of([0.8, 0.6]).mean(Language::Go));
        assert!(Center::default().steady(&before).mean(Language::Go).is_none());
    }

    #[test]
    fn a_comparison_knows_a_mean_if_one_of_its_languages_has_one() {
        let means = [(Language::Go, 20, vec![0.6f32, 0.8])];
        let center = Center::of_counted(means.into_iter(), std::iter::empty(), Arc::default());
        let known = |a, b| center.between(a, b).is_known();
        assert!(known(Language::Go, Language::Rust) && known(Language::Rust, Language::Go));
        assert!(!known(Language::Rust, Language::Python));
        let between = center.between(Language::Go, Language::Rust);
        let means = between.means();
        assert!(means.a.is_some() && means.b.is_none());
        // Languages whose spread is unknown have the cosine as it is.
        assert_eq!(between.score(0.4, &[1.0, 0.0], &[0.0, 1.0]), 0.4);
    }
}
