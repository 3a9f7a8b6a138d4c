//! Finds the unit, the word and the language at a position.

use std::sync::Arc;

use super::{CursorReport, DocumentReport, SourcesReport, UnitReport};
use crate::segment::Segments;
use crate::text::{ByteRange, Language, Snapshot};

/// The unit that contains an offset; the end of the document belongs to the last unit.
pub fn unit_at(segments: &Segments, offset: usize) -> Option<usize> {
    let index = segments.units.partition_point(|unit| unit.range.end <= offset);
    let last = segments.units.len().checked_sub(1)?;
    if index <= last {
        return (segments.units[index].range.start <= offset).then_some(index);
    }
    (segments.units[last].range.end == offset).then_some(last)
}

/// The word at an offset in the unit's text. A cursor at the end of a word means that word, unless another begins there.
fn word_at(report: &UnitReport, offset: usize) -> Option<usize> {
    let holds = report.words.iter().position(|word| word.range.contains(&offset));
    holds.or_else(|| {
        report
            .words
            .iter()
            .position(|word| word.range.end == offset && !word.range.is_empty())
    })
}

/// What the model says about the word at an offset of a document.
pub fn cursor_report(
    document: &DocumentReport,
    index: usize,
    offset: usize,
    report: Arc<UnitReport>,
    sources: Arc<SourcesReport>,
) -> CursorReport {
    let unit = document.segments.units[index].clone();
    let word = word_at(&report, offset.saturating_sub(unit.range.start));
    CursorReport {
        snapshot: document.snapshot.clone(),
        unit,
        report,
        word,
        sources,
    }
}

/// The language of a range: that of its unit, which differs from the document's in a fenced block.
pub fn language_of(report: Option<&DocumentReport>, snapshot: &Snapshot, range: &ByteRange) -> Language {
    let unit = report.and_then(|report| {
        let unit = &report.segments.units[unit_at(&report.segments, range.start)?];
        (range.end <= unit.range.end).then_some(unit.language)
    });
    unit.unwrap_or_else(|| snapshot.language())
}
