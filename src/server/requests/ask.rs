//! `fovea.ask`: passages that answer a question, and the words that matter for it.

use std::sync::Arc;
use std::time::Instant;

use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{MessageType, ProgressToken, Uri};

use super::similar::one_line;
use super::{passage, show};
use crate::analysis::{AnalysisHandle, Home, IndexStage, Neighbor};
use crate::explain::Method;
use crate::server::progress::Steps;
use crate::server::protocol::{AnswerWord, AskAnswer, AskArgs, Explained, FoundAnswer, SimilarItem};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;
use crate::server::uris;
use crate::similar::ask::{self, Answer, Looked, Passage, Question, Scored, Wish};
use crate::text::{Snapshot, ceil_char, floor_char};

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
    session: &Session,
    client: &Client,
    request: &RequestSnapshot,
    asked: AskArgs,
    token: Option<ProgressToken>,
) -> Result<AskAnswer> {
    let start = Instant::now();
    let (question, uri, top, threshold) = match asked {
        AskArgs::Question(question) => (question, None, None, None),
        AskArgs::Scoped {
            question,
            uri,
            top,
            threshold,
        } => (question, uri, top, threshold),
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
    let question = Arc::new(Question::new(question.trim()));
    let steps = Steps::begin(client, token, &format!("Fovea: {}", one_line(question.text()))).await;
    let told = answers(session, request, (&question, uri), wish, &steps).await;
    steps.end().await;
    let (answers, notes) = told?;
    let answer = AskAnswer {
        answers,
        notes,
        ms: to_proto::number(start.elapsed().as_secs_f32() * 1e3),
    };
    if !request.client.fovea {
        tell(client, request, question.text(), &answer).await;
    }
    Ok(answer)
}

/// The answers, and notes that say why they mean less than usual.
async fn answers(
    session: &Session,
    request: &RequestSnapshot,
    (question, uri): (&Arc<Question>, Option<Uri>),
    wish: Wish,
    steps: &Steps<'_>,
) -> Result<(Vec<FoundAnswer>, Vec<String>)> {
    let analysis = session.analysis().ok_or_else(Error::internal_error)?;
    let (passages, notes) = match uri {
        Some(uri) => (of_document(request, uri).await?, Vec::new()),
        None => found(analysis, request, question.text()).await?,
    };
    let mut sentences: Vec<(usize, Scored)> = Vec::new();
    let mut spans: Vec<Answer> = Vec::new();
    let all: Vec<Passage> = passages.iter().map(|(_, passage)| Passage::clone(passage)).collect();
    for (index, (_, passage)) in passages.iter().enumerate() {
        if ask::enough(&sentences, &all, wish) {
            break;
        }
        steps.at(index, passages.len()).await;
        let looked = analysis.look(question, (index, passage), request.cancel.clone());
        match looked.await.map_err(|refusal| to_proto::refusal(&refusal))? {
            Looked::Sentences(own) => sentences.extend(own.into_iter().map(|own| (index, own))),
            Looked::Spans(own) => spans.extend(own),
        }
    }
    let mut answers = ask::best_spans(spans, &all, wish);
    for (index, own) in ask::best(sentences, &all, wish) {
        let passage = (index, &passages[index].1);
        let explained = analysis.explain_answer(question, passage, &own, request.cancel.clone());
        answers.push(explained.await.map_err(|refusal| to_proto::refusal(&refusal))?);
    }
    let told = answers.into_iter().map(|answer| {
        let (uri, passage) = &passages[answer.passage];
        shown(request, uri, passage, answer)
    });
    Ok((told.collect(), notes))
}

type Passages = Vec<(Uri, Arc<Passage>)>;

/// Splits one document into passages.
async fn of_document(request: &RequestSnapshot, uri: Uri) -> Result<Passages> {
    let snapshot = passage::document(request, &uri).await?;
    let part = |range| Passage {
        place: uri.as_str().to_owned(),
        name: None,
        range,
        snapshot: snapshot.clone(),
        score: 0.0,
    };
    let parts = ask::parts(&snapshot).into_iter();
    Ok(parts.map(|range| (uri.clone(), Arc::new(part(range)))).collect())
}

/// Searches the open documents and folders; returns passages with their text.
async fn found(
    analysis: &AnalysisHandle,
    request: &RequestSnapshot,
    question: &str,
) -> Result<(Passages, Vec<String>)> {
    let searched = analysis.passages(question, request.cancel.clone()).await;
    let searched = searched.map_err(|refusal| to_proto::refusal(&refusal))?;
    let mut passages: Passages = Vec::new();
    for near in &searched.found {
        // A file that was deleted or excluded after indexing answers nothing.
        if let Some((uri, snapshot)) = text_of(request, near).await {
            let text = snapshot.text(0..snapshot.len());
            let own = (near.item.start.byte, near.item.end.byte);
            let range = floor_char(&text, own.0.min(text.len()))..ceil_char(&text, own.1.min(text.len()));
            let passage = Passage {
                place: uri.as_str().to_owned(),
                name: Some(near.item.name.clone()).filter(|name| !name.is_empty()),
                range,
                snapshot: snapshot.clone(),
                score: near.score,
            };
            if !passages.iter().any(|(_, better)| better.overlaps(&passage)) {
                passages.push((uri, Arc::new(passage)));
            }
        }
    }
    let stage = analysis.status().index.stage;
    let grows = matches!(stage, IndexStage::Indexing(_) | IndexStage::Waiting);
    let growing = grows.then_some("the folder is still being indexed, so answers may be missing; ask again in a while");
    let notes = searched.note.into_iter().chain(growing.map(str::to_owned));
    Ok((passages, notes.collect()))
}

async fn text_of(request: &RequestSnapshot, near: &Neighbor) -> Option<(Uri, Snapshot)> {
    let uri = match &near.home {
        Home::Document { id, .. } => uris::parse(id)?,
        Home::File(path) => uris::of_path(path)?,
        Home::Store { .. } => return None,
    };
    let snapshot = passage::document(request, &uri).await.ok()?;
    Some((uri, snapshot))
}

/// Converts an answer for the client.
fn shown(request: &RequestSnapshot, uri: &Uri, passage: &Passage, answer: Answer) -> FoundAnswer {
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
        text: text(&answer.range),
        score: to_proto::number(answer.score),
        name: passage.name.clone(),
        model: answer.model,
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

/// Shows the answers as choices, and opens the place that the user chooses.
///
/// For editors without an interface for Fovea.
async fn tell(client: &Client, request: &RequestSnapshot, question: &str, answer: &AskAnswer) {
    for note in &answer.notes {
        client.show_message(MessageType::INFO, format!("Fovea: {note}")).await;
    }
    if answer.answers.is_empty() {
        let nothing = "Fovea: nothing here answers that";
        client.show_message(MessageType::INFO, nothing).await;
        return;
    }
    let place = |found: &FoundAnswer| SimilarItem {
        uri: found.uri.clone(),
        range: found.range,
        selection: found.range,
        name: found.text.split_whitespace().collect::<Vec<_>>().join(" "),
        kind: String::new(),
        language: String::new(),
        score: found.score,
        why: None,
        store: None,
    };
    let places: Vec<SimilarItem> = answer.answers.iter().map(place).collect();
    if let Some(index) = show::choose(client, request, None, &one_line(question), &places).await {
        show::open(client, request, &places[index]).await;
        let told = format!("Fovea: {}", essence(&answer.answers[index]));
        client.show_message(MessageType::INFO, told).await;
    }
}

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
