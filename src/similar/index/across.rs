//! Makes cosines between items of different languages comparable to those within one language.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::super::moments::{self, MOST, Moment, Spreads};
use super::super::{Center, Rows};
use crate::text::Language;

/// Moments of programming languages that `center` lacks, computed only if there are several languages.
///
/// `items` are the language and the row of each item.
pub(super) fn moments(
    rows: &Rows,
    items: impl Iterator<Item = (Language, usize)>,
    scale: &[f32],
    center: &Center,
) -> Vec<(Language, Arc<Moment>)> {
    let mut own: BTreeMap<Language, Vec<usize>> = BTreeMap::new();
    for (language, row) in items {
        if language.is_code() && scale[row] > 0.0 {
            own.entry(language).or_default().push(row);
        }
    }
    let known: Vec<Language> = center.moments().collect();
    let first = own.keys().next().copied();
    let several = own.keys().chain(&known).any(|language| Some(*language) != first);
    own.retain(|language, _| several && !known.contains(language));
    let moment = |(language, own): (Language, Vec<usize>)| {
        let mean = center.mean(language);
        let vector = |at: usize, into: &mut Vec<f32>| {
            let index = own[at];
            into.extend(rows.row(index));
            if let Some(mean) = mean {
                into.iter_mut().zip(mean).for_each(|(v, m)| *v -= m);
            }
            into.iter_mut().for_each(|v| *v *= scale[index]);
        };
        Some((language, Moment::of(own.len(), rows.width(), vector)?))
    };
    own.into_par_iter().filter_map(moment).collect()
}

/// The spread of each row against each language, computed on first use.
#[derive(Debug, Default)]
pub(super) struct RowSpreads(HashMap<Language, OnceLock<Box<[OnceLock<f32>]>>>);

impl RowSpreads {
    pub(super) fn of(center: &Center) -> RowSpreads {
        RowSpreads(center.moments().map(|language| (language, OnceLock::new())).collect())
    }

    /// The spread of one of `rows` rows against a language, which `found` computes; 1 for a language without a moment.
    pub(super) fn get(&self, language: Language, (row, rows): (usize, usize), found: impl FnOnce() -> f32) -> f32 {
        let Some(known) = self.0.get(&language) else {
            return 1.0;
        };
        let known = known.get_or_init(|| (0..rows).map(|_| OnceLock::new()).collect());
        *known[row].get_or_init(found)
    }
}

/// A vector for comparison with rows of other languages.
pub(super) struct Across {
    language: Language,
    /// For each other language with known statistics: the vector's spreads, and the certainty.
    others: Vec<(Language, Spreads, f32)>,
}

impl Across {
    /// Computes the spreads of a centered unit vector.
    pub(super) fn new(center: &Center, language: Language, vector: &[f32]) -> Across {
        let measured = |other: &Language| *other != language && center.certainty(language, *other) > 0.0;
        let mut others = center.moments().filter(measured).peekable();
        // The vector's spread in its own language is the same for every other language.
        let own = match others.peek() {
            Some(_) => center.spread(language, language, vector),
            None => 1.0,
        };
        let others = others.map(|other| {
            let other_spread = center.spread(language, other, vector);
            let spreads = Spreads {
                own,
                other: other_spread,
            };
            (other, spreads, center.certainty(language, other))
        });
        Across {
            language,
            others: others.collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.others.is_empty()
    }

    fn of(&self, language: Language) -> Option<&(Language, Spreads, f32)> {
        self.others.iter().find(|(other, ..)| *other == language)
    }

    /// The lowest cosine at which a row of a language can reach a score.
    pub(super) fn least(&self, language: Language, score: f32) -> f32 {
        match self.of(language) {
            None => score,
            Some(_) if score > 0.0 => score / MOST,
            Some(_) => f32::NEG_INFINITY,
        }
    }

    /// The factor for the cosine with a row of a language. `spreads` are the row's, against the vector's language.
    pub(super) fn factor(&self, language: Language, spreads: impl FnOnce(Language) -> Spreads) -> f32 {
        match self.of(language) {
            Some((_, own, certainty)) => moments::factor(*own, spreads(self.language), *certainty),
            None => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_of_programming_languages_and_of_rows_that_are_not_their_mean() {
        let mut rows = Rows::new(2);
        [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
            .iter()
            .for_each(|row| rows.push(row));
        let scale = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        let found = |languages: [Language; 6]| {
            let items = languages.into_iter().zip(0..);
            moments(&rows, items, &scale, &Center::default())
        };
        let (rust, go, prose) = (Language::Rust, Language::Go, Language::Prose);
        let both = found([rust, rust, go, go, prose, rust]);
        let languages: Vec<Language> = both.iter().map(|(language, _)| *language).collect();
        assert_eq!(languages.len(), 2);
        assert!(languages.contains(&rust) && languages.contains(&go));
        // The row without a direction does not count: the mean square is that of the first two.
        let (_, moment) = both.iter().find(|(language, _)| *language == rust).unwrap();
        assert!((moment.spread(&[1.0, 0.0], false) - 0.5f32.sqrt()).abs() < 1e-3);
        // One language needs no comparison, and one row says nothing.
        assert!(found([rust; 6]).is_empty());
        assert_eq!(found([rust, rust, go, prose, prose, prose]).len(), 1);
    }

    #[test]
    fn a_vector_has_a_factor_for_each_other_language_with_a_moment() {
        let along = |x: f32| {
            let unit = |y: f32| [x / x.hypot(y), y / x.hypot(y)];
            let moment = Moment::of(40, 2, |index, into| into.extend(unit([1.0, -1.0][index % 2])));
            moment.unwrap()
        };
        let (rust, python, go) = (Language::Rust, Language::Python, Language::Go);
        let one = Moment::of(2, 2, |_, into| into.extend([1.0, 0.0])).unwrap();
        let moments = [(rust, along(0.1)), (python, along(3.0)), (Language::Java, one)];
        let center = Center::default().with_moments(moments.into_iter());
        let (a, b) = ([1.0f32, 0.0], [0.0f32, 1.0]);
        let across = Across::new(&center, rust, &a);
        let others: Vec<Language> = across.others.iter().map(|(other, ..)| *other).collect();
        assert!(others.contains(&python) && !others.contains(&rust) && !others.contains(&go));
        let spreads = |own| Spreads {
            own: center.spread(python, python, &b),
            other: center.spread(python, own, &b),
        };
        let expected = center.factor((rust, &a), (python, &b));
        assert!((across.factor(python, spreads) - expected).abs() < 1e-6 && expected < 1.0);
        assert_eq!(across.factor(go, spreads), 1.0);
        // A cosine may grow by the largest factor before it is compared with a score.
        assert_eq!((across.least(python, 0.6), across.least(go, 0.6)), (0.6 / MOST, 0.6));
        assert_eq!(across.least(python, -0.1), f32::NEG_INFINITY);
        assert!(Across::new(&Center::default(), rust, &a).is_empty());
    }
}
