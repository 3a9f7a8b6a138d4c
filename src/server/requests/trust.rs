//! `fovea.trust`: a test whether users can trust the explanation of a unit, a comparison or an answer.

use std::sync::Arc;

use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{MessageType, Position, Range, Uri};

use super::ask::asked_of;
use super::passage;
use crate::analysis::AnalysisHandle;
use crate::explain::trust::Trust;
use crate::server::protocol::{Passage, TrustAnswer, TrustArgs};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;
use crate::similar::ask;

/// What the argument has to be.
pub const EXPECTED: &str = "an object with uri and position, with a and b, or with question, uri and range";

/// Judges an explanation.
///
/// If the client has no interface for Fovea, a message shows the sentence.
///
/// # Errors
/// Invalid parameters for a document that is not open or not analyzed, an unreadable passage, and a question without words; otherwise the
/// reason why there is no answer.
pub async fn trust(
    session: &Session,
    client: &Client,
    request: &RequestSnapshot,
    asked: TrustArgs,
) -> Result<Option<TrustAnswer>> {
    let analysis = session.analysis().ok_or_else(Error::internal_error)?;
    let (trust, range) = match asked {
        TrustArgs::Unit { uri, position } => match unit(analysis, request, &uri, position).await? {
            Some((trust, range)) => (Some(trust), Some(range)),
            None => (None, None),
        },
        TrustArgs::Comparison { a, b } => (comparison(analysis, request, a, b).await?, None),
        TrustArgs::Answer {
            question,
            uri,
            range,
            within,
        } => (answer(analysis, request, &question, (uri, range, within)).await?, None),
    };
    let Some(trust) = trust else { return Ok(None) };
    if !request.client.fovea {
        let sentence = format!("Fovea: {}", trust.sentence);
        client.show_message(MessageType::INFO, sentence).await;
    }
    Ok(Some(told(trust, range)))
}

async fn unit(
    analysis: &AnalysisHandle,
    request: &RequestSnapshot,
    uri: &Uri,
    position: Position,
) -> Result<Option<(Trust, Range)>> {
    let active = request.required(uri)?;
    let place = Range {
        start: position,
        end: position,
    };
    let offset = request.bytes(&active.snapshot, place).start;
    let asked = analysis.trust(&active.id, active.snapshot.clone(), offset, request.cancel.clone());
    let report = asked.await.map_err(|refusal| to_proto::refusal(&refusal))?;
    Ok(report.map(|report| {
        let range = request.range(&active.snapshot, &report.unit.range);
        (report.trust, range)
    }))
}

async fn comparison(
    analysis: &AnalysisHandle,
    request: &RequestSnapshot,
    a: Passage,
    b: Passage,
) -> Result<Option<Trust>> {
    let (a, b) = (passage::stretch(request, a).await?, passage::stretch(request, b).await?);
    let asked = analysis.trust_comparison(a.question(), b.question(), request.cancel.clone());
    asked.await.map_err(|refusal| to_proto::refusal(&refusal))
}

/// Judges an answer of `fovea.ask`.
pub async fn answer(
    analysis: &AnalysisHandle,
    request: &RequestSnapshot,
    question: &str,
    (uri, range, within): (Uri, Range, Option<Range>),
) -> Result<Option<Trust>> {
    if !ask::has_words(question) {
        return Err(Error::invalid_params(
            "fovea.trust: the question contains no words; give the question of the answer",
        ));
    }
    let snapshot = passage::document(request, &uri).await?;
    let passage = ask::Passage {
        place: uri.as_str().to_owned(),
        name: None,
        range: request.bytes(&snapshot, within.unwrap_or(range)),
        snapshot: snapshot.clone(),
        score: 0.0,
    };
    let question = Arc::new(asked_of(request, question));
    let place = (&Arc::new(passage), request.bytes(&snapshot, range));
    let asked = analysis.trust_answer(&question, place, request.cancel.clone());
    asked.await.map_err(|refusal| to_proto::refusal(&refusal))
}

fn told(trust: Trust, range: Option<Range>) -> TrustAnswer {
    TrustAnswer {
        target: trust.target,
        sentence: trust.sentence,
        verdict: trust.verdict,
        range,
        method: trust.method,
        deleted: trust.deleted,
        words: trust.words,
        marked: to_proto::number(trust.marked),
        random: to_proto::number(trust.random),
        ratio: to_proto::number(trust.ratio),
        beats: to_proto::number(trust.beats),
        sets: trust.sets,
        curve: trust
            .curve
            .into_iter()
            .map(|(words, change)| (words, to_proto::number(change)))
            .collect(),
    }
}
