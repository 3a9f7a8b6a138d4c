//! `textDocument/documentColor`: heat for editors that draw none, as colors of the highest-scored words.

use std::time::Duration;

use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{Color, ColorInformation, DocumentColorParams};

use crate::analysis::{DocumentReport, Refusal};
use crate::render::heat::LEVELS;
use crate::server::heat;
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::settings::HeatPreset;
use crate::server::to_proto;

/// The lowest level with a color: nearly three times the average share. A swatch before every word would not help.
const LEAST: u32 = 10;

/// The colors of the levels from [`LEAST`] on, from pale to strong blue.
///
/// They are visible on light and dark backgrounds, and none looks like an error.
const RAMP: [[u8; 3]; (LEVELS - LEAST + 1) as usize] = [[143, 179, 217], [92, 143, 204], [46, 105, 189]];

/// The colors of a document.
///
/// The server cannot tell an editor that colors have changed. The handler therefore waits for the analysis, as long as a first hover may
/// take, and then returns what is available.
///
/// # Errors
/// Fails if the client canceled the request, or its document changed.
pub async fn colors(
    session: &Session,
    request: &RequestSnapshot,
    params: DocumentColorParams,
) -> jsonrpc::Result<Vec<ColorInformation>> {
    let wanted = request.settings.document_color && request.settings.heat() != HeatPreset::Off;
    let active = request.active(&params.text_document.uri).filter(|_| wanted);
    let (Some(active), Some(analysis)) = (active, session.analysis()) else {
        return Ok(Vec::new());
    };
    let patience = Duration::from_millis(request.settings.hover_deadline_ms);
    let asked = analysis.explain_document(&active.id, active.snapshot.clone(), request.cancel.clone());
    let report = match tokio::time::timeout(patience, asked).await {
        Ok(Ok(report)) => Some(report),
        Ok(Err(refusal @ (Refusal::Cancelled | Refusal::Stale))) => return Err(to_proto::refusal(&refusal)),
        Ok(Err(_)) | Err(_) => analysis.report(&active.id, active.snapshot.version()),
    };
    Ok(report.map_or_else(Vec::new, |report| drawn(request, &report)))
}

fn drawn(request: &RequestSnapshot, report: &DocumentReport) -> Vec<ColorInformation> {
    let preset = heat::preset_of(&report.id, request.settings.heat());
    let units = report.segments.units.iter().zip(&report.units);
    let words = units
        .filter_map(|(unit, told)| Some((unit, told.as_ref()?)))
        .flat_map(|(unit, told)| {
            let (text, start) = (report.snapshot.text(unit.range.clone()), unit.range.start);
            let shown = heat::shown(preset, &text, unit, told);
            let place = move |range: &crate::text::ByteRange| start + range.start..start + range.end;
            shown
                .into_iter()
                .map(move |(index, level)| (place(&told.words[index].range), level))
        });
    let colors = words.filter_map(|(range, level)| {
        let [red, green, blue] = *RAMP.get(level.checked_sub(LEAST)? as usize)?;
        let part = |value: u8| f32::from(value) / 255.0;
        Some(ColorInformation {
            range: to_proto::range(&report.snapshot, &range, request.client.encoding),
            color: Color {
                red: part(red),
                green: part(green),
                blue: part(blue),
                alpha: 1.0,
            },
        })
    });
    colors.collect()
}
