//! Answers by embeddings: the sentence or statement that is most similar to the question, and the words that make it so.

use super::promising::{narrowed, promising};
use super::sentences::sentences;
use super::{Answer, IN_FILE, IN_FOLDER, Passage, Question, Scored, Wish, ranked};
use crate::explain::trust::Trust;
use crate::explain::{Directed, Method};
use crate::model::{Checkpoint, Model, ModelError, Role};
use crate::similar::embed_texts;
use crate::similar::index::calibration;
use crate::text::{ByteRange, Language};

/// How much of an answer's score is that of its sentence; the rest is its passage's.
const SENTENCE: f32 = 0.5;

/// The passages that compete for the first answers, whatever the number of wanted answers is: those of further passages come after them, so that
/// fewer answers are the first of more.
pub(super) const FIRST: usize = 3;

/// Sentences embedded at once.
const BATCH: usize = 64;

/// The sentences of a passage, best first; `foreign` says that the question may share no words with what answers it.
pub(super) fn scored(
    model: &Model,
    (question, foreign): (&Question, bool),
    passage: &Passage,
    checkpoint: Checkpoint,
) -> Result<Vec<Scored>, ModelError> {
    let Passage { snapshot, range, .. } = passage;
    let count = |text: &str, language: Language| model.count(text, language);
    // A file that the user named is read completely.
    let own = match passage.score > 0.0 {
        false => sentences(&count, snapshot, range),
        true => {
            let part = narrowed(question.text(), snapshot, range);
            let own = sentences(&count, snapshot, &part);
            if foreign {
                own
            } else {
                promising(&count, question.text(), snapshot, own)
            }
        }
    };
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let scale = calibration(model)?.relevance();
    let mut found: Vec<Scored> = Vec::with_capacity(own.len());
    for batch in own.chunks(BATCH) {
        let texts: Vec<_> = batch.iter().map(|range| snapshot.text(range.clone())).collect();
        // The question is in the first batch of all, since a pass for it alone takes as long as one for several sentences.
        let first = question.vector().is_none();
        let first = first.then_some((Role::Query, Language::Prose, question.text()));
        let sentences = texts.iter().map(|text| (Role::Passage, snapshot.language(), &**text));
        let all: Vec<_> = first.into_iter().chain(sentences).collect();
        let mut vectors = embed_texts(model, &all, false, checkpoint)?;
        let asked = match question.vector() {
            Some(asked) => asked,
            None => question.known(vectors.remove(0)),
        };
        let scores = vectors.iter().map(|vector| {
            let cosine: f32 = vector.iter().zip(asked.iter()).map(|(a, b)| a * b).sum();
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
    // The passages in the order of the search, each once.
    let mut order: Vec<usize> = found.iter().map(|(passage, _)| *passage).collect();
    order.dedup();
    let place = |passage: usize| order.iter().position(|own| *own == passage).unwrap_or_default();
    let later: Vec<bool> = (0..passages.len())
        .map(|own| in_folder && place(own) >= FIRST)
        .collect();
    found.sort_by(|(p, a), (q, b)| later[*p].cmp(&later[*q]).then(b.score.total_cmp(&a.score)));
    let mut taken = vec![0; passages.len()];
    found.retain(|(passage, own)| {
        taken[*passage] += 1;
        taken[*passage] <= most && own.score >= threshold
    });
    found.truncate(wish.top);
    found
}

/// Judges what [`explain`] says of a sentence by the decomposition.
///
/// # Errors
/// As [`explain`].
pub(super) fn trust(
    model: &Model,
    question: &Question,
    sentence: (&str, Language),
    checkpoint: Checkpoint,
) -> Result<Trust, ModelError> {
    let (model, asked) = question.beside(model, sentence, checkpoint)?;
    let answer = Directed::read(&model, sentence, checkpoint)?;
    let (direction, by) = (asked.embedding(), Method::Decomposition);
    let scores = answer.along(&direction, by, checkpoint)?.scores;
    answer.trust(&direction, (by, &scores), checkpoint)
}

/// The explanation of a sentence that answers: what each of its words adds to its cosine with the question, which stays as it is; and the word
/// of the question that a word answers, if the alignment of both links them.
///
/// # Errors
/// [`ModelError::Stopped`] if the checkpoint stops the passes; [`ModelError::Meaningless`] for a method that does not explain numbers.
pub fn explain(
    model: &Model,
    question: &Question,
    (index, passage): (usize, &Passage),
    Scored { range, score }: &Scored,
    method: Method,
    checkpoint: Checkpoint,
) -> Result<Answer, ModelError> {
    let text = passage.snapshot.text(range.clone());
    let sentence = (&*text, passage.snapshot.language());
    let (model, asked) = question.beside(model, sentence, checkpoint)?;
    let answer = Directed::read(&model, sentence, checkpoint)?;
    let parts = answer.along(&asked.embedding(), method, checkpoint)?;
    let links = asked.links(&answer)?;
    let linked = |word: usize| {
        let links = links.iter().filter(|link| link.b == word);
        let best = links.max_by(|a, b| a.cosine.total_cmp(&b.cosine))?;
        let asked = &question.text()[asked.words()[best.a].clone()];
        asked.contains(char::is_alphanumeric).then(|| asked.to_owned())
    };
    let words = parts.ranges.iter().zip(&parts.scores).enumerate();
    let words =
        words.map(|(word, (own, score))| (range.start + own.start..range.start + own.end, *score, linked(word)));
    Ok(Answer {
        passage: index,
        range: range.clone(),
        score: *score,
        target: "cosine",
        method,
        value: parts.value as f32,
        residual: parts.residual.map(|residual| residual as f32),
        special: parts.special as f32,
        bias: parts.bias as f32,
        model: model.info().name.clone(),
        words: ranked(words),
    })
}

#[cfg(test)]
mod tests {
    use super::super::passage;
    use super::*;

    #[test]
    fn fewer_answers_are_the_first_of_more() {
        let passages: Vec<Passage> = [0.9, 0.8, 0.7, 0.6, 0.5].map(|score| passage("", score)).to_vec();
        // The best sentence is in a passage that a search finds late.
        let scores = [(0, 0.5), (1, 0.6), (2, 0.4), (3, 0.9), (4, 0.45)];
        let found: Vec<(usize, Scored)> = scores.map(|(own, score)| (own, Scored { range: 0..1, score })).to_vec();
        let answered = |top: usize| -> Vec<usize> {
            let wish = Wish {
                top,
                threshold: None,
                by: Method::Decomposition,
            };
            best(found.clone(), &passages, wish)
                .into_iter()
                .map(|(passage, _)| passage)
                .collect()
        };
        assert_eq!(answered(5), [1, 0, 2, 3, 4]);
        for top in 1..5 {
            assert_eq!(answered(top), answered(5)[..top]);
        }
    }

    #[test]
    fn of_several_passages_each_answers_once_and_a_single_one_several_times() {
        let sentence = |(passage, start, score): (usize, usize, f32)| {
            let range = start..start + 1;
            (passage, Scored { range, score })
        };
        let found = [(0, 0, 0.9), (0, 2, 0.8), (0, 4, 0.7), (1, 0, 0.6)].map(sentence);
        let answered = |passages: &[Passage], found: &[(usize, Scored)], threshold| -> Vec<(usize, usize)> {
            let wish = Wish {
                top: 5,
                threshold,
                by: Method::Decomposition,
            };
            let best = best(found.to_vec(), passages, wish);
            best.iter().map(|(passage, own)| (*passage, own.range.start)).collect()
        };
        let two = [passage("", 0.9), passage("", 0.8)];
        assert_eq!(answered(&two, &found, None), [(0, 0), (1, 0)]);
        assert_eq!(answered(&two, &found, Some(0.7)), [(0, 0)]);
        assert_eq!(
            answered(&[passage("", 0.9)], &found[..3], None),
            [(0, 0), (0, 2), (0, 4)]
        );
        // Passages without a score are named files.
        assert_eq!(answered(&[passage("", 0.0), passage("", 0.0)], &found, None).len(), 4);
    }
}
