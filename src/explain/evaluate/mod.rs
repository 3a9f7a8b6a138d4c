//! Measures how faithful explanations are, by deleting the words that a method ranks first.
//!
//! The change of the embedding, or of a decoder's next token, is the measure. For a unit and a method, words are ordered by their signed
//! scores, the highest first. *Comprehensiveness* (DeYoung et al. 2020) deletes the first 5, 10, 20, 30 and 50 % of them (rounded up): the
//! mean of 1 - cos(e, e'), higher is better. *Sufficiency* keeps only those: lower is better. Special tokens are neither ranked nor deleted
//! ([`Deletions`]). Deletion removes tokens from the sequence, not text.

mod ranker;
mod read;
mod soft;
mod statistics;
mod table;

pub use ranker::{Aim, Ranker};
pub use table::{Agreement, Row, SURVIVES, Table};

use serde::{Deserialize, Serialize};

use self::read::Read;
use super::deletion::Deletions;
use super::{Goal, Method, WordMap};
use crate::model::{Checkpoint, Model, ModelError, Random, Tokens, TraceLevel};
use crate::text::Language;

/// Shares of the words to delete or keep.
pub const BINS: [f32; 5] = [0.05, 0.10, 0.20, 0.30, 0.50];

/// Minimum words of a unit: half of fewer words would be too few to measure.
pub const FEWEST_WORDS: usize = 8;

/// Minimum coverage of a unit that is measured.
const COVERED: f32 = 0.5;

/// Number of random orders of each unit; their mean is the floor.
const ORDERS: u64 = 4;

/// Number of words for the sensitivity test: the words whose deletion moves the embedding least, deleted one at a time.
const EDITS: usize = 3;

/// The models of an evaluation.
#[derive(Clone, Copy)]
pub struct Models<'a> {
    /// The model.
    pub model: &'a Model,
    /// The same as the interpreter runs it, for the methods that need it and for soft erasure.
    pub interpreted: &'a Model,
    /// The same with [scrambled](Model::scrambled) weights, if methods are compared with it.
    pub scrambled: Option<&'a Model>,
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The rankers.
    pub rankers: Vec<Ranker>,
    /// The goal of the explanations.
    pub aim: Aim,
    /// Whether to explain the unit again without each of the few words that matter least; one explanation per word.
    pub sensitivity: bool,
    /// Whether to search for a ceiling: a greedy search that takes about four passes for each word.
    pub ceiling: bool,
    /// The seed of random orders.
    pub seed: u64,
}

/// The measures of a ranker on one unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The ranker's name.
    pub ranker: String,
    /// How far the embedding moves when its first words are deleted, by bin.
    pub deleted: [f32; BINS.len()],
    /// How far it moves when only they remain, by bin.
    pub kept: [f32; BINS.len()],
    /// Kendall's τ-b of its scores with those of leave-one-out.
    pub tau: f32,
    /// Kendall's τ-b of its scores with its scores under scrambled weights, if requested.
    pub scrambled: Option<f32>,
    /// The change by soft erasure that erases more of a row the higher its score is.
    pub soft_comprehensiveness: Option<f32>,
    /// The change by soft erasure that erases more of a row the lower its score is.
    pub soft_sufficiency: Option<f32>,
    /// How far scores move, relative to their length, when an unimportant word is deleted: the maximum over a few words, if requested.
    pub sensitivity: Option<f32>,
    /// Milliseconds for its pass and its scores.
    pub ms: f32,
}

impl Measured {
    /// The mean change over the bins when the words are deleted.
    pub fn comprehensiveness(&self) -> f32 {
        statistics::mean(&self.deleted)
    }

    /// The mean change over the bins when only those words are kept.
    pub fn sufficiency(&self) -> f32 {
        statistics::mean(&self.kept)
    }
}

/// The measures of one unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitMeasures {
    /// Its words.
    pub words: usize,
    /// Its tokens, special ones included.
    pub tokens: usize,
    /// By ranker.
    pub rankers: Vec<Measured>,
    /// The rankers that refused the unit.
    pub refused: Vec<String>,
    /// Kendall's τ-b of two rankers' scores, by name.
    pub agreement: Vec<(String, String, f32)>,
    /// The change that a greedy search reaches by deleting words, by bin.
    pub ceiling: Option<[f32; BINS.len()]>,
}

impl UnitMeasures {
    /// The measures of a ranker.
    pub fn of(&self, ranker: Ranker) -> Option<&Measured> {
        self.rankers.iter().find(|measured| measured.ranker == ranker.name())
    }

    /// Whether it has all requested measures.
    pub fn answers(&self, asked: &Asked, scrambled: bool) -> bool {
        let has = |ranker: &Ranker| {
            let enough = |known: &Measured| {
                let free = *ranker == Ranker::Random;
                (known.scrambled.is_some() || !scrambled || free)
                    && (known.sensitivity.is_some() || !asked.sensitivity || free)
            };
            self.of(*ranker).is_some_and(enough) || self.refused.iter().any(|name| name == ranker.name())
        };
        (self.ceiling.is_some() || !asked.ceiling) && asked.rankers.iter().all(has)
    }
}

impl UnitMeasures {
    /// Only the requested measures, without others of an earlier evaluation.
    pub fn only(&self, asked: &Asked, scrambled: bool) -> UnitMeasures {
        let mut only = self.clone();
        let wanted = |name: &str| asked.rankers.iter().any(|ranker| ranker.name() == name);
        only.rankers.retain(|known| wanted(&known.ranker));
        only.agreement.retain(|(a, b, _)| wanted(a) && wanted(b));
        only.ceiling = only.ceiling.filter(|_| asked.ceiling);
        for known in &mut only.rankers {
            known.scrambled = known.scrambled.filter(|_| scrambled);
            known.sensitivity = known.sensitivity.filter(|_| asked.sensitivity);
        }
        only
    }
}

/// The number of words in a bin.
fn count(share: f32, words: usize) -> usize {
    ((share * words as f32).ceil() as usize).clamp(1, words)
}

/// The tokens of a text that has enough words to be measured.
///
/// # Errors
/// If the tokenizer fails on the text.
pub fn eligible(model: &Model, text: &str, language: Language) -> Result<Option<(Tokens, WordMap)>, ModelError> {
    let tokens = model.tokenize(text, language)?;
    let words = WordMap::new(text, &tokens);
    let enough = words.words.len() >= FEWEST_WORDS && tokens.coverage >= COVERED && tokens.len() <= model.window();
    Ok(enough.then_some((tokens, words)))
}

/// Measures one unit; `None` if it is [too short](eligible).
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
pub fn unit(
    models: Models,
    (text, language): (&str, Language),
    asked: &Asked,
    checkpoint: Checkpoint,
) -> Result<Option<UnitMeasures>, ModelError> {
    let Some((tokens, words)) = eligible(models.model, text, language)? else {
        return Ok(None);
    };
    let mut read = Read {
        text,
        tokens,
        words,
        goal: Goal::Embedding,
    };
    let Some(trace) = read.pass(models.model, TraceLevel::LastHidden, checkpoint)? else {
        return Ok(None);
    };
    read.goal = asked.aim.goal(models.model, &trace)?;
    let embedding = models.model.pool(&trace)?;
    let of_words = read.words.tokens_of_words();
    let deletions = Deletions::of(models.model, &read.subject(&trace, &embedding), &of_words)?;
    let Some((left_out, left_out_ms)) = read.scores(models.model, Method::LeaveOneOut, checkpoint)? else {
        return Ok(None);
    };
    let mut measures = UnitMeasures {
        words: read.words.words.len(),
        tokens: read.tokens.len(),
        ..UnitMeasures::default()
    };
    let seed = asked.seed.wrapping_add(address(text));
    let mut orders: Vec<(Ranker, Vec<f32>, f32)> = Vec::new();
    for ranker in &asked.rankers {
        match ranker {
            Ranker::Method(Method::LeaveOneOut) => orders.push((*ranker, left_out.clone(), left_out_ms)),
            Ranker::Method(method) => match read.scores(models.for_method(*method), *method, checkpoint)? {
                Some((scores, ms)) => orders.push((*ranker, scores, ms)),
                None => measures.refused.push(ranker.name().to_owned()),
            },
            Ranker::Random => orders.extend((0..ORDERS).map(|order| {
                let scores = chance(left_out.len(), seed.wrapping_add(order));
                (*ranker, scores, 0.0)
            })),
        }
    }
    let sets: Vec<Vec<bool>> = orders.iter().flat_map(|(_, scores, _)| deleted_sets(scores)).collect();
    let changes = deletions.changes(&sets, checkpoint)?;
    let all: Vec<&[f32]> = orders.iter().map(|(_, scores, _)| scores.as_slice()).collect();
    let soft = read.soft(models.interpreted, &all, seed, checkpoint)?;
    let measured = orders.iter().zip(changes.chunks_exact(2 * BINS.len())).zip(soft);
    for (((ranker, scores, ms), changes), soft) in measured {
        let (deleted, kept) = changes.split_at(BINS.len());
        let mut measured = Measured {
            ranker: ranker.name().to_owned(),
            deleted: std::array::from_fn(|bin| deleted[bin]),
            kept: std::array::from_fn(|bin| kept[bin]),
            tau: statistics::kendall(scores, &left_out),
            scrambled: None,
            soft_comprehensiveness: soft.map(|soft| soft.comprehensiveness),
            soft_sufficiency: soft.map(|soft| soft.sufficiency),
            sensitivity: None,
            ms: *ms,
        };
        if let Ranker::Method(method) = ranker {
            if let Some(scrambled) = models.scrambled {
                let other = read.scores(scrambled, *method, checkpoint)?;
                measured.scrambled = other.map(|(other, _)| statistics::kendall(scores, &other));
            }
            if asked.sensitivity {
                let model = models.for_method(*method);
                measured.sensitivity = Some(sensitivity(&read, model, (*method, scores), &left_out, checkpoint)?);
            }
        }
        measures.add(measured, ORDERS);
    }
    measures.agreement = agreement(&orders);
    if asked.ceiling {
        measures.ceiling = Some(greedy(&deletions, &left_out, checkpoint)?);
    }
    Ok(Some(measures))
}

/// How far the scores of the other words move, relative to their length, when an unimportant word is deleted. It is the maximum over a few
/// words (max-sensitivity, Yeh et al. 2019, with deletions as edits).
fn sensitivity(
    read: &Read,
    model: &Model,
    (method, scores): (Method, &[f32]),
    left_out: &[f32],
    checkpoint: Checkpoint,
) -> Result<f32, ModelError> {
    let mut least: Vec<usize> = (0..left_out.len()).collect();
    least.sort_by(|a, b| left_out[*a].abs().total_cmp(&left_out[*b].abs()));
    let mut most = 0f32;
    for word in least.into_iter().take(EDITS) {
        let Some((other, _)) = read.without(word).scores(model, method, checkpoint)? else {
            continue;
        };
        let own = scores
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != word)
            .map(|(_, score)| *score);
        most = most.max(relative_move(own, &other));
    }
    Ok(most)
}

/// |other - own| / |own|.
fn relative_move(own: impl Iterator<Item = f32>, other: &[f32]) -> f32 {
    let (moved, length) = own.zip(other).fold((0f64, 0f64), |(moved, length), (own, other)| {
        let (own, other) = (f64::from(own), f64::from(*other));
        (moved + (own - other).powi(2), length + own.powi(2))
    });
    (moved / length.max(f64::MIN_POSITIVE)).sqrt() as f32
}

/// Kendall's τ-b of the scores of each pair of rankers; only the first random order counts.
fn agreement(orders: &[(Ranker, Vec<f32>, f32)]) -> Vec<(String, String, f32)> {
    let mut first: Vec<&(Ranker, Vec<f32>, f32)> = Vec::new();
    for order in orders {
        if !first.iter().any(|known| known.0 == order.0) {
            first.push(order);
        }
    }
    let mut pairs = Vec::new();
    for (number, a) in first.iter().enumerate() {
        for b in &first[number + 1..] {
            let tau = statistics::kendall(&a.1, &b.1);
            pairs.push((a.0.name().to_owned(), b.0.name().to_owned(), tau));
        }
    }
    pairs
}

impl UnitMeasures {
    /// Adds the measures of a ranker; random orders are averaged.
    fn add(&mut self, measured: Measured, orders: u64) {
        if measured.ranker != Ranker::Random.name() {
            self.rankers.push(measured);
            return;
        }
        let part = 1.0 / orders as f32;
        let known = self.rankers.iter().position(|known| known.ranker == measured.ranker);
        let index = known.unwrap_or_else(|| {
            self.rankers.push(Measured {
                deleted: [0.0; BINS.len()],
                kept: [0.0; BINS.len()],
                tau: 0.0,
                ..measured.clone()
            });
            self.rankers.len() - 1
        });
        let mean = &mut self.rankers[index];
        for bin in 0..BINS.len() {
            mean.deleted[bin] += part * measured.deleted[bin];
            mean.kept[bin] += part * measured.kept[bin];
        }
        mean.tau += part * measured.tau;
    }
}

impl<'a> Models<'a> {
    fn for_method(&self, method: Method) -> &'a Model {
        match method.interpreted() {
            true => self.interpreted,
            false => self.model,
        }
    }
}

/// Words by their scores, the highest first; ties go to the earlier word.
fn order(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    order
}

/// For each bin, a set with the first words; then for each bin, a set with all others.
fn deleted_sets(scores: &[f32]) -> Vec<Vec<bool>> {
    let order = order(scores);
    let first = |share: &f32| {
        let mut set = vec![false; order.len()];
        order[..count(*share, order.len())]
            .iter()
            .for_each(|word| set[*word] = true);
        set
    };
    let first: Vec<Vec<bool>> = BINS.iter().map(first).collect();
    let rest: Vec<Vec<bool>> = first
        .iter()
        .map(|set| set.iter().map(|deleted| !deleted).collect())
        .collect();
    first.into_iter().chain(rest).collect()
}

/// Scores that put words into a random order.
fn chance(words: usize, seed: u64) -> Vec<f32> {
    let mut scores: Vec<f32> = (0..words).map(|word| word as f32).collect();
    Random::new(seed).shuffle(&mut scores);
    scores
}

/// A hash of a text, the same on every machine (FNV-1a).
fn address(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Runs a greedy search. For each bin it deletes the words whose absence, together with those already deleted, moves the embedding
/// furthest.
fn greedy(deletions: &Deletions, left_out: &[f32], checkpoint: Checkpoint) -> Result<[f32; BINS.len()], ModelError> {
    let mut deleted = vec![false; left_out.len()];
    let mut turns = [0f32; BINS.len()];
    for (bin, share) in BINS.iter().enumerate() {
        let gone = deleted.iter().filter(|deleted| **deleted).count();
        let more = count(*share, deleted.len()) - gone;
        if more > 0 {
            let left: Vec<usize> = (0..deleted.len()).filter(|word| !deleted[*word]).collect();
            let with = |word: &usize| {
                let mut set = deleted.clone();
                set[*word] = true;
                set
            };
            let changes = match gone {
                0 => left_out.to_vec(),
                _ => deletions.changes(&left.iter().map(with).collect::<Vec<_>>(), checkpoint)?,
            };
            order(&changes)[..more]
                .iter()
                .for_each(|place| deleted[left[*place]] = true);
        }
        turns[bin] = deletions.changes(std::slice::from_ref(&deleted), checkpoint)?[0];
    }
    Ok(turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rankers_agree_as_far_as_their_orders_do_and_of_random_orders_the_first_counts() {
        let orders = [
            (Ranker::Method(Method::Decomposition), vec![3.0, 2.0, 1.0], 0.0),
            (Ranker::Random, vec![1.0, 2.0, 3.0], 0.0),
            (Ranker::Random, vec![3.0, 2.0, 1.0], 0.0),
            (Ranker::Method(Method::Alti), vec![2.0, 3.0, 1.0], 0.0),
        ];
        let pair = |a: &str, b: &str, tau: f32| (a.to_owned(), b.to_owned(), tau);
        assert_eq!(
            agreement(&orders),
            [
                pair("decomposition", "random", -1.0),
                pair("decomposition", "alti", 1.0 / 3.0),
                pair("random", "alti", -1.0 / 3.0)
            ]
        );
    }

    fn measured(ranker: Ranker, change: f32) -> Measured {
        Measured {
            ranker: ranker.name().to_owned(),
            deleted: [change; BINS.len()],
            kept: [change / 2.0; BINS.len()],
            tau: -change,
            scrambled: None,
            soft_comprehensiveness: None,
            soft_sufficiency: None,
            sensitivity: None,
            ms: 1.0,
        }
    }

    #[test]
    fn scores_move_by_the_length_of_their_change_relative_to_their_own() {
        let moved = |own: &[f32], other: &[f32]| relative_move(own.iter().copied(), other);
        assert_eq!(moved(&[3.0, 4.0], &[3.0, 4.0]), 0.0);
        assert_eq!(moved(&[3.0, 4.0], &[6.0, 8.0]), 1.0);
        assert_eq!(moved(&[3.0, 4.0], &[0.0, 8.0]), 1.0);
        assert_eq!(moved(&[0.6, 0.8], &[0.6, 0.3]), 0.5);
    }

    #[test]
    fn kept_measures_answer_a_question_that_asks_for_no_more() {
        let (alti, random) = (Ranker::Method(Method::Alti), Ranker::Random);
        let asked = |rankers: &[Ranker], sensitivity: bool, ceiling: bool| Asked {
            rankers: rankers.to_vec(),
            aim: Aim::Embedding,
            sensitivity,
            ceiling,
            seed: 1,
        };
        let mut unit = UnitMeasures {
            rankers: vec![measured(alti, 0.5), measured(random, 0.1)],
            refused: vec!["shap".to_owned()],
            ..UnitMeasures::default()
        };
        assert!(unit.answers(&asked(&[alti, random], false, false), false));
        assert!(unit.answers(&asked(&[Ranker::Method(Method::Shap)], true, false), true));
        assert!(!unit.answers(&asked(&[Ranker::Method(Method::Lime)], false, false), false));
        // A random order has neither of the two.
        assert!(unit.answers(&asked(&[random], true, false), true));
        assert!(!unit.answers(&asked(&[alti], true, false), false));
        assert!(!unit.answers(&asked(&[alti], false, false), true));
        assert!(!unit.answers(&asked(&[alti], false, true), false));
        unit.rankers[0].sensitivity = Some(0.1);
        assert!(unit.answers(&asked(&[alti], true, false), false));
        assert!(!unit.answers(&asked(&[alti], true, false), true));
        unit.rankers[0].scrambled = Some(0.1);
        unit.ceiling = Some([0.5; BINS.len()]);
        assert!(unit.answers(&asked(&[alti], true, true), true));
    }

    #[test]
    fn random_orders_are_averaged_and_other_rankers_are_kept() {
        let mut unit = UnitMeasures {
            words: 9,
            tokens: 11,
            ..UnitMeasures::default()
        };
        for change in [0.25, 0.75] {
            unit.add(measured(Ranker::Random, change), 2);
            unit.add(measured(Ranker::Method(Method::Alti), change), 2);
        }
        let told: Vec<(&str, f32, f32, f32)> = unit
            .rankers
            .iter()
            .map(|one| (&*one.ranker, one.deleted[4], one.kept[0], one.tau))
            .collect();
        assert_eq!(
            told,
            [
                ("random", 0.5, 0.25, -0.5),
                ("alti", 0.25, 0.125, -0.25),
                ("alti", 0.75, 0.375, -0.75)
            ]
        );
    }

    #[test]
    fn the_hash_of_a_text_is_fnv_1a() {
        assert_eq!(address(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(address("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(address("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn bins_take_the_highest_scores_first_and_round_up() {
        let scores: Vec<f32> = vec![0.1, 0.9, -2.0, 0.3, 0.2, 0.0, 0.0, 0.0, 0.0, 0.05];
        let sets = deleted_sets(&scores);
        assert_eq!(sets.len(), 10);
        let of = |set: &Vec<bool>| {
            set.iter()
                .enumerate()
                .filter(|(_, d)| **d)
                .map(|(i, _)| i)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&sets[0]), [1]);
        assert_eq!(of(&sets[2]), [1, 3]);
        // Half of ten words; a negative score ranks last, and ties go to the earlier word.
        assert_eq!(of(&sets[4]), [0, 1, 3, 4, 9]);
        assert_eq!(of(&sets[9]), [2, 5, 6, 7, 8]);
    }

    #[test]
    fn every_ranker_is_found_by_its_name() {
        for ranker in Ranker::all() {
            assert_eq!(Ranker::from_name(ranker.name()), Some(ranker));
        }
        assert_eq!(Ranker::from_name("chance"), None);
    }
}
