//! Converts a document's report into `fovea/heat`.
//!
//! [`HeatDiff`] keeps what the server sent, unit by unit. It does not measure an unchanged unit again, and does not send it again to a
//! client that accepts changes. A keystroke in a long file therefore costs one unit.

use std::path::Path;
use std::sync::Arc;

use tower_lsp::ls_types::{Position, Range, Uri};

use super::protocol::{Changed, HeatParams, Unread};
use super::request_snapshot::RequestSnapshot;
use super::settings::HeatPreset;
use super::to_proto;
use super::uris;
use crate::analysis::{DocumentId, DocumentReport, UnitReport};
use crate::explain::Method;
use crate::render::heat::{LEVELS, UNDERSTOOD, levels};
use crate::render::telling;
use crate::segment::Unit;
use crate::similar::index::holds_data;
use crate::text::{ByteRange, PositionEncoding, Snapshot};

/// How the server draws heat.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// The method of the scores.
    pub method: Method,
    /// How much is shown.
    pub preset: HeatPreset,
    /// How the client counts columns.
    pub encoding: PositionEncoding,
    /// Whether the client accepts messages that contain only changes.
    pub changes: bool,
}

impl Style {
    /// The style from the settings and the client of a request.
    pub fn of(request: &RequestSnapshot) -> Style {
        Style {
            method: request.settings.method,
            preset: request.settings.heat(),
            encoding: request.client.encoding,
            changes: request.client.heat_changes,
        }
    }
}

/// The words of a unit that have heat, as indices with levels, in text order.
///
/// `text` is the text of the unit.
pub fn shown(preset: HeatPreset, text: &str, unit: &Unit, report: &UnitReport) -> Vec<(usize, u32)> {
    if report.coverage < UNDERSTOOD {
        return Vec::new();
    }
    match preset {
        HeatPreset::Off => Vec::new(),
        HeatPreset::Full => levels(report).enumerate().filter(|(_, level)| *level > 0).collect(),
        HeatPreset::Quiet => telling::marked(text, unit, report),
    }
}

/// The preset of a document.
///
/// Quiet becomes off if the name of the document marks it as a data file.
pub fn preset_of(id: &DocumentId, preset: HeatPreset) -> HeatPreset {
    match preset {
        HeatPreset::Quiet if uris::parse(id).is_some_and(|uri| holds_data(Path::new(&uris::file_name(&uri)))) => {
            HeatPreset::Off
        }
        preset => preset,
    }
}

/// The heat of one document as the server last sent it.
#[derive(Debug, Default)]
pub struct HeatDiff {
    /// The version that it belongs to; `None` before the first message.
    version: Option<i32>,
    units: Vec<Drawn>,
    /// The number of lines of that version.
    lines: u32,
}

/// One unit as the server last drew it.
#[derive(Debug)]
struct Drawn {
    range: ByteRange,
    report: Option<Arc<UnitReport>>,
    /// The line it starts on.
    line: u32,
    /// Whether it starts at the beginning of that line.
    flush: bool,
    /// `[line, start, end, level]`; lines count from the first line of the unit.
    words: Vec<[u32; 4]>,
    /// The range and the coverage of a unit that the model does not understand.
    ///
    /// The lines of the range count from the first line of the unit.
    unread: Option<(Range, f32)>,
}

impl HeatDiff {
    /// Draws a report; `None` if the document's name is no URI.
    ///
    /// If the style has `changes` and there was an earlier message, the result contains only the changes since. A diff holds units as one
    /// style draws them; another style needs another diff.
    pub fn draw(&mut self, report: &DocumentReport, style: &Style) -> Option<HeatParams> {
        let uri = uris::parse(&report.id)?;
        let since = self.version.replace(report.snapshot.version());
        let (first, last, stretch) = self.take_over(report, style);
        let changed = since
            .filter(|_| style.changes)
            .map(|since| Changed { since, ..stretch });
        let lines = changed
            .as_ref()
            .map_or(0..u32::MAX, |changed| changed.start..changed.end);
        // The previous unit may end on the first changed line.
        let from = self.units[..first].iter().rposition(|unit| unit.line < lines.start);
        let units = match changed {
            Some(_) => &self.units[from.unwrap_or(0)..last],
            None => &self.units[..],
        };
        // A model without surprisal uses another method than the chosen one.
        let method = report
            .units
            .iter()
            .flatten()
            .next()
            .map_or(style.method, |unit| unit.method);
        let mut params = empty(uri, report.snapshot.version(), method, report.complete());
        for unit in units {
            let words = unit
                .words
                .iter()
                .map(|[line, start, end, level]| [line + unit.line, *start, *end, *level]);
            params.words.extend(words.filter(|word| lines.contains(&word[0])));
            if lines.contains(&unit.line) {
                params.unread.extend(unit.unread());
            }
        }
        params.changed = changed;
        Some(params)
    }

    /// Takes over the units of a report and keeps unchanged units at both ends.
    ///
    /// Returns the indices between which units are new, and the lines of the new units.
    fn take_over(&mut self, report: &DocumentReport, style: &Style) -> (usize, usize, Changed) {
        let preset = preset_of(&report.id, style.preset);
        let rope = report.snapshot.rope();
        let line_of = |offset: usize| u32::try_from(rope.byte_to_line(offset)).unwrap_or(u32::MAX);
        let units = &report.segments.units;
        let same = |(unit, told): (&Unit, &Option<Arc<UnitReport>>), old: &Drawn| {
            let report = told.as_ref().zip(old.report.as_ref());
            unit.range.len() == old.range.len() && report.is_some_and(|(new, old)| Arc::ptr_eq(new, old))
        };
        let all = || units.iter().zip(&report.units);
        // Each report belongs to one text, so the same reports from the start mean the same text.
        let first = all().zip(&self.units).take_while(|(new, old)| same(*new, old)).count();
        let most = units.len().min(self.units.len()) - first;
        let alike = all().rev().zip(self.units.iter().rev()).take(most);
        let mut kept = alike.take_while(|(new, old)| same(*new, old)).count();
        // The unchanged lines at the end must begin with a unit that starts its line, in the old and in the new text.
        let starts_line = |offset: usize| offset == rope.line_to_byte(rope.byte_to_line(offset));
        while kept > 0 {
            let (old, new) = (&self.units[self.units.len() - kept], &units[units.len() - kept]);
            if old.flush && starts_line(new.range.start) {
                break;
            }
            kept -= 1;
        }
        let (old_last, last) = (self.units.len() - kept, units.len() - kept);
        let old_lines = std::mem::replace(&mut self.lines, u32::try_from(rope.len_lines()).unwrap_or(u32::MAX));
        let (was, end) = match self.units.get(old_last) {
            Some(old) => (old.line, line_of(units[last].range.start)),
            None => (old_lines, self.lines),
        };
        let start = units.get(first).map_or(self.lines, |unit| line_of(unit.range.start));
        let start = start
            .min(self.units.get(first).map_or(old_lines, |old| old.line))
            .min(end);
        let mut tail = self.units.split_off(old_last);
        self.units.truncate(first);
        for (unit, told) in all().take(last).skip(first) {
            let line = line_of(unit.range.start);
            self.units.push(Drawn::new(
                &report.snapshot,
                unit,
                told.clone(),
                line,
                (preset, style.encoding),
            ));
        }
        for (old, unit) in tail.iter_mut().zip(&units[last..]) {
            old.range = unit.range.clone();
            old.line = old.line - was + end;
        }
        self.units.append(&mut tail);
        let since = 0;
        (first, last, Changed { since, start, end, was })
    }
}

impl Drawn {
    fn new(
        snapshot: &Snapshot,
        unit: &Unit,
        report: Option<Arc<UnitReport>>,
        line: u32,
        (preset, encoding): (HeatPreset, PositionEncoding),
    ) -> Drawn {
        let place = |offset| snapshot.position(unit.range.start + offset, encoding);
        let (mut words, mut unread) = (Vec::new(), None);
        let understood = report.as_ref().filter(|report| report.coverage >= UNDERSTOOD);
        if let Some(understood) = understood {
            let text = snapshot.text(unit.range.clone());
            for (index, level) in shown(preset, &text, unit, understood) {
                let word = &understood.words[index];
                let (start, end) = (place(word.range.start), place(word.range.end));
                // A word does not cross lines. If one did, only its part on the first line would be colored.
                let end = if end.line == start.line { end.column } else { u32::MAX };
                words.push([start.line - line, start.column, end, level]);
            }
        } else if let Some(report) = &report {
            let range = to_proto::range(snapshot, &unit.range, encoding);
            unread = Some((shifted(range, |at| at - line), report.coverage));
        }
        let flush = snapshot.rope().line_to_byte(line as usize) == unit.range.start;
        Drawn {
            range: unit.range.clone(),
            report,
            line,
            flush,
            words,
            unread,
        }
    }

    fn unread(&self) -> Option<Unread> {
        let (range, coverage) = self.unread?;
        Some(Unread {
            range: shifted(range, |at| at + self.line),
            coverage: to_proto::number(coverage),
            reason: not_understood(coverage),
        })
    }
}

fn shifted(range: Range, line: impl Fn(u32) -> u32) -> Range {
    let place = |at: Position| Position {
        line: line(at.line),
        character: at.character,
    };
    Range {
        start: place(range.start),
        end: place(range.end),
    }
}

/// Heat without words.
pub fn nothing(uri: Uri, version: i32, method: Method) -> HeatParams {
    empty(uri, version, method, true)
}

fn empty(uri: Uri, version: i32, method: Method, complete: bool) -> HeatParams {
    HeatParams {
        uri,
        version,
        method: method.name().to_owned(),
        levels: LEVELS,
        complete,
        changed: None,
        words: Vec::new(),
        unread: Vec::new(),
    }
}

/// The message for text that the model cannot read.
pub fn not_understood(coverage: f32) -> String {
    format!(
        "The model knows only {:.0} % of the characters here, so its scores would mean nothing; a multilingual model (setting \
         fovea.model.dir) can read this text.",
        coverage * 100.0
    )
}

#[cfg(test)]
mod tests;
