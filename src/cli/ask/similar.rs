//! Answers by embeddings: the sentence or statement that is most similar to the question, and the words that make it so.

use anyhow::Result;

use super::sentences::sentences;
use super::{Answer, AnswerWord, Ask, Candidate};
use crate::cli::embed::embed;
use crate::explain::compare;
use crate::model::{Model, Role, UNSTOPPED};
use crate::render::json::{ExplainWord, JsonPosition};
use crate::similar::index::calibration;
use crate::text::{ByteRange, Language};

/// The scores below which nothing answers, on the scale of the embedded model: of a sentence alone, in a file, and together with its
/// passage's, in a folder. Measured on 30 questions with an answer and 30 without (`benches/ask`).
const IN_FILE: f32 = 0.42;
const IN_FOLDER: f32 = 0.30;

/// How much of an answer's score is that of its sentence; the rest is its passage's.
const SENTENCE: f32 = 0.5;

/// Sentences embedded at once.
const BATCH: usize = 64;

/// The sentences that answer a question, best first.
pub(super) fn answers(arguments: &Ask, model: &Model, candidates: &[Candidate]) -> Result<Vec<Answer>> {
    let question = &arguments.question;
    let scale = calibration(model)?.relevance();
    let asked = embed(
        model,
        std::slice::from_ref(question),
        (Role::Query, Language::Prose),
        false,
    )?
    .remove(0);
    let in_folder = candidates.iter().any(|candidate| candidate.score > 0.0);
    let usual = if in_folder { IN_FOLDER } else { IN_FILE };
    let threshold = arguments.threshold.unwrap_or(usual);
    let mut best: Vec<(f32, &Candidate, ByteRange)> = Vec::new();
    for candidate in candidates {
        let snapshot = &candidate.snapshot;
        let own = sentences(model, snapshot, &candidate.range);
        let mut found: Vec<(f32, ByteRange)> = Vec::with_capacity(own.len());
        for batch in own.chunks(BATCH) {
            let texts: Vec<String> = batch
                .iter()
                .map(|range| snapshot.text(range.clone()).into_owned())
                .collect();
            let vectors = embed(model, &texts, (Role::Passage, snapshot.language()), false)?;
            let scores = vectors.iter().map(|vector| {
                let cosine: f32 = vector.iter().zip(&asked).map(|(a, b)| a * b).sum();
                let own = scale.of(cosine);
                // A file that was named has no score of its own.
                match candidate.score > 0.0 {
                    true => SENTENCE * own + (1.0 - SENTENCE) * candidate.score.min(1.0),
                    false => own,
                }
            });
            found.extend(scores.zip(batch.iter().cloned()));
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.start.cmp(&b.1.start)));
        // One answer of a passage; of a file that was named several.
        let most = if candidates.len() > 1 { 1 } else { arguments.top };
        best.extend(
            found
                .into_iter()
                .take(most)
                .map(|(score, range)| (score, candidate, range)),
        );
    }
    best.sort_by(|a, b| b.0.total_cmp(&a.0));
    // An item and the one around it may give the same sentence.
    let mut seen: Vec<(String, usize)> = Vec::new();
    best.retain(|(_, candidate, range)| {
        let own = (candidate.path.clone(), range.start);
        let new = !seen.contains(&own);
        seen.push(own);
        new
    });
    best.retain(|(score, ..)| *score >= threshold);
    best.truncate(arguments.top);
    let answer =
        |(score, candidate, range): (f32, &Candidate, ByteRange)| explained(model, question, score, candidate, range);
    best.into_iter().map(answer).collect()
}

/// The pair explanation of question and sentence: what each word adds to their cosine, and the word of the question that it answers.
fn explained(model: &Model, question: &str, score: f32, candidate: &Candidate, range: ByteRange) -> Result<Answer> {
    let snapshot = &candidate.snapshot;
    let text = snapshot.text(range.clone()).into_owned();
    let report = compare(
        model,
        (question, Language::Prose),
        (&text, snapshot.language()),
        UNSTOPPED,
    )?;
    let rows: Vec<&[f32]> = (0..report.a.words.len()).filter_map(|word| report.row(word)).collect();
    let asked = |word: usize| {
        let of = |row: &usize| rows[*row][word];
        let best = (0..rows.len()).max_by(|a, b| of(a).total_cmp(&of(b)))?;
        (of(&best) > 0.0).then(|| question[report.a.words[best].clone()].to_owned())
    };
    let mut order: Vec<usize> = (0..report.b.scores.len()).collect();
    order.sort_by(|a, b| report.b.scores[*b].total_cmp(&report.b.scores[*a]));
    let word = |index: usize| {
        let own = &report.b.words[index];
        let place = range.start + own.start..range.start + own.end;
        let rank = order.iter().position(|other| *other == index).unwrap_or(0) as u32 + 1;
        AnswerWord {
            word: ExplainWord {
                text: text[own.clone()].to_owned(),
                start: JsonPosition::new(snapshot, place.start),
                end: JsonPosition::new(snapshot, place.end),
                score: report.b.scores[index],
                rank,
            },
            question: asked(index),
        }
    };
    let words = (0..report.b.words.len()).map(word).collect();
    Ok(Answer {
        path: candidate.path.clone(),
        start: JsonPosition::new(snapshot, range.start),
        end: JsonPosition::new(snapshot, range.end),
        text,
        score,
        passage: candidate.name.clone(),
        target: "cosine",
        value: report.cosine,
        residual: report.residual,
        words,
    })
}
