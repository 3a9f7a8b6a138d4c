//! Answers from the cache, on the caller's thread, without waiting for the model thread.

use std::sync::Arc;

use super::address::Kind;
use super::place::{cursor_report, language_of, unit_at};
use super::state::Shared;
use super::{CursorReport, DocumentId, Refusal, UnitReport};
use crate::text::{ByteRange, Snapshot};

impl Shared {
    /// The answer to [`super::AnalysisHandle::explain_at`], if the cache has all of it.
    pub fn known_at(
        &self,
        id: &DocumentId,
        snapshot: &Snapshot,
        offset: usize,
    ) -> Result<Option<Option<CursorReport>>, Refusal> {
        let (report, setting) = {
            let mut state = self.state();
            state.check(id, snapshot)?;
            let Some(document) = state.documents.touch(id) else {
                return Ok(None);
            };
            document.cursor = Some(offset);
            (document.current().cloned(), state.setting.clone())
        };
        let (Some(report), Some(setting)) = (report, setting) else {
            return Ok(None);
        };
        let Some(index) = unit_at(&report.segments, offset) else {
            return Ok(Some(None));
        };
        let unit = &report.segments.units[index];
        let text = report.snapshot.text(unit.range.clone());
        let cache = &self.cache;
        let known = report.units[index].clone();
        let known = known.or_else(|| cache.unit(setting.key(Kind::Unit, &text, unit.language)));
        let Some(explanation) = known else { return Ok(None) };
        let Some(sources) = cache.sources(setting.key(Kind::Sources, &text, unit.language)) else {
            return Ok(None);
        };
        Ok(Some(Some(cursor_report(&report, index, offset, explanation, sources))))
    }

    /// The answer to [`super::AnalysisHandle::explain_range`], if the cache has it.
    pub fn known_range(
        &self,
        id: &DocumentId,
        snapshot: &Snapshot,
        range: &ByteRange,
    ) -> Result<Option<Arc<UnitReport>>, Refusal> {
        let (report, setting) = {
            let state = self.state();
            state.check(id, snapshot)?;
            let report = state.documents.get(id).and_then(|document| document.current().cloned());
            (report, state.setting.clone())
        };
        let Some(setting) = setting else { return Ok(None) };
        let text = snapshot.text(range.clone());
        let language = language_of(report.as_deref(), snapshot, range);
        let cache = &self.cache;
        let known = |kind| cache.unit(setting.key(kind, &text, language));
        Ok(known(Kind::Unit).or_else(|| known(Kind::Merged)))
    }
}
