//! `fovea.ask`: passages that answer a question, and the words that matter for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{MessageType, ProgressToken};

use super::found::{Found, Passages, found};
use super::similar::{self, one_line};
use super::{generator, show, write};
use crate::explain::Method;
use crate::server::progress::Steps;
use crate::server::protocol::{AnswerWord, AskAnswer, AskArgs, Explained, FoundAnswer, SimilarItem, TrustArgs};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;
use crate::similar::ask::{self, Answer, Question, Wish};

/// Default number of answers.
const TOP: usize = 3;

/// Maximum number of answers.
const MOST: usize = 20;

/// Finds the places that answer a question, best first.
///
/// If the client has no interface for Fovea, messages show the answers, and the editor opens the place that the user chooses.
///
/// # Errors
/// Invalid parameters for a question without words, a threshold outside 0 to 1, or an unreadable document; otherwise the reason why there
/// is no answer.
pub async fn ask(
    session: &Arc<Session>,
    client: &Client,
    request: &RequestSnapshot,
    asked: AskArgs,
    token: Option<ProgressToken>,
) -> Result<AskAnswer> {
    let start = Instant::now();
    let (question, uri, top, threshold, write) = match asked {
        AskArgs::Question(question) => (question, None, None, None, false),
        AskArgs::Scoped {
            question,
            uri,
            top,
            threshold,
            write,
        } => (question, uri, top, threshold, write),
    };
    if !ask::has_words(&question) {
        return Err(Error::invalid_params(
            "fovea.ask: the question contains no words; write one",
        ));
    }
    if threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
        return Err(Error::invalid_params("threshold: give a number from 0 to 1"));
    }
    let wish = Wish {
        top: top.unwrap_or(TOP).clamp(1, MOST),
        threshold,
        by: Method::Decomposition,
    };
    let question = Arc::new(asked_of(request, &question));
    let steps = Steps::begin(client, token, &format!("Fovea: {}", one_line(question.asked()))).await;
    let found = found(session, request, (&question, uri), wish, &steps).await;
    let written = match &found {
        Ok(found) if write => write::answer(session, request, &question, found, &steps).await,
        _ => Ok(None),
    };
    steps.end().await;
    let (found, written) = (found?, written?);
    let answer = AskAnswer {
        answers: found
            .answers
            .iter()
            .map(|answer| shown(request, &found.passages, answer))
            .collect(),
        written,
        writes: generator::writes_now(session, request),
        notes: found.notes.clone(),
        ms: to_proto::number(start.elapsed().as_secs_f32() * 1e3),
    };
    if !request.client.fovea {
        tell((session, client, request), &question, &found, &answer).await;
    }
    Ok(answer)
}

/// The question, asked of the folders that the client has open.
pub(super) fn asked_of(request: &RequestSnapshot, question: &str) -> Question {
    let folders = request.client.shown_below.iter().map(PathBuf::as_path);
    Question::about(question.trim(), folders)
}

/// Converts an answer for the client.
fn shown(request: &RequestSnapshot, passages: &Passages, answer: &Answer) -> FoundAnswer {
    let (uri, passage) = &passages[answer.passage];
    let snapshot = &passage.snapshot;
    let text = |range: &std::ops::Range<usize>| snapshot.text(range.clone()).into_owned();
    let words = answer.words.iter().map(|word| AnswerWord {
        range: request.range(snapshot, &word.range),
        text: text(&word.range),
        score: to_proto::number(word.score),
        question: word.question.clone(),
    });
    FoundAnswer {
        uri: uri.clone(),
        range: request.range(snapshot, &answer.range),
        within: request.range(snapshot, &passage.range),
        text: text(&answer.range),
        score: to_proto::number(answer.score),
        name: passage.name.clone(),
        model: answer.model.clone(),
        explained: Explained {
            method: answer.method.name().to_owned(),
            target: answer.target.to_owned(),
            value: to_proto::number(answer.value),
            residual: f64::from(answer.residual.unwrap_or_default()),
            special: to_proto::number(answer.special),
            bias: to_proto::number(answer.bias),
            words: words.collect(),
        },
    }
}

/// Offered beside the answers, if there is a model that writes.
const WRITE: &str = "Write an answer from these";

/// Shows the answers as choices, and opens the place that the user chooses, or shows an answer that a model writes.
///
/// For editors without an interface for Fovea.
async fn tell(
    (session, client, request): (&Arc<Session>, &Client, &RequestSnapshot),
    question: &Question,
    found: &Found,
    answer: &AskAnswer,
) {
    for note in &answer.notes {
        client.show_message(MessageType::INFO, format!("Fovea: {note}")).await;
    }
    if answer.answers.is_empty() {
        let nothing = "Fovea: nothing here answers that";
        client.show_message(MessageType::INFO, nothing).await;
        return;
    }
    if let Some(written) = &answer.written {
        return write::tell(client, request, written).await;
    }
    let place = |found: &FoundAnswer| SimilarItem {
        uri: found.uri.clone(),
        range: found.range,
        selection: found.range,
        name: found.text.split_whitespace().collect::<Vec<_>>().join(" "),
        container: None,
        kind: String::new(),
        language: String::new(),
        score: found.score,
        why: None,
        store: None,
    };
    let places: Vec<SimilarItem> = answer.answers.iter().map(place).take(show::MOST).collect();
    // The message has room for the texts, and the choices name their places.
    let texts = (1..)
        .zip(&places)
        .map(|(number, item)| format!("{number}. {}", similar::cut(&item.name, LONGEST)));
    let message = format!(
        "{}\n{}",
        one_line(question.asked()),
        texts.collect::<Vec<_>>().join("\n")
    );
    let title = |(number, item): (usize, &SimilarItem)| {
        let place = similar::path(request, item);
        format!("{number}. {place}:{}  {:.2}", item.selection.start.line + 1, item.score)
    };
    let mut titles: Vec<String> = (1..).zip(&places).map(title).collect();
    let offered = titles.len();
    if generator::writes_now(session, request) {
        titles.push(WRITE.to_owned());
    }
    let chosen = match request.client.message_request {
        true => show::ask_which(client, &message, &titles).await,
        false => None,
    };
    // An editor that does not ask gets the best.
    match chosen.unwrap_or(Some(0)) {
        Some(index) if index < offered => {
            let found = &answer.answers[index];
            session.last_told.tell(TrustArgs::Answer {
                question: question.asked().to_owned(),
                uri: found.uri.clone(),
                range: found.range,
                within: Some(found.within),
            });
            show::open(client, request, &places[index]).await;
            let told = format!("Fovea: {}", essence(found));
            client.show_message(MessageType::INFO, told).await;
        }
        Some(_) => {
            let writing = "Fovea: writing an answer, which takes some seconds";
            client.show_message(MessageType::INFO, writing).await;
            match write::answer(session, request, question, found, &Steps::silent()).await {
                Ok(Some(written)) => write::tell(client, request, &written).await,
                Ok(None) => {}
                Err(error) => {
                    let message = format!("Fovea: {}", error.message);
                    client.show_message(MessageType::ERROR, message).await;
                }
            }
        }
        None => {}
    }
}

/// Maximum number of characters of an answer in a list.
const LONGEST: usize = 70;

/// Maximum number of words in a message.
const NAMED: usize = 4;

/// The words that matter most for an answer, in one line.
///
/// For example `Pooling for pooling +0.23 · 1_Pooling +0.14`.
fn essence(found: &FoundAnswer) -> String {
    let mut words: Vec<&AnswerWord> = found.explained.words.iter().filter(|word| word.score > 0.0).collect();
    words.sort_by(|a, b| b.score.total_cmp(&a.score));
    let told = words.iter().take(NAMED).map(|word| {
        let asked = word.question.as_deref().map(|asked| format!(" for {asked}"));
        format!("{}{} {:+.2}", word.text, asked.unwrap_or_default(), word.score)
    });
    told.collect::<Vec<_>>().join(" · ").replace(char::is_control, " ")
}
