//! Tests an explanation of one text: deleting its marked words against deleting as many random words.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::deletion::Deletions;
use super::evaluate::BINS;
use super::{Method, WordMap};
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

/// No further batch starts after this time.
const PATIENCE: Duration = Duration::from_millis(1200);

/// The result of deleting words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// The method's name.
    pub method: String,
    /// How many words were deleted.
    pub deleted: usize,
    /// How many words the text has.
    pub words: usize,
    /// How far the embedding moves without the words of the highest scores: 1 - cosine.
    pub marked: f32,
    /// How far it moves without as many random words: the mean over random sets.
    pub random: f32,
    /// The share of random sets that move it less than the marked words do.
    pub beats: f32,
    /// How many random sets there were.
    pub sets: usize,
    /// `marked` over `random`.
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
    let words = map.words.len().min(scores.len());
    let deleted = MARKED.min(words / 2);
    let mut found = Trust {
        method: method.name().to_owned(),
        deleted,
        words,
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
    if words >= FEWEST {
        let batch = Packed::new([tokens.ids.as_slice()]);
        let traces = model.encoder().forward(&batch, TraceLevel::LastHidden, checkpoint)?;
        let embedding = traces.first().map_or(Ok(Vec::new()), |trace| model.pool(trace))?;
        let deletions = Deletions::new(model, &tokens.ids, &map.tokens_of_words(), &embedding);
        found.measure(&deletions, (scores, map.words.len()), start, checkpoint)?;
    }
    found.sentence = found.told();
    found.ms = start.elapsed().as_secs_f32() * 1e3;
    Ok(found)
}

impl Trust {
    fn measure(
        &mut self,
        deletions: &Deletions,
        (scores, words): (&[f32], usize),
        start: Instant,
        checkpoint: Checkpoint,
    ) -> Result<(), ModelError> {
        let mut order: Vec<usize> = (0..self.words).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let set = |of: &[usize]| {
            let mut set = vec![false; words];
            of.iter().for_each(|word| set[*word] = true);
            set
        };
        let mut counts: Vec<usize> = BINS.map(|share| (share * self.words as f32).ceil() as usize).to_vec();
        counts.push(self.deleted);
        counts.sort_unstable();
        counts.dedup();
        let sets: Vec<Vec<bool>> = counts.iter().map(|count| set(&order[..*count])).collect();
        let turns = deletions.changes(&sets, checkpoint)?;
        self.curve = counts.into_iter().zip(turns).collect();
        let own = self.curve.iter().find(|(count, _)| *count == self.deleted);
        self.marked = own.map_or(0.0, |(_, turn)| *turn);

        // The seed depends only on the text, so that repeated requests give the same verdict.
        let mut random = Random::new(self.words as u64);
        let mut all: Vec<usize> = (0..self.words).collect();
        let mut turns = Vec::with_capacity(SETS);
        while turns.len() < SETS && (turns.is_empty() || start.elapsed() < PATIENCE) {
            let lot: Vec<Vec<bool>> = (0..LOT)
                .map(|_| {
                    random.shuffle(&mut all);
                    set(&all[..self.deleted])
                })
                .collect();
            turns.extend(deletions.changes(&lot, checkpoint)?);
        }
        self.sets = turns.len();
        self.random = turns.iter().sum::<f32>() / turns.len() as f32;
        self.beats = turns.iter().filter(|turn| **turn < self.marked).count() as f32 / turns.len() as f32;
        self.ratio = self.marked / self.random.max(1e-6);
        self.verdict = match (self.beats >= CLEAR, self.ratio > 1.0) {
            (true, _) => Verdict::Holds,
            (false, true) => Verdict::Weak,
            (false, false) => Verdict::Fails,
        };
        Ok(())
    }

    fn told(&self) -> String {
        let Trust {
            deleted, ratio, words, ..
        } = self;
        let (count, beaten) = (number(*deleted), (self.beats * self.sets as f32).round() as usize);
        let removing = format!(
            "Removing the {count} marked words changes the embedding {ratio:.1} times as much as removing {count} random ones"
        );
        match self.verdict {
            Verdict::TooShort => format!("A text of {words} words is too short to judge; ask about a longer one."),
            Verdict::Holds => format!("{removing}."),
            Verdict::Weak => format!(
                "{removing}, but only more than {beaten} of {} random choices do: take the marks as a hint.",
                self.sets
            ),
            Verdict::Fails => format!(
                "Removing the {count} marked words changes the embedding no more than removing {count} random ones ({ratio:.1} times as \
                 much): do not rely on the marks here."
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
