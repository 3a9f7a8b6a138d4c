//! A document's report → `fovea/heat`.

use tower_lsp::ls_types::Uri;

use super::protocol::{HeatParams, Unread};
use super::to_proto;
use crate::analysis::DocumentReport;
use crate::explain::Method;
use crate::render::heat::{LEVELS, UNDERSTOOD, levels};
use crate::text::PositionEncoding;

/// The heat of a report. `None` where the document's name is no URI.
pub fn heat(report: &DocumentReport, method: Method, encoding: PositionEncoding) -> Option<HeatParams> {
    let mut words = Vec::new();
    let mut unread = Vec::new();
    for (unit, explained) in report.segments.units.iter().zip(&report.units) {
        let Some(explained) = explained else {
            continue;
        };
        if explained.coverage < UNDERSTOOD {
            let range = to_proto::range(&report.snapshot, &unit.range, encoding);
            unread.push(Unread {
                range,
                coverage: to_proto::number(explained.coverage),
                reason: not_understood(explained.coverage),
            });
            continue;
        }
        for (word, level) in explained.words.iter().zip(levels(explained)) {
            if level == 0 {
                continue;
            }
            let place = |offset| report.snapshot.position(unit.range.start + offset, encoding);
            let (start, end) = (place(word.range.start), place(word.range.end));
            // A word does not cross lines; should one, its first line is coloured.
            let end = if end.line == start.line { end.column } else { u32::MAX };
            words.push([start.line, start.column, end, level]);
        }
    }
    Some(HeatParams {
        uri: report.id.parse().ok()?,
        version: report.snapshot.version(),
        method: method.name().to_owned(),
        levels: LEVELS,
        complete: report.complete(),
        words,
        unread,
    })
}

/// Heat that draws nothing.
pub fn nothing(uri: Uri, version: i32, method: Method) -> HeatParams {
    let method = method.name().to_owned();
    HeatParams {
        uri,
        version,
        method,
        levels: LEVELS,
        complete: true,
        words: Vec::new(),
        unread: Vec::new(),
    }
}

/// What to say of text that the model cannot read.
pub fn not_understood(coverage: f32) -> String {
    format!(
        "The model's vocabulary has {:.0} % of the letters here, so its scores would mean nothing; a multilingual model \
         (setting fovea.model.dir) reads this.",
        coverage * 100.0
    )
}
