//! What `fovea.ask` finds: the passages that may answer a question, and the sentences in them that do.

use std::sync::Arc;

use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::Uri;

use super::passage;
use crate::analysis::{AnalysisHandle, Home, IndexStage, Neighbor};
use crate::server::progress::Steps;
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;
use crate::server::uris;
use crate::similar::ask::{self, Answer, Looked, Passage, Question, Scored, Wish};
use crate::text::{Snapshot, ceil_char, floor_char};

/// What answers a question.
pub struct Found {
    /// Where it was looked for.
    pub passages: Passages,
    /// The answers, best first.
    pub answers: Vec<Answer>,
    /// Why they mean less than usual.
    pub notes: Vec<String>,
}

/// Finds what answers a question, in the open documents and folders or in one document.
///
/// # Errors
/// The reason why there is no answer.
pub async fn found(
    session: &Session,
    request: &RequestSnapshot,
    (question, uri): (&Arc<Question>, Option<Uri>),
    wish: Wish,
    steps: &Steps<'_>,
) -> Result<Found> {
    let analysis = session.analysis().ok_or_else(Error::internal_error)?;
    let (passages, notes) = match uri {
        Some(uri) => {
            let note = analysis
                .limits_of_question(question.text(), request.cancel.clone())
                .await;
            let note = note.map_err(|refusal| to_proto::refusal(&refusal))?;
            (of_document(request, uri).await?, Vec::from_iter(note))
        }
        None => searched(analysis, request, question.text()).await?,
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
    Ok(Found {
        passages,
        answers,
        notes,
    })
}

/// Passages with their documents.
pub type Passages = Vec<(Uri, Arc<Passage>)>;

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
async fn searched(
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
