//! Answers by embeddings: the sentence or statement that is most similar to the question, and the words that make it so.

use super::sentences::sentences;
use super::{Answer, IN_FILE, IN_FOLDER, Passage, Scored, Wish, ranked};
use crate::explain::PairReport;
use crate::model::{Checkpoint, Model, ModelError, Role};
use crate::similar::embed_texts;
use crate::similar::index::calibration;
use crate::text::{ByteRange, Language};

/// How much of an answer's score is that of its sentence; the rest is its passage's.
const SENTENCE: f32 = 0.5;

/// Sentences embedded at once.
const BATCH: usize = 64;

/// The sentences of a passage, best first.
pub(super) fn scored(
    model: &Model,
    question: &str,
    passage: &Passage,
    checkpoint: Checkpoint,
) -> Result<Vec<Scored>, ModelError> {
    let Passage { snapshot, range, .. } = passage;
    let own = sentences(&|text, language| model.count(text, language), snapshot, range);
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let scale = calibration(model)?.relevance();
    let asked = [question.to_owned()];
    let asked = embed_texts(model, &asked, (Role::Query, Language::Prose), false, checkpoint)?.remove(0);
    let mut found: Vec<Scored> = Vec::with_capacity(own.len());
    for batch in own.chunks(BATCH) {
        let text = |range: &ByteRange| snapshot.text(range.clone()).into_owned();
        let texts: Vec<String> = batch.iter().map(text).collect();
        let vectors = embed_texts(model, &texts, (Role::Passage, snapshot.language()), false, checkpoint)?;
        let scores = vectors.iter().map(|vector| {
            let cosine: f32 = vector.iter().zip(&asked).map(|(a, b)| a * b).sum();
            scale.of(cosine)
        });
        let scored = |(range, own): (&ByteRange, f32)| Scored {
            range: range.clone(),
            // A file that was named has no score of its own.
            score: match passage.score > 0.0 {
                true => SENTENCE * own + (1.0 - SENTENCE) * passage.score.min(1.0),
                false => own,
            },
        };
        found.extend(batch.iter().zip(scores).map(scored));
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.range.start.cmp(&b.range.start)));
    Ok(found)
}

/// The sentences that answer, best first: of several passages one each, of a single one several.
pub fn best(mut found: Vec<(usize, Scored)>, passages: &[Passage], wish: Wish) -> Vec<(usize, Scored)> {
    let in_folder = passages.iter().any(|passage| passage.score > 0.0);
    let threshold = wish.threshold.unwrap_or(if in_folder { IN_FOLDER } else { IN_FILE });
    let most = if in_folder && passages.len() > 1 { 1 } else { wish.top };
    found.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
    let mut taken = vec![0; passages.len()];
    found.retain(|(passage, own)| {
        taken[*passage] += 1;
        taken[*passage] <= most && own.score >= threshold
    });
    found.truncate(wish.top);
    found
}

/// The pair explanation of question and sentence: what each word adds to their cosine, and the word of the question that it answers. The report
/// is the one of the question and of the sentence's text, with all pairs.
pub fn explained(report: &PairReport, question: &str, passage: usize, Scored { range, score }: &Scored) -> Answer {
    let rows: Vec<&[f32]> = (0..report.a.words.len()).filter_map(|word| report.row(word)).collect();
    let asked = |word: usize| {
        let of = |row: &usize| rows[*row][word];
        let best = (0..rows.len()).max_by(|a, b| of(a).total_cmp(&of(b)))?;
        (of(&best) > 0.0).then(|| question[report.a.words[best].clone()].to_owned())
    };
    let words = report.b.words.iter().zip(&report.b.scores).enumerate();
    let words = words.map(|(word, (own, score))| (range.start + own.start..range.start + own.end, *score, asked(word)));
    Answer {
        passage,
        range: range.clone(),
        score: *score,
        target: "cosine",
        value: report.cosine,
        residual: report.residual,
        special: report.b.special,
        bias: report.b.bias,
        model: report.model.clone(),
        words: ranked(words),
    }
}
