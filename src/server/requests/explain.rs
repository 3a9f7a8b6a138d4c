//! `fovea/explain` and `fovea.explainSelection`: the output of `fovea explain` for a document or a range.

use serde_json::{Value, json};
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{MessageType, Uri};

use super::similar::readable;
use crate::analysis::{ModelStatus, UnitReport};
use crate::render::json;
use crate::segment::{Unit, UnitKind, Unparsed};
use crate::server::protocol::{ExplainParams, ExplainSelectionArgs};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;
use crate::server::uris::file_path;
use crate::text::ByteRange;

/// Maximum number of words in a message.
const NAMED: usize = 5;

/// Explains a document unit by unit, or a range of it as one unit.
///
/// # Errors
/// Invalid parameters for a document that is not open or not analyzed, or an empty range; otherwise the reason why there is no answer.
pub async fn explain(session: &Session, request: &RequestSnapshot, params: ExplainParams) -> Result<Value> {
    if !request.client.fovea {
        return Err(Error::method_not_found());
    }
    let uri = params.text_document.uri;
    let active = request.required(&uri)?;
    if let Some(range) = params.range {
        let bytes = request.bytes(&active.snapshot, range);
        return stretch(session, request, &uri, &active, bytes)
            .await
            .map(|(answer, _)| answer);
    }
    let analysis = session.analysis().ok_or_else(Error::internal_error)?;
    let asked = analysis.explain_document(&active.id, active.snapshot.clone(), request.cancel.clone());
    let report = asked.await.map_err(|refusal| to_proto::refusal(&refusal))?;
    let units = report.segments.units.iter().zip(&report.units);
    let units: Vec<(&Unit, &UnitReport)> = units
        .filter_map(|(unit, report)| Some((unit, report.as_deref()?)))
        .collect();
    let unparsed = report.segments.unparsed;
    Ok(answer(session, request, &uri, &active, unparsed, &units))
}

/// Explains a selection. If the client has no interface for Fovea, a message shows the strongest words.
///
/// # Errors
/// Like [`explain`].
pub async fn selection(
    session: &Session,
    client: &Client,
    request: &RequestSnapshot,
    asked: ExplainSelectionArgs,
) -> Result<Value> {
    let active = request.required(&asked.uri)?;
    let bytes = request.bytes(&active.snapshot, asked.range);
    let (answer, essence) = stretch(session, request, &asked.uri, &active, bytes).await?;
    if !request.client.fovea {
        client.show_message(MessageType::INFO, essence).await;
    }
    Ok(answer)
}

async fn stretch(
    session: &Session,
    request: &RequestSnapshot,
    uri: &Uri,
    active: &Active,
    bytes: ByteRange,
) -> Result<(Value, String)> {
    let text = active.snapshot.text(bytes.clone());
    if text.trim().is_empty() {
        return Err(Error::invalid_params(
            "range: the range contains no text; select some text",
        ));
    }
    let analysis = session.analysis().ok_or_else(Error::internal_error)?;
    let asked = analysis.explain_range(
        &active.id,
        active.snapshot.clone(),
        bytes.clone(),
        request.cancel.clone(),
    );
    let report = asked.await.map_err(|refusal| to_proto::refusal(&refusal))?;
    let kind = if active.snapshot.language().is_code() {
        UnitKind::Statements
    } else {
        UnitKind::Paragraph
    };
    let unit = Unit {
        range: bytes,
        kind,
        name: None,
        language: active.snapshot.language(),
    };
    let answer = answer(session, request, uri, active, None, &[(&unit, &*report)]);
    Ok((answer, essence(&report, &text)))
}

/// The name of the chosen model; empty while it loads.
pub(super) fn model_name(session: &Session) -> String {
    match session.analysis().map(|analysis| analysis.status().model) {
        Some(ModelStatus::Ready(info)) => info.name,
        _ => String::new(),
    }
}

fn answer(
    session: &Session,
    request: &RequestSnapshot,
    uri: &Uri,
    active: &Active,
    unparsed: Option<Unparsed>,
    units: &[(&Unit, &UnitReport)],
) -> Value {
    let model = model_name(session);
    let file = match file_path(uri) {
        Some(path) => path.display().to_string(),
        None => readable(request, uri),
    };
    let method = units
        .first()
        .map_or(request.settings.method, |(_, report)| report.method);
    let units = units
        .iter()
        .map(|(unit, report)| json::explain_unit(&active.snapshot, unit, report, &model))
        .collect();
    json!(json::Explain {
        model,
        method,
        file,
        language: active.snapshot.language().name(),
        unparsed: unparsed.map(|reason| reason.to_string()),
        units
    })
}

/// The strongest words with their shares, in one line.
fn essence(report: &UnitReport, text: &str) -> String {
    let mut words: Vec<_> = report.words.iter().collect();
    words.sort_by_key(|word| word.rank);
    let named: Vec<String> = words
        .iter()
        .take(NAMED)
        .map(|word| {
            format!(
                "{} {:.1} %",
                text.get(word.range.clone()).unwrap_or_default(),
                word.score * 100.0
            )
        })
        .collect();
    format!("Fovea: {} ({})", named.join(", "), report.method.name())
}
