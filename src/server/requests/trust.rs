//! `fovea.trust`: a test whether users can trust the explanation of a unit.

use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{MessageType, Range};

use crate::server::protocol::{TrustAnswer, TrustArgs};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;

/// Judges the explanation of the unit at a position.
///
/// If the client has no interface for Fovea, a message shows the sentence.
///
/// # Errors
/// Invalid parameters for a document that is not open or not analyzed; otherwise the reason why there is no answer.
pub async fn trust(
    session: &Session,
    client: &Client,
    request: &RequestSnapshot,
    asked: TrustArgs,
) -> Result<Option<TrustAnswer>> {
    let active = request.required(&asked.uri)?;
    let place = Range {
        start: asked.position,
        end: asked.position,
    };
    let offset = request.bytes(&active.snapshot, place).start;
    let analysis = session.analysis().ok_or_else(Error::internal_error)?;
    let asked = analysis.trust(&active.id, active.snapshot.clone(), offset, request.cancel.clone());
    let Some(report) = asked.await.map_err(|refusal| to_proto::refusal(&refusal))? else {
        return Ok(None);
    };
    let trust = report.trust;
    if !request.client.fovea {
        let sentence = format!("Fovea: {}", trust.sentence);
        client.show_message(MessageType::INFO, sentence).await;
    }
    Ok(Some(TrustAnswer {
        sentence: trust.sentence,
        verdict: trust.verdict,
        range: request.range(&active.snapshot, &report.unit.range),
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
            .map(|(words, turn)| (words, to_proto::number(turn)))
            .collect(),
    }))
}
