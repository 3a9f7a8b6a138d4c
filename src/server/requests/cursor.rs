//! Looks up the word under the cursor, for hover and highlights, within a deadline.

use std::time::Duration;

use tower_lsp::jsonrpc;
use tower_lsp::ls_types::TextDocumentPositionParams;

use crate::analysis::{CursorReport, Refusal, UnitReport};
use crate::segment::Unit;
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;

/// Time limit for a hover over analyzed text.
///
/// It is short because editors wait for every server before they show a hover.
pub const WARM: Duration = Duration::from_millis(150);

/// The result of a lookup.
pub enum Cursor {
    /// The word, and the words that it draws on.
    Full(Box<CursorReport>),
    /// The deadline passed; the unit and its report were known before.
    Known(Unit, std::sync::Arc<UnitReport>),
    /// No result.
    Nothing,
}

/// Asks for the word at a position.
///
/// A newer question with the same purpose replaces this one. The time limit is `warm` for analyzed text, otherwise the setting
/// `fovea.hover.deadlineMs`. A question that misses its limit is still computed, so that the next one finds the answer.
///
/// # Errors
/// Fails if the client canceled the request, or its document changed.
pub async fn at(
    purpose: &'static str,
    session: &Session,
    request: &RequestSnapshot,
    place: &TextDocumentPositionParams,
    warm: Duration,
) -> jsonrpc::Result<Option<(Active, usize, Cursor)>> {
    let (Some(active), Some(analysis)) = (request.active(&place.text_document.uri), session.analysis()) else {
        return Ok(None);
    };
    let offset = to_proto::offset(&active.snapshot, place.position, request.client.encoding);
    let known = analysis
        .report(&active.id, active.snapshot.version())
        .and_then(|report| {
            let index = report
                .segments
                .units
                .iter()
                .position(|unit| unit.range.contains(&offset))?;
            Some((report.segments.units[index].clone(), report.units.get(index)?.clone()?))
        });
    let deadline = if known.is_some() {
        warm
    } else {
        Duration::from_millis(request.settings.hover_deadline_ms)
    };
    let asked = {
        let (analysis, id, snapshot) = (analysis.clone(), active.id.clone(), active.snapshot.clone());
        let cancel = request.cancel.clone();
        async move { analysis.explain_at_for(purpose, &id, snapshot, offset, cancel).await }
    };
    let cursor = match (tokio::time::timeout(deadline, tokio::spawn(asked)).await, known) {
        (Ok(Err(panicked)), _) => {
            tracing::error!(%panicked, "a question about the cursor failed");
            Cursor::Nothing
        }
        (Ok(Ok(Ok(Some(report)))), _) => Cursor::Full(Box::new(report)),
        (Ok(Ok(Ok(None))), _) => Cursor::Nothing,
        (Ok(Ok(Err(refusal @ (Refusal::Cancelled | Refusal::Stale)))), _) => return Err(to_proto::refusal(&refusal)),
        (Ok(Ok(Err(refusal))), _) => {
            tracing::debug!(%refusal, "nothing under the cursor");
            Cursor::Nothing
        }
        (Err(_), Some((unit, report))) => Cursor::Known(unit, report),
        (Err(_), None) => Cursor::Nothing,
    };
    Ok(Some((active, offset, cursor)))
}
