//! The space of a model, brought to the scale that the thresholds are of.
//!
//! Thresholds and the weights of a search were measured with all-MiniLM-L6-v2, where the cosine of two unrelated functions is .12. Other
//! models crowd their texts into a cone (Ethayarajh 2019): with multilingual-e5-small it is .83, and a threshold of .6 would hold for
//! everything. So each model reads the same 32 functions that have nothing to do with each other, and a question about each, once:
//!
//! - What they all have in common is taken away from every vector in the measure that leaves unrelated functions as near to each other
//!   as MiniLM leaves them. Where the mean of a language is known, that mean takes its place: [`super::Center`] goes from one to the
//!   other as it sees more items.
//! - What all questions have in common is taken away from a query in the same way, if anything is taken away from passages. Otherwise a few
//!   passages near that common part would answer every query (hubs: Radovanović et al. 2010). On 30 Chinese questions about English code,
//!   multilingual-e5-small then answers 11 with its first result instead of 5.
//! - What is left of a cosine is mapped by a line on which 1 stays 1 and the score that few unrelated pairs exceed (mean and two
//!   standard deviations) becomes MiniLM's: one line for centered cosines, another for those of questions and passages.
//!
//! For MiniLM itself this is the identity. How well it does: `benches/similarity/README.md`.

use super::vector::{dot, normalize};
use crate::text::Language;

/// Functions without relation, in four languages, each with a question that it answers: `=== LANGUAGE | QUESTION`, then the function.
const UNRELATED: &str = include_str!("calibration/unrelated.txt");

/// The mean cosine of two unrelated functions, as the embedded model reads them. A test measures these three again.
const REFERENCE_NEARNESS: f32 = 0.1155;

/// The cosine that few of these pairs exceed once their mean is taken away.
const REFERENCE_CENTRED: f32 = 0.1830;

/// The cosine that few pairs of a question and a function of another question exceed.
const REFERENCE_QUESTION: f32 = 0.1885;

/// What the measure cannot tell from the reference: a model that is this near is left as it is.
const TOLERANCE: f32 = 0.01;

/// How many standard deviations above the mean the score lies that few pairs exceed.
const FEW: f32 = 2.0;

/// The steepest line. A model that needs a steeper one tells no texts apart.
const STEEPEST: f32 = 40.0;

/// A function, and what somebody would ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// Its language.
    pub language: Language,
    /// The question.
    pub question: &'static str,
    /// The source of the function.
    pub code: &'static str,
}

/// The functions that every model reads, in order.
pub fn snippets() -> Vec<Snippet> {
    // At the beginning of a line alone: JavaScript compares with the same sign.
    let parts = UNRELATED.trim_start_matches("=== ").split("\n=== ");
    let snippet = |part: &'static str| {
        let (head, code) = part.split_once('\n')?;
        let (language, question) = head.split_once(" | ")?;
        Some(Snippet {
            language: Language::from_id(language),
            question,
            code,
        })
    };
    parts.filter_map(snippet).collect()
}

/// How a cosine becomes a score that means the same with every model: a line on which 1 stays 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    slope: f32,
}

impl Default for Scale {
    fn default() -> Scale {
        Scale { slope: 1.0 }
    }
}

impl Scale {
    /// The line that takes a cosine to another.
    fn from_to(cosine: f32, reference: f32) -> Scale {
        let slope = (1.0 - reference) / (1.0 - cosine).max(f32::MIN_POSITIVE);
        match slope.is_finite() && (slope - 1.0).abs() > TOLERANCE {
            true => Scale {
                slope: slope.clamp(STEEPEST.recip(), STEEPEST),
            },
            false => Scale::default(),
        }
    }

    /// How fast the score falls with the cosine; 1 for the reference.
    pub fn slope(self) -> f32 {
        self.slope
    }

    /// What is added to a cosine times the slope.
    pub fn offset(self) -> f32 {
        1.0 - self.slope
    }

    /// The score of a cosine, at least -1.
    pub fn of(self, cosine: f32) -> f32 {
        // Exactly the cosine for the reference, whatever rounding does.
        match self.slope == 1.0 {
            true => cosine,
            false => (cosine * self.slope + self.offset()).max(-1.0),
        }
    }
}

/// What is done to the vectors and cosines of a model; by default nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calibration {
    /// What is taken away from a vector of a language whose mean is not known; empty for nothing.
    common: Vec<f32>,
    /// Of centered cosines.
    likeness: Scale,
    /// Of cosines of a query and a passage.
    relevance: Scale,
    /// What all questions have in common; empty for nothing.
    questions: Vec<f32>,
    /// Of cosines of a query and a passage, each without what all of its kind have in common.
    centered_relevance: Scale,
}

impl Calibration {
    /// Measures a model by the vectors, of unit length, that it makes of [`snippets`] and of their questions, each as many and in their
    /// order. Vectors of different widths, or too few, calibrate nothing.
    pub fn measure(passages: &[Vec<f32>], questions: &[Vec<f32>]) -> Calibration {
        let width = passages.first().map_or(0, Vec::len);
        let fits = |vectors: &[Vec<f32>]| vectors.iter().all(|vector| vector.len() == width);
        if passages.len() < 3 || questions.len() != passages.len() || !fits(passages) || !fits(questions) {
            return Calibration::default();
        }
        let mean = mean(passages);
        let centered = without(passages, &mean, 1.0);
        let common = common(passages, &mean);
        let asked = match common.is_empty() {
            true => Vec::new(),
            false => self::mean(questions),
        };
        let centered_relevance = match asked.is_empty() {
            true => Scale::default(),
            false => Scale::from_to(few(&without(questions, &asked, 1.0), &centered), REFERENCE_QUESTION),
        };
        Calibration {
            centered_relevance,
            questions: asked,
            common,
            likeness: Scale::from_to(few(&centered, &centered), REFERENCE_CENTRED),
            relevance: Scale::from_to(few(questions, passages), REFERENCE_QUESTION),
        }
    }

    /// What all texts have in common beyond what they have with the reference, if anything.
    pub fn common(&self) -> Option<&[f32]> {
        (!self.common.is_empty()).then_some(&self.common)
    }

    /// The scale of centered cosines.
    pub fn likeness(&self) -> Scale {
        self.likeness
    }

    /// The scale of cosines of a query and a passage.
    pub fn relevance(&self) -> Scale {
        self.relevance
    }

    /// A query without what all questions have in common, of unit length, and the scale of its cosines with centered passages; `None` for a
    /// model whose queries are compared with passages as they are.
    pub fn centered_query(&self, query: &[f32]) -> Option<(Vec<f32>, Scale)> {
        if self.questions.is_empty() || self.questions.len() != query.len() {
            return None;
        }
        let own = query.iter().zip(&self.questions).map(|(v, m)| v - m);
        let mut own: Vec<f32> = own.collect();
        normalize(&mut own).then_some((own, self.centered_relevance))
    }
}

/// The part of the mean whose removal leaves the vectors as near to each other as the reference; nothing where they are.
fn common(vectors: &[Vec<f32>], mean: &[f32]) -> Vec<f32> {
    let nearness = |share: f32| {
        let left = without(vectors, mean, share);
        moments(&left, &left).0
    };
    if nearness(0.0) <= REFERENCE_NEARNESS + TOLERANCE {
        return Vec::new();
    }
    let (mut least, mut most) = (0f32, 1f32);
    for _ in 0..24 {
        let middle = (least + most) / 2.0;
        match nearness(middle) > REFERENCE_NEARNESS {
            true => least = middle,
            false => most = middle,
        }
    }
    mean.iter().map(|m| m * most).collect()
}

fn mean(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = vec![0f32; vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(s, v)| *s += v);
    }
    let count = vectors.len().max(1) as f32;
    sum.into_iter().map(|s| s / count).collect()
}

/// The vectors without a share of a mean, of unit length again.
fn without(vectors: &[Vec<f32>], mean: &[f32], share: f32) -> Vec<Vec<f32>> {
    let own = |vector: &Vec<f32>| {
        let mut own: Vec<f32> = vector.iter().zip(mean).map(|(v, m)| v - share * m).collect();
        normalize(&mut own);
        own
    };
    vectors.iter().map(own).collect()
}

/// The cosine that few pairs of different snippets exceed.
fn few(one: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
    let (mean, deviation) = moments(one, other);
    mean + FEW * deviation
}

/// Mean and standard deviation of the cosines of all pairs of different snippets.
fn moments(one: &[Vec<f32>], other: &[Vec<f32>]) -> (f32, f32) {
    let (mut sum, mut squares, mut count) = (0f64, 0f64, 0f64);
    for (i, a) in one.iter().enumerate() {
        for (_, b) in other.iter().enumerate().filter(|(j, _)| *j != i) {
            let cosine = f64::from(dot(a, b));
            sum += cosine;
            squares += cosine * cosine;
            count += 1.0;
        }
    }
    let mean = sum / f64::max(count, 1.0);
    let variance = (squares / f64::max(count, 1.0) - mean * mean).max(0.0);
    (mean as f32, variance.sqrt() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, Source};
    use crate::similar::index::snippet_vectors;

    /// Vectors that all lie near one direction: `crowd` times as much of it as of their own.
    fn crowded(count: usize, crowd: f32, seed: u64) -> Vec<Vec<f32>> {
        let mut state = seed;
        let mut noise = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1u64 << 24) as f32) - 0.5
        };
        let vector = |_| {
            let mut vector: Vec<f32> = (0..96).map(|_| noise()).collect();
            vector[0] += crowd;
            normalize(&mut vector);
            vector
        };
        (0..count).map(vector).collect()
    }

    #[test]
    fn the_snippets_are_of_four_languages_and_no_question_is_asked_twice() {
        let all = snippets();
        assert_eq!(all.len(), 32);
        let mut questions: Vec<&str> = all.iter().map(|snippet| snippet.question).collect();
        questions.sort_unstable();
        questions.dedup();
        assert_eq!(questions.len(), 32);
        assert!(all.iter().any(|snippet| snippet.code.contains("sum % 10 === 0;")));
        for language in [Language::Python, Language::Rust, Language::JavaScript, Language::Go] {
            assert_eq!(all.iter().filter(|snippet| snippet.language == language).count(), 8);
        }
    }

    /// To be run after a change of the embedded model or of the snippets: it tells the new constants.
    #[test]
    fn the_reference_is_what_the_embedded_model_measures_so_that_nothing_is_done_to_it() {
        let model = Model::load(&Source::EMBEDDED).unwrap();
        let (passages, questions) = snippet_vectors(&model).unwrap();
        let centered = without(&passages, &mean(&passages), 1.0);
        let measured = [
            moments(&passages, &passages).0,
            few(&centered, &centered),
            few(&questions, &passages),
        ];
        for (measured, reference) in measured
            .iter()
            .zip([REFERENCE_NEARNESS, REFERENCE_CENTRED, REFERENCE_QUESTION])
        {
            assert!((measured - reference).abs() < 2e-3, "{measured} instead of {reference}");
        }
        assert_eq!(Calibration::measure(&passages, &questions), Calibration::default());
    }

    #[test]
    fn unrelated_vectors_of_a_crowded_space_become_as_far_apart_as_those_of_the_reference() {
        let (passages, questions) = (crowded(32, 8.0, 1), crowded(32, 6.0, 2));
        assert!(moments(&passages, &passages).0 > 0.85, "the space is crowded");
        let found = Calibration::measure(&passages, &questions);
        let left = without(&passages, found.common().unwrap(), 1.0);
        assert!((moments(&left, &left).0 - REFERENCE_NEARNESS).abs() < 1e-3);
        let shown = found.relevance().of(few(&questions, &passages));
        assert!(
            (shown - REFERENCE_QUESTION).abs() < 1e-3 && found.relevance().slope() > 3.0,
            "{shown}"
        );
        assert_eq!(found.relevance().of(1.0), 1.0);
    }

    #[test]
    fn a_space_that_tells_nothing_apart_or_is_not_whole_does_no_harm() {
        let same = vec![vec![0.6f32, 0.8]; 32];
        let found = Calibration::measure(&same, &same);
        assert!(found.relevance().slope() <= STEEPEST && found.relevance().of(1.0) == 1.0);
        assert!(
            found
                .common()
                .is_some_and(|common| common.iter().all(|v| v.is_finite()))
        );
        let none = Calibration::default();
        assert_eq!(Calibration::measure(&[], &[]), none);
        assert_eq!(Calibration::measure(&same[..2], &same[..2]), none);
        assert_eq!(Calibration::measure(&same, &vec![vec![1.0]; 32]), none);
    }

    #[test]
    fn no_scale_changes_a_score_of_the_reference_by_a_bit() {
        for cosine in [-1.0f32, -0.123_456_7, 0.0, 0.333_333_3, 0.999_999, 1.0] {
            assert_eq!(Scale::default().of(cosine).to_bits(), cosine.to_bits());
        }
        assert_eq!(Scale { slope: 5.0 }.of(-1.0), -1.0);
    }
}
