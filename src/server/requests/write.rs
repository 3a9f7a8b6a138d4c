//! An answer that a model writes from the passages that `fovea.ask` found. Nothing is written unless a user asks.

use std::sync::Arc;

use tower_lsp::Client;
use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::MessageType;

use super::found::{Found, Passages};
use super::{generator, show, similar};
use crate::model::generate::Ended;
use crate::model::{Ability, Model, ModelError};
use crate::render::written::{less_likely, one_line, times};
use crate::server::progress::Steps;
use crate::server::protocol::{ReadPassage, SentenceSource, SimilarItem, WrittenAnswer, WrittenSentence};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;
use crate::similar::ask::{self, Composed, Passage, Question, Read, Sentence};
use crate::text::ByteRange;

/// Maximum number of passages that the model reads.
const MOST_READ: usize = 3;

/// Writes an answer from the passages that answer a question; `None` if none does. Each sentence is reported when it is complete.
///
/// # Errors
/// The reason why the model cannot write.
pub async fn answer(
    session: &Arc<Session>,
    request: &RequestSnapshot,
    question: &Question,
    found: &Found,
    steps: &Steps<'_>,
) -> Result<Option<WrittenAnswer>> {
    let Some(about) = found
        .answers
        .first()
        .map(|best| &found.passages[best.passage].1.snapshot)
    else {
        return Ok(None);
    };
    let places = found.answers.iter().take(MOST_READ);
    let places: Vec<(usize, ByteRange)> = places.map(|answer| (answer.passage, answer.range.clone())).collect();
    // The model reads names as a user does.
    let named = found.passages.iter().map(|(uri, passage)| Passage {
        place: similar::readable(request, uri),
        ..Passage::clone(passage)
    });
    let (passages, text): (Vec<Passage>, String) = (named.collect(), question.asked().to_owned());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel::<String>();
    let work = move |model: &Model, checkpoint: crate::model::Checkpoint| {
        let name = model.info().name.clone();
        if !model.info().abilities.contains(&Ability::Generate) {
            return Err(ModelError::Meaningless(format!(
                "{name} writes no text; set fovea.model.generator to a model that does, such as a GGUF file of Gemma 3 270M"
            )));
        }
        let read = ask::parts_to_read(model, &text, &passages, &places);
        if read.is_empty() {
            return Err(ModelError::Meaningless(format!(
                "{name} has no room for passages, the question and an answer; set fovea.model.generator to a model with a larger window"
            )));
        }
        let mut tell = |sentence: &str| {
            // Without a listener, the answer is still returned.
            let _ = tell.send(sentence.to_owned());
        };
        let composed = ask::compose(model, &text, (&passages, &read), &mut tell, checkpoint)?;
        Ok((name, composed, read))
    };
    let mut work = std::pin::pin!(generator::run(session, request, about, work));
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            Some(sentence) = told.recv() => steps.say(one_line(&sentence)).await,
        }
    };
    let (model, composed, read) = done?;
    Ok(Some(shown(request, &found.passages, (model, composed, read))))
}

/// Converts an answer for the client.
fn shown(
    request: &RequestSnapshot,
    passages: &Passages,
    (model, composed, read): (String, Composed, Vec<Read>),
) -> WrittenAnswer {
    let sentence = |sentence: &Sentence| WrittenSentence {
        text: one_line(&composed.text[sentence.range.clone()]),
        logprob: to_proto::number(sentence.logprob),
        without: sentence.without.iter().copied().map(to_proto::number).collect(),
        without_all: to_proto::number(sentence.without_all),
        without_all_told: less_likely(sentence.without_all),
        sources: sentence
            .sources()
            .into_iter()
            .map(|passage| SentenceSource {
                passage,
                times: times(sentence.without[passage]),
            })
            .collect(),
    };
    let part = |read: &Read| {
        let (uri, passage) = &passages[read.passage];
        ReadPassage {
            uri: uri.clone(),
            range: request.range(&passage.snapshot, &read.range),
            name: passage.name.clone(),
        }
    };
    WrittenAnswer {
        model,
        sentences: composed.sentences.iter().map(sentence).collect(),
        text: composed.text.trim().to_owned(),
        passages: read.iter().map(part).collect(),
        cut: composed.ended == Ended::Tokens,
    }
}

/// Shows a written answer as a message, and its sources as choices. For editors without an interface for Fovea.
pub async fn tell(client: &Client, request: &RequestSnapshot, written: &WrittenAnswer) {
    if written.sentences.is_empty() {
        let nothing = format!("Fovea: {} wrote nothing", written.model);
        client.show_message(MessageType::INFO, nothing).await;
        return;
    }
    let sentences = written.sentences.iter().enumerate().map(|(index, sentence)| {
        let unsupported = match sentence.sources.is_empty() {
            true => format!(
                " (from no single passage; without all of them {})",
                sentence.without_all_told
            ),
            false => String::new(),
        };
        format!("{}. {}{unsupported}", index + 1, sentence.text)
    });
    let (mut titles, mut places) = (Vec::new(), Vec::new());
    for (index, sentence) in written.sentences.iter().enumerate() {
        for source in &sentence.sources {
            let part = &written.passages[source.passage];
            let (first, end) = (part.range.start.line + 1, part.range.end);
            let last = end.line + u32::from(end.character > 0);
            let place = format!("{}:{first}-{}", similar::readable(request, &part.uri), last.max(first));
            titles.push(format!(
                "{}. {place}, {} less likely without it",
                index + 1,
                source.times
            ));
            places.push(part);
        }
    }
    let text = format!(
        "{}\n{} wrote this: check it.",
        sentences.collect::<Vec<_>>().join("\n"),
        written.model
    );
    if titles.is_empty() {
        client.show_message(MessageType::INFO, text).await;
        return;
    }
    if !request.client.message_request {
        let text = format!("{text}\nWhat it draws on:\n{}", titles.join("\n"));
        client.show_message(MessageType::INFO, text).await;
        return;
    }
    let question = format!("{text} Choose what a sentence draws on:");
    let Some(Some(chosen)) = show::ask_which(client, &question, &titles).await else {
        return;
    };
    let part = places[chosen];
    let place = SimilarItem {
        uri: part.uri.clone(),
        range: part.range,
        selection: part.range,
        name: part.name.clone().unwrap_or_default(),
        container: None,
        kind: String::new(),
        language: String::new(),
        score: 0.0,
        why: None,
        store: None,
    };
    show::open(client, request, &place).await;
}
