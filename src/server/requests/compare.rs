//! `fovea.comparePassages`: the reasons why two passages resemble each other.

use serde_json::{Value, json};
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::MessageType;

use super::passage::{self, Stretch};
use crate::analysis::AnalysisHandle;
use crate::explain::Which;
use crate::render::json;
use crate::server::protocol::{CompareOptions, CompareRow, CompareSide, CompareWord, Passage, TrustArgs};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;

/// Returns the JSON of `fovea compare`, or the row of one word.
///
/// If the client has no interface for Fovea, a message shows the summary.
///
/// # Errors
/// Invalid parameters for an unreadable passage ([`passage::stretch`]) and for a word that does not exist; otherwise the reason why there
/// is no answer.
pub async fn passages(
    session: &Session,
    client: &Client,
    request: &RequestSnapshot,
    (a, b): (Passage, Passage),
    options: CompareOptions,
) -> Result<Value> {
    let both = TrustArgs::Comparison {
        a: a.clone(),
        b: b.clone(),
    };
    let (a, b) = (passage::stretch(request, a).await?, passage::stretch(request, b).await?);
    let analysis = session.analysis().ok_or_else(Error::internal_error)?;
    if let Some(asked) = options.row {
        return row(analysis, request, (&a, &b), asked).await;
    }
    let pairs = options.pairs.unwrap_or(true);
    let asked = analysis.compare(a.question(), b.question(), pairs, request.cancel.clone());
    let report = asked.await.map_err(|refusal| to_proto::refusal(&refusal))?;
    let answer = json::compare(&report, (&a.snapshot, &a.range), (&b.snapshot, &b.range));
    if !request.client.fovea {
        // The number of the lens, if the languages' means are known.
        let similarity = report.centered.as_ref().map_or(report.cosine, |own| own.similarity);
        let essence = format!("Fovea: similarity {similarity:.2}. {}", answer.summary);
        session.last_told.tell(both);
        client.show_message(MessageType::INFO, essence).await;
    }
    Ok(json!(answer))
}

async fn row(
    analysis: &AnalysisHandle,
    request: &RequestSnapshot,
    (a, b): (&Stretch, &Stretch),
    CompareWord { side, word }: CompareWord,
) -> Result<Value> {
    let which = match side {
        CompareSide::A => Which::A,
        CompareSide::B => Which::B,
    };
    let asked = analysis.compare_word(a.question(), b.question(), (which, word), request.cancel.clone());
    let row = asked.await.map_err(|refusal| to_proto::refusal(&refusal))?;
    let row = row.ok_or_else(|| Error::invalid_params(format!("row: the passage has no word {word}")))?;
    Ok(json!(CompareRow {
        side,
        word,
        scores: row.words,
        special: row.special,
        bias: row.bias,
    }))
}
