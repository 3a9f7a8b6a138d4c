//! Tests an explanation: deleting its marked words against deleting as many random words.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::deletion::Deletions;
use super::evaluate::BINS;
use super::{Method, Subject, WordMap};
use crate::model::{Checkpoint, Model, ModelError, Packed, Random, TraceLevel};
use crate::text::Language;

/// Number of words to delete, if the text has enough.
const MARKED: usize = 5;

/// Minimum words of a text that is judged.
const FEWEST: usize = 4;

/// Random sets that the marked words are compared with.
const SETS: usize = 40;

/// Random sets in one batch. At least one batch runs.
const LOT: usize = 10;

/// A text of more words has a curve by numbers of words: a share of them would touch every part of it, which takes many passes.
const LONG: usize = 1000;

/// The points of that curve.
const STEPS: [usize; 6] = [1, 2, 5, 10, 20, 40];

/// No further batch starts after this time.
const PATIENCE: Duration = Duration::from_millis(1200);

/// The largest ratio that is told: random words may change next to nothing.
const MOST: f32 = 100.0;

/// What was explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judged {
    /// The embedding of a unit. The change is 1 - cosine.
    Embedding,
    /// The similarity of two passages. The change is its fall without words of one passage, as the mean of both.
    Similarity,
    /// How well a sentence answers a question. The change is the fall of its similarity to the question, or of the logits of its span.
    Answer,
}

/// The result of deleting words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// What was explained.
    pub target: Judged,
    /// The method's name.
    pub method: String,
    /// How many words were deleted, in a comparison from the longer passage.
    pub deleted: usize,
    /// How many words the text has, or both passages of a comparison.
    pub words: usize,
    /// What changes without the words of the highest scores.
    pub marked: f32,
    /// What changes without as many random words: the mean over random sets.
    pub random: f32,
    /// The share of random sets that change less than the marked words do.
    pub beats: f32,
    /// How many random sets there were.
    pub sets: usize,
    /// `marked` over `random`, at most 100.
    pub ratio: f32,
    /// The judgment.
    pub verdict: Verdict,
    /// The judgment in a sentence, with its numbers.
    pub sentence: String,
    /// The change after deleting the highest-scored words: (number of words, change).
    pub curve: Vec<(usize, f32)>,
    /// Milliseconds that it took.
    pub ms: f32,
}

/// The verdict on an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The marked words matter clearly more than random ones.
    Holds,
    /// They matter somewhat more, but not more than most random sets.
    Weak,
    /// They matter no more than random words.
    Fails,
    /// The text has too few words.
    TooShort,
}

/// Share of random sets that a trusted explanation must beat.
const CLEAR: f32 = 0.95;

/// Judges the scores of a text's words.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
pub fn trust(
    model: &Model,
    (text, language): (&str, Language),
    (method, scores): (Method, &[f32]),
    checkpoint: Checkpoint,
) -> Result<Trust, ModelError> {
    let start = Instant::now();
    let tokens = model.tokenize(text, language)?;
    let map = WordMap::new(text, &tokens);
    let scores = &scores[..map.words.len().min(scores.len())];
    let embedding = match scores.len() >= FEWEST {
        true => {
            let batch = Packed::new([tokens.ids.as_slice()]);
            let traces = model.encoder().forward(&batch, TraceLevel::LastHidden, checkpoint)?;
            traces.first().map_or(Ok(Vec::new()), |trace| model.pool(trace))?
        }
        false => Vec::new(),
    };
    let deletions = Deletions::new(model, &tokens.ids, &map.tokens_of_words(), &embedding);
    let changes = &mut |sets: &[Vec<bool>]| deletions.changes(sets, checkpoint);
    judge((Judged::Embedding, method), &[scores], start, changes)
}

/// Judges the scores of the words of a subject that explain an output of a head which answers.
///
/// # Errors
/// Those of [`trust`], and of [`Deletions::of`].
pub fn trust_in_output(
    model: &Model,
    subject: &Subject,
    (method, scores): (Method, &[f32]),
    checkpoint: Checkpoint,
) -> Result<Trust, ModelError> {
    let start = Instant::now();
    let deletions = Deletions::of(model, subject, &subject.words.tokens_of_words())?;
    let changes = &mut |sets: &[Vec<bool>]| deletions.changes(sets, checkpoint);
    judge((Judged::Answer, method), &[scores], start, changes)
}

/// Measures what each set of deleted words changes; a set has a flag for each word, those of the second side after those of the first.
pub(super) type Changes<'a> = &'a mut dyn FnMut(&[Vec<bool>]) -> Result<Vec<f32>, ModelError>;

/// Judges the scores of the words of one text, or of each of two.
///
/// # Errors
/// Those of `changes`.
pub(super) fn judge(
    (target, method): (Judged, Method),
    sides: &[&[f32]],
    start: Instant,
    changes: Changes,
) -> Result<Trust, ModelError> {
    let counts: Vec<usize> = sides.iter().map(|side| MARKED.min(side.len() / 2)).collect();
    let mut found = Trust {
        target,
        method: method.name().to_owned(),
        deleted: counts.iter().copied().max().unwrap_or_default(),
        words: sides.iter().map(|side| side.len()).sum(),
        marked: 0.0,
        random: 0.0,
        beats: 0.0,
        sets: 0,
        ratio: 0.0,
        verdict: Verdict::TooShort,
        sentence: String::new(),
        curve: Vec::new(),
        ms: 0.0,
    };
    if found.words >= FEWEST {
        found.measure(sides, &counts, start, changes)?;
    }
    found.sentence = found.told(&counts);
    found.ms = start.elapsed().as_secs_f32() * 1e3;
    Ok(found)
}

impl Trust {
    fn measure(
        &mut self,
        sides: &[&[f32]],
        deleted: &[usize],
        start: Instant,
        changes: Changes,
    ) -> Result<(), ModelError> {
        // The words of each side, by their places among the words of all.
        let mut first = 0;
        let mut orders: Vec<Vec<usize>> = Vec::with_capacity(sides.len());
        for scores in sides {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            orders.push(order.into_iter().map(|word| first + word).collect());
            first += scores.len();
        }
        let words = self.words;
        let set = |orders: &[Vec<usize>], counts: &[usize]| {
            let mut set = vec![false; words];
            let taken = orders.iter().zip(counts).flat_map(|(order, count)| &order[..*count]);
            taken.for_each(|word| set[*word] = true);
            set
        };
        let share = |share: f32| -> Vec<usize> {
            sides
                .iter()
                .map(|side| (share * side.len() as f32).ceil() as usize)
                .collect()
        };
        let step = |count: usize| -> Vec<usize> { sides.iter().map(|side| count.min(side.len())).collect() };
        let mut counts: Vec<Vec<usize>> = match words > LONG {
            true => STEPS.map(step).to_vec(),
            false => BINS.map(share).to_vec(),
        };
        counts.push(deleted.to_vec());
        counts.sort_unstable_by_key(|counts| counts.iter().sum::<usize>());
        counts.dedup();
        let sets: Vec<Vec<bool>> = counts.iter().map(|counts| set(&orders, counts)).collect();
        let turns = changes(&sets)?;
        let own = counts.iter().zip(&turns).find(|(counts, _)| **counts == deleted);
        self.marked = own.map_or(0.0, |(_, turn)| *turn);
        let most = |counts: &Vec<usize>| counts.iter().copied().max().unwrap_or_default();
        self.curve = counts.iter().map(most).zip(turns).collect();

        // The seed depends only on the text, so that repeated requests give the same verdict.
        let mut random = Random::new(self.words as u64);
        orders.iter_mut().for_each(|order| order.sort_unstable());
        let mut turns = Vec::with_capacity(SETS);
        while turns.len() < SETS && (turns.is_empty() || start.elapsed() < PATIENCE) {
            let lot: Vec<Vec<bool>> = (0..LOT)
                .map(|_| {
                    orders.iter_mut().for_each(|order| random.shuffle(order));
                    set(&orders, deleted)
                })
                .collect();
            turns.extend(changes(&lot)?);
        }
        self.sets = turns.len();
        self.random = turns.iter().sum::<f32>() / turns.len() as f32;
        self.beats = turns.iter().filter(|turn| **turn < self.marked).count() as f32 / turns.len() as f32;
        self.ratio = (self.marked / self.random.max(1e-6)).clamp(-MOST, MOST);
        self.verdict = match (self.beats >= CLEAR && self.marked > 0.0, self.ratio > 1.0) {
            (true, _) => Verdict::Holds,
            (false, true) => Verdict::Weak,
            (false, false) => Verdict::Fails,
        };
        Ok(())
    }

    /// The judgment in a sentence; `counts` are the deleted words of each passage.
    fn told(&self, counts: &[usize]) -> String {
        let Trust { words, ratio, .. } = self;
        let count = number(self.deleted);
        let (marked, marks, random, (changes, change)) = match (self.target, counts) {
            (Judged::Embedding, _) => (
                format!("the {count} most telling words"),
                "marks",
                format!("{count} random ones"),
                ("changes the embedding", "change the embedding"),
            ),
            (Judged::Similarity, [a, b]) if a != b => (
                "the words that count most from one side".to_owned(),
                "words",
                "as many random ones".to_owned(),
                ("lowers the similarity", "lower the similarity"),
            ),
            (Judged::Similarity, _) => (
                format!("the {count} words that count most from one side"),
                "words",
                format!("{count} random ones"),
                ("lowers the similarity", "lower the similarity"),
            ),
            (Judged::Answer, _) => (
                format!("the {count} words that count most"),
                "words",
                format!("{count} random ones"),
                ("lowers the answer's score", "lower the answer's score"),
            ),
        };
        let times = match *ratio >= MOST {
            true => format!("over {MOST:.0} times"),
            false => format!("{ratio:.1} times"),
        };
        let removing = format!("Removing {marked} {changes} {times} as much as removing {random}");
        let beaten = (self.beats * self.sets as f32).round() as usize;
        match self.verdict {
            Verdict::TooShort => {
                let noun = if *words == 1 { "word" } else { "words" };
                format!("A text of {words} {noun} is too short to judge; ask about a longer one.")
            }
            Verdict::Holds => format!("{removing}."),
            Verdict::Weak => format!(
                "{removing}, but only more than {beaten} of {} random choices do: take the {marks} as a hint.",
                self.sets
            ),
            Verdict::Fails if self.marked <= 0.0 => {
                format!("Removing {marked} does not {change} at all: do not rely on the {marks} here.")
            }
            Verdict::Fails => format!(
                "Removing {marked} {changes} no more than removing {random} ({times} as much): do not rely on the {marks} here."
            ),
        }
    }
}

/// A small number as a word.
fn number(count: usize) -> String {
    match count {
        2 => "two".to_owned(),
        3 => "three".to_owned(),
        4 => "four".to_owned(),
        5 => "five".to_owned(),
        _ => count.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges scores of words, of which each changes the result by its weight.
    fn judged(target: Judged, sides: &[&[f32]], weights: &[f32], start: Instant) -> Trust {
        let changes = &mut |sets: &[Vec<bool>]| {
            let change = |set: &Vec<bool>| {
                let gone = set.iter().zip(weights).filter(|(gone, _)| **gone);
                gone.map(|(_, weight)| weight).sum::<f32>()
            };
            Ok(sets.iter().map(change).collect())
        };
        judge((target, Method::Decomposition), sides, start, changes).unwrap()
    }

    fn unit(scores: &[f32], weights: &[f32]) -> Trust {
        judged(Judged::Embedding, &[scores], weights, Instant::now())
    }

    /// `count` scores that fall from 1.
    fn falling(count: usize) -> Vec<f32> {
        (0..count).map(|word| 1.0 - word as f32 / count as f32).collect()
    }

    fn near(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-4
    }

    #[test]
    fn scores_that_say_how_much_each_word_changes_hold() {
        let scores = falling(20);
        let trust = unit(&scores, &scores);
        assert_eq!((trust.deleted, trust.words, trust.sets), (5, 20, SETS));
        // 1 + .95 + .9 + .85 + .8, beside five times the mean of .525.
        assert!(
            near(trust.marked, 4.5) && (trust.random - 2.625).abs() < 0.25,
            "{trust:?}"
        );
        assert!(near(trust.ratio, trust.marked / trust.random) && trust.beats == 1.0);
        assert_eq!(trust.verdict, Verdict::Holds);
        let told = format!(
            "Removing the five most telling words changes the embedding {:.1} times as much as removing five random ones.",
            trust.ratio
        );
        assert_eq!(trust.sentence, told);
        let expected = [(1, 1.0), (2, 1.95), (4, 3.7), (5, 4.5), (6, 5.25), (10, 7.75)];
        let points = trust.curve.iter().zip(expected);
        assert!(
            trust.curve.len() == 6
                && points
                    .clone()
                    .all(|((n, change), (m, own))| *n == m && near(*change, own))
        );
        assert_eq!(
            unit(&scores, &scores).random,
            trust.random,
            "the same text gives the same verdict"
        );
    }

    #[test]
    fn scores_of_other_words_are_a_hint_or_fail() {
        let scores = falling(20);
        let rising: Vec<f32> = scores.iter().rev().copied().collect();
        let trust = unit(&scores, &rising);
        assert_eq!((trust.verdict, trust.beats), (Verdict::Fails, 0.0));
        assert!(
            trust
                .sentence
                .contains("changes the embedding no more than removing five random ones (")
        );
        // One other word changes more than all marked ones, and a quarter of the random sets has it.
        let mut weights = vec![1.0; 20];
        weights[..5].fill(4.0);
        weights[19] = 30.0;
        let trust = unit(&scores, &weights);
        let beaten = (trust.beats * SETS as f32).round();
        assert!(
            trust.verdict == Verdict::Weak && trust.beats > 0.5 && trust.beats < CLEAR,
            "{trust:?}"
        );
        let hint = format!("but only more than {beaten} of {SETS} random choices do: take the marks as a hint.");
        assert!(trust.sentence.ends_with(&hint), "{}", trust.sentence);
        let trust = unit(&scores, &[-1.0; 20]);
        assert!(
            trust.sentence.contains("does not change the embedding at all"),
            "{}",
            trust.sentence
        );
        // Random words that change nothing have no meaningful ratio.
        weights.fill(0.0);
        weights[..5].fill(100.0);
        let trust = unit(&falling(2000)[..], &[&weights[..], &[0.0; 1980]].concat());
        assert!(
            near(trust.ratio, MOST) && trust.sentence.contains("over 100 times"),
            "{trust:?}"
        );
    }

    #[test]
    fn short_texts_have_fewer_deleted_words_or_no_verdict() {
        for (count, noun) in [(1, "1 word"), (3, "3 words")] {
            let trust = unit(&falling(count), &falling(count));
            assert_eq!(
                (trust.verdict, trust.sets, trust.curve.len()),
                (Verdict::TooShort, 0, 0)
            );
            assert_eq!(
                trust.sentence,
                format!("A text of {noun} is too short to judge; ask about a longer one.")
            );
        }
        let trust = unit(&falling(4), &falling(4));
        assert_eq!(trust.deleted, 2);
        assert!(
            trust.sentence.contains("the two most telling words"),
            "{}",
            trust.sentence
        );
    }

    #[test]
    fn each_side_of_a_comparison_loses_its_own_words() {
        let (long, short) = (falling(10), falling(4));
        let weights = [&long[..], &short[..]].concat();
        let trust = judged(Judged::Similarity, &[&long, &short], &weights, Instant::now());
        assert_eq!((trust.deleted, trust.words), (5, 14));
        // 1 + .9 + .8 + .7 + .6 of the first, and 1 + .75 of the second.
        assert!(near(trust.marked, 5.75), "{trust:?}");
        assert!(
            trust
                .sentence
                .starts_with("Removing the words that count most from one side lowers the similarity"),
            "{}",
            trust.sentence
        );
        let equal = judged(
            Judged::Similarity,
            &[&long, &long],
            &[&long[..], &long[..]].concat(),
            Instant::now(),
        );
        assert!(
            equal
                .sentence
                .starts_with("Removing the five words that count most from one side")
        );
        let answer = judged(Judged::Answer, &[&long], &long, Instant::now());
        assert!(
            answer.sentence.contains("lowers the answer's score"),
            "{}",
            answer.sentence
        );
    }

    #[test]
    fn a_long_text_has_a_curve_by_numbers_of_words_and_late_verdicts_have_fewer_random_sets() {
        let scores = falling(LONG + 1);
        let late = Instant::now().checked_sub(PATIENCE).unwrap();
        let trust = judged(Judged::Embedding, &[&scores], &scores, late);
        let counts: Vec<usize> = trust.curve.iter().map(|(count, _)| *count).collect();
        assert_eq!((counts, trust.sets), (STEPS.to_vec(), LOT));
        let counts: Vec<usize> = unit(&falling(LONG), &falling(LONG))
            .curve
            .iter()
            .map(|(n, _)| *n)
            .collect();
        assert_eq!(counts, [5, 50, 100, 200, 300, 500]);
    }
}
