//! Calibration: maps the vectors of a model to the scale for which thresholds were measured.
//!
//! Thresholds and search weights were measured with all-MiniLM-L6-v2, where two unrelated functions have a cosine of .12. Other models
//! crowd their texts into a cone (Ethayarajh 2019): with multilingual-e5-small this cosine is .83, and a threshold of .6 would accept
//! everything. So each model once reads the same 32 unrelated functions, and a question about each:
//!
//! - Their common vector is subtracted from every vector, in the proportion that leaves unrelated functions as near to each other as in
//!   MiniLM. If the mean of a language is known, that mean replaces it: [`super::Center`] moves from one to the other as it sees more
//!   items.
//! - If anything is subtracted from passages, the common vector of all questions is subtracted from a query in the same way. Otherwise a
//!   few passages near it would answer every query (hubs: Radovanović et al. 2010). With the subtraction, multilingual-e5-small answers 11
//!   of 30 Chinese questions about English code with its first result, instead of 5.
//! - A line maps the remaining cosine: 1 stays 1, and the score that few unrelated pairs exceed (mean plus two standard deviations) becomes
//!   MiniLM's. Centered cosines have one line, cosines between questions and passages have another.
//!
//! For MiniLM itself this is the identity. `benches/similarity/README.md` has measurements.

use super::vector::{dot, normalize};
use crate::text::Language;

/// Unrelated functions in four languages, each with a question. The format is `=== LANGUAGE | QUESTION`, then the function.
const UNRELATED: &str = include_str!("calibration/unrelated.txt");

/// The mean cosine of two unrelated functions in the embedded model. A test recomputes these three constants.
const REFERENCE_NEARNESS: f32 = 0.1155;

/// The cosine that few of these pairs exceed after their mean is subtracted.
const REFERENCE_CENTRED: f32 = 0.1830;

/// The cosine that few pairs of a question and an unrelated function exceed.
const REFERENCE_QUESTION: f32 = 0.1885;

/// Measurement tolerance: a model this close to the reference is not changed.
const TOLERANCE: f32 = 0.01;

/// Standard deviations above the mean of the score that few pairs exceed.
const FEW: f32 = 2.0;

/// The steepest slope. A model that needs a steeper one cannot distinguish texts.
const STEEPEST: f32 = 40.0;

/// A function, and a question that it answers.
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
    // Only at the start of a line: JavaScript has the same sign as an operator.
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

/// Maps a cosine to a score that is comparable between models. It is a line on which 1 stays 1.
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
    /// The line that maps a cosine to the reference.
    pub(super) fn from_to(cosine: f32, reference: f32) -> Scale {
        let slope = (1.0 - reference) / (1.0 - cosine).max(f32::MIN_POSITIVE);
        match slope.is_finite() && (slope - 1.0).abs() > TOLERANCE {
            true => Scale {
                slope: slope.clamp(STEEPEST.recip(), STEEPEST),
            },
            false => Scale::default(),
        }
    }

    /// The slope of the line; 1 for the reference.
    pub fn slope(self) -> f32 {
        self.slope
    }

    /// Added to the product of cosine and slope.
    pub fn offset(self) -> f32 {
        1.0 - self.slope
    }

    /// The score of a cosine, at least -1.
    pub fn of(self, cosine: f32) -> f32 {
        // Returns the cosine of the reference unchanged, without rounding.
        match self.slope == 1.0 {
            true => cosine,
            false => (cosine * self.slope + self.offset()).max(-1.0),
        }
    }
}

/// The corrections for the vectors and cosines of a model; none by default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calibration {
    /// Subtracted from vectors of a language with unknown mean; empty if nothing is.
    common: Vec<f32>,
    /// For centered cosines.
    likeness: Scale,
    /// For cosines between a query and a passage.
    relevance: Scale,
    /// The common vector of all questions; empty if nothing is subtracted.
    questions: Vec<f32>,
    /// For cosines between a query and a passage, both centered.
    centered_relevance: Scale,
}

impl Calibration {
    /// Measures a model by its vectors of [`snippets`] and of their questions. Both are unit vectors in the same order.
    ///
    /// Vectors of different widths, or too few, result in no calibration.
    pub fn measure(passages: &[Vec<f32>], questions: &[Vec<f32>]) -> Calibration {
        let width = passages.first().map_or(0, Vec::len);
        let fits = |vectors: &[Vec<f32>]| vectors.iter().all(|vector| vector.len() == width);
        if passages.len() < 3 || questions.len() != passages.len() || !fits(passages) || !fits(questions) {
            return Calibration::default();
        }
        let mean = mean(passages);
        let centered = subtract_share(passages, &mean, 1.0);
        let common = common_part(passages, &mean);
        let common_question = match common.is_empty() {
            true => Vec::new(),
            false => self::mean(questions),
        };
        let centered_relevance = match common_question.is_empty() {
            true => Scale::default(),
            false => Scale::from_to(
                rarely_exceeded(&subtract_share(questions, &common_question, 1.0), &centered),
                REFERENCE_QUESTION,
            ),
        };
        Calibration {
            centered_relevance,
            questions: common_question,
            common,
            likeness: Scale::from_to(rarely_exceeded(&centered, &centered), REFERENCE_CENTRED),
            relevance: Scale::from_to(rarely_exceeded(questions, passages), REFERENCE_QUESTION),
        }
    }

    /// The common vector of all texts, if it exceeds that of the reference.
    pub fn common(&self) -> Option<&[f32]> {
        (!self.common.is_empty()).then_some(&self.common)
    }

    /// The scale of centered cosines.
    pub fn likeness(&self) -> Scale {
        self.likeness
    }

    /// The scale of cosines between a query and a passage.
    pub fn relevance(&self) -> Scale {
        self.relevance
    }

    /// A centered, normalized query, and the scale of its cosines with centered passages.
    ///
    /// `None` for a model whose queries are compared with uncentered passages.
    pub fn centered_query(&self, query: &[f32]) -> Option<(Vec<f32>, Scale)> {
        if self.questions.is_empty() || self.questions.len() != query.len() {
            return None;
        }
        let own = query.iter().zip(&self.questions).map(|(v, m)| v - m);
        let mut own: Vec<f32> = own.collect();
        normalize(&mut own).then_some((own, self.centered_relevance))
    }
}

/// The part of the mean to subtract so that vectors spread like the reference. Empty if none is needed.
fn common_part(vectors: &[Vec<f32>], mean: &[f32]) -> Vec<f32> {
    let nearness = |share: f32| {
        let left = subtract_share(vectors, mean, share);
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

/// The vectors minus a share of a mean, normalized again.
fn subtract_share(vectors: &[Vec<f32>], mean: &[f32], share: f32) -> Vec<Vec<f32>> {
    let own = |vector: &Vec<f32>| {
        let mut own: Vec<f32> = vector.iter().zip(mean).map(|(v, m)| v - share * m).collect();
        normalize(&mut own);
        own
    };
    vectors.iter().map(own).collect()
}

/// The cosine that few pairs of different snippets exceed.
fn rarely_exceeded(one: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
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

    /// Vectors near one direction: `crowd` times as much of it as of their own.
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
    fn the_snippets_cover_four_languages_and_every_question_differs() {
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

    /// Run this after a change of the model or the snippets: it prints new constants.
    #[test]
    fn the_embedded_model_is_the_reference_and_stays_unchanged() {
        let model = Model::load(&Source::EMBEDDED).unwrap();
        let (passages, questions) = snippet_vectors(&model).unwrap();
        let centered = subtract_share(&passages, &mean(&passages), 1.0);
        let measured = [
            moments(&passages, &passages).0,
            rarely_exceeded(&centered, &centered),
            rarely_exceeded(&questions, &passages),
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
    fn calibration_spreads_a_crowded_space_like_the_reference() {
        let (passages, questions) = (crowded(32, 8.0, 1), crowded(32, 6.0, 2));
        assert!(moments(&passages, &passages).0 > 0.85, "the space is crowded");
        let found = Calibration::measure(&passages, &questions);
        let left = subtract_share(&passages, found.common().unwrap(), 1.0);
        assert!((moments(&left, &left).0 - REFERENCE_NEARNESS).abs() < 1e-3);
        let shown = found.relevance().of(rarely_exceeded(&questions, &passages));
        assert!(
            (shown - REFERENCE_QUESTION).abs() < 1e-3 && found.relevance().slope() > 3.0,
            "{shown}"
        );
        assert_eq!(found.relevance().of(1.0), 1.0);
        let (query, _) = found.centered_query(&questions[0]).unwrap();
        let others: Vec<f32> = questions[1..]
            .iter()
            .map(|other| dot(&query, &found.centered_query(other).unwrap().0))
            .collect();
        assert!((dot(&query, &query) - 1.0).abs() < 1e-5);
        assert!(others.iter().sum::<f32>() / 31.0 < 0.2, "{others:?}");
        assert!(found.centered_query(&questions[0][1..]).is_none());
        assert!(Calibration::default().centered_query(&questions[0]).is_none());
    }

    #[test]
    fn degenerate_or_incomplete_spaces_are_handled() {
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
    fn the_default_scale_changes_no_bit_of_a_score() {
        for cosine in [-1.0f32, -0.123_456_7, 0.0, 0.333_333_3, 0.999_999, 1.0] {
            assert_eq!(Scale::default().of(cosine).to_bits(), cosine.to_bits());
        }
        assert_eq!(Scale { slope: 5.0 }.of(-1.0), -1.0);
    }
}
