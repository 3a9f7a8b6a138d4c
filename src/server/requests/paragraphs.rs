//! The paragraphs of a text without functions, types and headings, such as a letter or a log: a person's classes are about them.

use std::sync::Arc;

use crate::analysis::DocumentReport;
use crate::segment::{Item, ItemKind, Unit, UnitKind};
use crate::similar::{MIN_COVERAGE, mean};

/// Maximum characters of a name.
const NAME: usize = 40;

/// The paragraphs as items, each with its unit; none in code, in data, and in documents with items.
pub(super) fn paragraphs(report: &DocumentReport) -> Vec<Item> {
    if report.snapshot.language().is_code() || !report.segments.items.is_empty() {
        return Vec::new();
    }
    let units = report.segments.units.iter().enumerate();
    let own = units.filter(|(_, unit)| unit.kind == UnitKind::Paragraph);
    own.filter_map(|(index, unit)| item(report, index, unit)).collect()
}

fn item(report: &DocumentReport, index: usize, unit: &Unit) -> Option<Item> {
    let text = report.snapshot.text(unit.range.clone());
    let start = unit.range.start + (text.len() - text.trim_start().len());
    let first = text.trim().lines().next()?;
    let name: String = first.chars().take(NAME).collect();
    Some(Item {
        name: name.trim_end().to_owned(),
        kind: ItemKind::Heading,
        range: start..start + text.trim().len(),
        name_range: start..start + first.trim_end().len(),
        units: index..index + 1,
    })
}

/// The vector of a paragraph, of unit length; `None` if the model cannot read it.
pub(super) fn vector(report: &DocumentReport, paragraph: &Item) -> Option<Arc<[f32]>> {
    let unit = report.units.get(paragraph.units.start)?.as_deref()?;
    let read = unit.read_by_chosen();
    let readable = read.coverage >= MIN_COVERAGE;
    let vector = readable.then(|| mean(std::iter::once((&*unit.embedding, read.tokens))))?;
    vector.map(Into::into)
}
