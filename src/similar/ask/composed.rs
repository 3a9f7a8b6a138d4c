//! A short answer that a model writes from passages, and the passages that each of its sentences draws on.
//!
//! What a model says of its sources is no evidence. So each passage is left out of the prompt in turn, and the answer stays as it is: a
//! sentence draws on a passage as far as it is less likely without it (the log-probability drop of Cohen-Wang et al., ContextCite, 2024,
//! arXiv:2409.00729).

mod answer;

use super::Passage;
use crate::model::generate::{Ended, Limits, Sampling, Written};
use crate::model::{Checkpoint, Model, ModelError};
use crate::text::{ByteRange, Language, floor_char};
use answer::{Answer, owners};

/// Most tokens of a passage that the model reads, the lines around the sentence that answers; fewer in a small window.
const READ: usize = 160;

/// Fewer tokens of a passage say nothing.
const LEAST: usize = 16;

/// Most tokens of an answer.
const ANSWER: usize = 96;

/// Texts that end an answer to a plain prompt: a small model goes on with a question of its own. A chat model ends its turn.
const STOPS: [&str; 5] = ["\n\n", "\nQuestion:", "\nAnswer:", "\nFrom ", "\nPassage"];

/// A sentence draws on a passage if it is at most a tenth as likely without it: ln 10 nats.
const SUPPORT: f32 = std::f32::consts::LN_10;

/// A part of a passage that the model reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The passage, as an index.
    pub passage: usize,
    /// The part, in bytes of the document: whole lines.
    pub range: ByteRange,
}

/// An answer that a model wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    /// Its text.
    pub text: String,
    /// Its sentences, in order; none if the model wrote nothing.
    pub sentences: Vec<Sentence>,
    /// Why it ends.
    pub ended: Ended,
}

/// A sentence of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// Its bytes in the answer.
    pub range: ByteRange,
    /// The natural logarithm of its probability after the passages, the question and the sentences before it: ≤ 0.
    pub logprob: f32,
    /// For each part that the model read: by how many nats the sentence is less likely without it. Below 0, it is more likely.
    pub without: Vec<f32>,
    /// The same without any of them.
    pub without_all: f32,
}

impl Sentence {
    /// The parts that the sentence draws on, as indices into [`Sentence::without`], the most needed first.
    pub fn sources(&self) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.without.len())
            .filter(|part| self.without[*part] >= SUPPORT)
            .collect();
        found.sort_by(|a, b| self.without[*b].total_cmp(&self.without[*a]));
        found
    }
}

/// The parts of passages that a model reads for an answer: lines around each sentence that was found, best first, without overlaps, and as many
/// as leave room for the answer in the model's window.
pub fn parts_to_read(model: &Model, question: &str, passages: &[Passage], found: &[(usize, ByteRange)]) -> Vec<Read> {
    let tokens = |text: &str| model.count(text, Language::Prose);
    let window = model.network().map_or(0, |network| network.spec.window);
    let mut room = window.saturating_sub(tokens(&prompt(model, question, &[])) + ANSWER);
    let mut read: Vec<Read> = Vec::new();
    for (index, (passage, sentence)) in found.iter().enumerate() {
        let own = &passages[*passage];
        let frame = tokens(&heading(&own.place));
        let most = (room / (found.len() - index)).saturating_sub(frame).min(READ);
        if most < LEAST {
            break;
        }
        let range = lines_around(&tokens, own, sentence, most);
        let text = own.snapshot.text(range.clone());
        let overlaps = |other: &Read| {
            let place = &passages[other.passage].place;
            *place == own.place && other.range.start < range.end && range.start < other.range.end
        };
        if !read.iter().any(overlaps) {
            room = room.saturating_sub(frame + tokens(&text));
            read.push(Read {
                passage: *passage,
                range,
            });
        }
    }
    read
}

/// Writes an answer from parts of passages, and measures which of them each sentence draws on. `told` receives each sentence when it is
/// complete.
///
/// # Errors
/// [`ModelError::Stopped`] if the checkpoint stops it; [`ModelError::Unable`] for a model that writes no text; [`ModelError::TooLong`] if
/// parts and question exceed its window.
pub fn compose(
    model: &Model,
    question: &str,
    (passages, read): (&[Passage], &[Read]),
    told: &mut dyn FnMut(&str),
    checkpoint: Checkpoint,
) -> Result<Composed, ModelError> {
    let Some(network) = model.network() else {
        return Err(ModelError::Unable("generate text"));
    };
    let prompt = |left_out: &dyn Fn(usize) -> bool| -> Result<Vec<u32>, ModelError> {
        let kept = (0..read.len()).filter(|part| !left_out(*part));
        let texts: Vec<(&str, String)> = kept
            .map(|part| {
                let Read { passage, range } = &read[part];
                let passage = &passages[*passage];
                (
                    passage.place.as_str(),
                    passage.snapshot.text(range.clone()).into_owned(),
                )
            })
            .collect();
        let text = prompt(model, question, &texts);
        Ok(model.tokenize(&text, Language::Prose)?.ids)
    };
    let whole = prompt(&|_| false)?;
    let limits = Limits {
        tokens: ANSWER,
        stops: match model.chat() {
            Some(_) => Vec::new(),
            None => STOPS.map(str::to_owned).to_vec(),
        },
    };
    let mut pieces: Vec<Written> = Vec::new();
    let mut answer = Answer::default();
    let mut write = |written: &Written| {
        pieces.push(written.clone());
        answer.push(&written.text, told)
    };
    let greedy = Sampling::default();
    let end = network.generate(&whole, model.tokenizer(), greedy, &limits, &mut write, checkpoint)?;
    if let Some(last) = pieces.last_mut() {
        last.text += &end.rest;
    }
    let (text, ranges) = answer.end(&end.rest, end.why != Ended::Tokens, told);
    if ranges.is_empty() {
        return Ok(Composed {
            text,
            sentences: Vec::new(),
            ended: end.why,
        });
    }
    let owners = owners(&pieces, &ranges);
    let ids: Vec<u32> = pieces[..owners.len()].iter().map(|piece| piece.id).collect();
    let sums = |prompt: &[u32]| -> Result<Vec<f32>, ModelError> {
        let mut sums = vec![0f32; ranges.len()];
        let each = network.log_probabilities(prompt, &ids, checkpoint)?;
        owners
            .iter()
            .zip(each)
            .for_each(|(owner, logprob)| sums[*owner] += logprob);
        Ok(sums)
    };
    let with = sums(&whole)?;
    let without: Vec<Vec<f32>> = (0..read.len())
        .map(|part| sums(&prompt(&|own| own == part)?))
        .collect::<Result<_, _>>()?;
    let none = sums(&prompt(&|_| true)?)?;
    let sentence = |(index, range): (usize, ByteRange)| Sentence {
        range,
        logprob: with[index],
        without: without.iter().map(|sums| with[index] - sums[index]).collect(),
        without_all: with[index] - none[index],
    };
    Ok(Composed {
        sentences: ranges.into_iter().enumerate().map(sentence).collect(),
        text,
        ended: end.why,
    })
}

/// What the model reads: parts with the names of their files, then the question; a chat model reads it as the message of a user.
fn prompt(model: &Model, question: &str, parts: &[(&str, String)]) -> String {
    let mut text = "Answer the question in one or two sentences.\n\n".to_owned();
    for (place, part) in parts {
        text += &format!("{}{}\n\n", heading(place), part.trim_end());
    }
    text += &format!("Question: {}", question.trim());
    // A carriage return is no part of what a text says, and models were trained on few.
    let text = text.replace("\r\n", "\n");
    model.turn(&text).unwrap_or_else(|| text + "\nAnswer:")
}

/// What precedes a part.
fn heading(place: &str) -> String {
    format!("From {place}:\n")
}

/// Whole lines of a passage around a sentence, `most` tokens at most.
fn lines_around(tokens: &dyn Fn(&str) -> usize, passage: &Passage, sentence: &ByteRange, most: usize) -> ByteRange {
    let start = passage.range.start;
    let text = passage.snapshot.text(passage.range.clone());
    let mut lines: Vec<ByteRange> = Vec::new();
    for line in text.split_inclusive('\n') {
        let from = lines.last().map_or(0, |last| last.end);
        lines.push(from..from + line.len());
    }
    let at = |byte: usize| lines.partition_point(|line| line.end <= byte.saturating_sub(start));
    let last_line = lines.len().saturating_sub(1);
    let (mut first, mut last) = (
        at(sentence.start).min(last_line),
        at(sentence.end.saturating_sub(1)).min(last_line),
    );
    let cost = |line: usize| tokens(&text[lines[line].clone()]);
    let mut room = most;
    for line in first..=last {
        let Some(rest) = room.checked_sub(cost(line)) else {
            // A sentence that is too long alone: its beginning.
            let end = (sentence.start - start) + most * 2;
            return sentence.start
                ..(start + floor_char(&text, end.min(text.len()))).min(sentence.end.max(sentence.start));
        };
        room = rest;
    }
    // One line below, one above, as long as there is room.
    loop {
        let before = (first, last);
        if last < last_line
            && let Some(rest) = room.checked_sub(cost(last + 1))
        {
            (last, room) = (last + 1, rest);
        }
        if first > 0
            && let Some(rest) = room.checked_sub(cost(first - 1))
        {
            (first, room) = (first - 1, rest);
        }
        if (first, last) == before {
            return start + lines[first].start..start + lines[last].end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Snapshot;

    #[test]
    fn a_sentence_is_read_with_the_lines_around_it_as_far_as_they_fit() {
        let text = (0..100)
            .map(|line| format!("line number {line} has seven words here\n"))
            .collect::<String>();
        let at = text.find("line number 50").unwrap();
        let passage = Passage {
            place: "a".to_owned(),
            name: None,
            snapshot: Snapshot::new(&text, 0, Language::Prose),
            range: 0..text.len(),
            score: 1.0,
        };
        let tokens = |text: &str| text.split_whitespace().count();
        let part = lines_around(&tokens, &passage, &(at..at + 10), READ);
        let read = &text[part];
        assert!(read.starts_with("line number 4") && read.ends_with('\n'), "{read}");
        assert!(read.contains("line number 50") && tokens(read) <= READ && tokens(read) > READ - 8);
        let first = lines_around(&tokens, &passage, &(0..10), READ);
        assert_eq!((first.start, tokens(&text[first]) > READ - 8), (0, true));
    }

    #[test]
    fn a_sentence_draws_on_a_passage_without_which_it_is_a_tenth_as_likely() {
        let sentence = Sentence {
            range: 0..1,
            logprob: -3.0,
            without: vec![2.0, 9.0, -1.0, 2.5],
            without_all: 12.0,
        };
        assert_eq!(sentence.sources(), [1, 3]);
    }

    #[test]
    fn a_chat_model_reads_the_question_as_a_message_and_another_one_as_text() {
        let fixture = |name: &str| {
            std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/fixtures")
                .join(name)
        };
        let of = |name: &str| {
            let model = Model::load(&crate::model::Source::Folder(fixture(name))).unwrap();
            prompt(&model, " Who? ", &[("a.md", "It was [INST] me.\n".to_owned())])
        };
        let rules = "Answer the question in one or two sentences.";
        assert_eq!(
            of("tiny-llama"),
            format!("{rules}\n\nFrom a.md:\nIt was [INST] me.\n\nQuestion: Who?\nAnswer:")
        );
        // What reads as a mark of the conversation inside a document is none.
        assert_eq!(
            of("tiny-chat"),
            format!("[INST] {rules}\n\nFrom a.md:\nIt was [ INST] me.\n\nQuestion: Who? [/INST]")
        );
    }

    #[test]
    fn what_a_sentence_loses_without_a_part_is_the_difference_of_two_plain_passes() {
        let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-chat");
        let model = Model::load(&crate::model::Source::Folder(fixture)).unwrap();
        let network = model.network().unwrap();
        let text = "hello world of hello\nthe world said hello\n";
        let passages = [0..21, 21..text.len()].map(|range| Passage {
            place: "a.md".to_owned(),
            name: None,
            snapshot: Snapshot::new(text, 0, Language::Prose),
            range,
            score: 1.0,
        });
        let read = [0, 1].map(|passage| Read {
            passage,
            range: passages[passage].range.clone(),
        });
        let question = "who said hello?";
        let mut told = Vec::new();
        let mut tell = |sentence: &str| told.push(sentence.to_owned());
        let found = compose(&model, question, (&passages, &read), &mut tell, crate::model::UNSTOPPED).unwrap();
        let sentence = &found.sentences[0];
        assert_eq!(told[0], found.text[sentence.range.clone()]);
        // The same tokens, again by themselves, and their probabilities from whole passes with all logits.
        let ids_of = |parts: &[usize]| {
            let parts: Vec<(&str, String)> = parts
                .iter()
                .map(|part| ("a.md", text[read[*part].range.clone()].to_owned()))
                .collect();
            model
                .tokenize(&prompt(&model, question, &parts), Language::Prose)
                .unwrap()
                .ids
        };
        let mut written: Vec<Written> = Vec::new();
        let mut report = |token: &Written| {
            written.push(token.clone());
            true
        };
        let limits = Limits {
            tokens: ANSWER,
            stops: Vec::new(),
        };
        let whole = ids_of(&[0, 1]);
        network
            .generate(
                &whole,
                model.tokenizer(),
                Sampling::default(),
                &limits,
                &mut report,
                crate::model::UNSTOPPED,
            )
            .unwrap();
        let owners = owners(
            &written,
            &found.sentences.iter().map(|own| own.range.clone()).collect::<Vec<_>>(),
        );
        let sum = |prompt: &[u32]| -> f32 {
            let answer: Vec<u32> = written.iter().map(|token| token.id).collect();
            let all = [prompt, answer.as_slice()].concat();
            let packed = crate::model::Packed::new([all.as_slice()]);
            let trace = crate::model::Encoder::forward(
                &**network,
                &packed,
                crate::model::TraceLevel::LastHidden,
                crate::model::UNSTOPPED,
            );
            let hidden: Vec<f32> = trace.unwrap()[0].hidden.flatten_all().unwrap().to_vec1().unwrap();
            let logits = network.logits(&hidden).unwrap().unwrap();
            let columns = logits.len() / all.len();
            let of = |position: usize| {
                let row = &logits[(prompt.len() + position - 1) * columns..][..columns];
                let whole: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
                (f64::from(row[answer[position] as usize]) - whole.ln()) as f32
            };
            let own = owners.iter().enumerate().filter(|(_, owner)| **owner == 0);
            own.map(|(position, _)| of(position)).sum()
        };
        let with = sum(&whole);
        assert!((sentence.logprob - with).abs() < 1e-3, "{} {with}", sentence.logprob);
        for (part, other) in [(0, 1), (1, 0)] {
            let expected = with - sum(&ids_of(&[other]));
            assert!(
                (sentence.without[part] - expected).abs() < 1e-3,
                "{} {expected}",
                sentence.without[part]
            );
        }
        let expected = with - sum(&ids_of(&[]));
        assert!((sentence.without_all - expected).abs() < 1e-3);
    }

    #[test]
    fn parts_to_read_do_not_overlap_and_a_long_line_is_cut_at_its_sentence() {
        let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-chat");
        let model = Model::load(&crate::model::Source::Folder(fixture)).unwrap();
        let text = "hello world\n".repeat(3) + &"of hello\n".repeat(200) + "the end said\n";
        let passage = |place: &str| Passage {
            place: place.to_owned(),
            name: None,
            snapshot: Snapshot::new(&text, 0, Language::Prose),
            range: 0..text.len(),
            score: 1.0,
        };
        let passages = [passage("a.md"), passage("b.md")];
        let end = text.len() - 5..text.len();
        let found = [(0, 0..5), (0, 12..17), (1, 12..17), (0, end)];
        let read = parts_to_read(&model, "who said hello?", &passages, &found);
        let places: Vec<usize> = read.iter().map(|part| part.passage).collect();
        assert_eq!(places, [0, 1, 0], "the second is inside the first: {read:?}");
        assert!(read[0].range.start == 0 && read[2].range.end == text.len());
        assert!(read[0].range.end <= read[2].range.start);
        let long = Passage {
            snapshot: Snapshot::new("one two three four five six seven eight nine ten", 0, Language::Prose),
            range: 0..48,
            ..passage("c.md")
        };
        let tokens = |text: &str| text.split_whitespace().count();
        // Four tokens: about eight bytes.
        assert_eq!(lines_around(&tokens, &long, &(8..40), 4), 8..16);
        assert_eq!(lines_around(&tokens, &long, &(8..40), 10), 0..48);
    }
}
