//! `fovea explain` in a terminal: the heat map, top words, similar items, figures.

use std::fmt::Write;

use super::found::clean;
use super::paint::{Page, Palette};
use crate::analysis::{DocumentReport, UnitReport};
use crate::explain::Method;
use crate::model::{ModelInfo, largest};
use crate::render::heat::{UNDERSTOOD, levels};
use crate::render::readers::readers;
use crate::segment::Unit;
use crate::text::{ByteRange, PositionEncoding};

/// A line of a list below the heat map: two items that resemble each other.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarPair {
    /// Language-centered cosine.
    pub score: f32,
    /// Name and line (from 1) of the first.
    pub a: (String, u32),
    /// Name and line (from 1) of the second.
    pub b: (String, u32),
}

/// Maximum words in the list of top words.
const TOP: usize = 12;

/// The heat map of a document, its top words, similar items and figures.
pub fn explain(
    report: &DocumentReport,
    similar: &[SimilarPair],
    model: &ModelInfo,
    method: Method,
    file: &str,
    milliseconds: f32,
    palette: Palette,
) -> Page {
    let mut out = Page::new(palette);
    let language = report.snapshot.language().name();
    out.bold(format_args!(
        "{} · {language} · {} · {}",
        clean(file),
        clean(&readers(report, &model.name)),
        method.name()
    ));
    let _ = out.write_char('\n');
    heat_map(&mut out, report);
    top_words(&mut out, report, method);
    similar_items(&mut out, similar);
    figures(&mut out, report, milliseconds);
    out
}

fn heading(out: &mut Page, text: &str) {
    let _ = out.write_char('\n');
    out.bold(text);
    let _ = out.write_char('\n');
}

fn heat_map(out: &mut Page, report: &DocumentReport) {
    let snapshot = &report.snapshot;
    let mut spans: Vec<(ByteRange, u32)> = Vec::new();
    for (unit, explained) in analyzed(report).filter(|(_, explained)| explained.coverage >= UNDERSTOOD) {
        for (word, level) in explained
            .words
            .iter()
            .zip(levels(explained))
            .filter(|(_, level)| *level > 0)
        {
            spans.push((
                unit.range.start + word.range.start..unit.range.start + word.range.end,
                level,
            ));
        }
    }
    let digits = snapshot.line_count().to_string().len();
    let mut next = 0;
    for line in 0..snapshot.line_count() {
        let range = snapshot.line_range(line);
        out.dim(format_args!("{:>digits$} │", line + 1));
        let _ = out.write_char(' ');
        let mut at = range.start;
        while let Some((span, level)) = spans.get(next).filter(|(span, _)| span.start < range.end) {
            let end = span.end.min(range.end);
            let _ = out.write_str(&snapshot.text(at..span.start.max(at)));
            out.heat(&snapshot.text(span.start.max(at)..end), *level);
            at = end;
            next += 1;
        }
        let _ = writeln!(out, "{}", snapshot.text(at..range.end));
    }
}

fn top_words(out: &mut Page, report: &DocumentReport, method: Method) {
    let mut words: Vec<(&Unit, &UnitReport, usize)> = Vec::new();
    for (unit, explained) in analyzed(report).filter(|(_, explained)| explained.coverage >= UNDERSTOOD) {
        words.extend((0..explained.words.len()).map(|index| (unit, explained, index)));
    }
    words.sort_by(|(_, a, i), (_, b, j)| b.words[*j].score.total_cmp(&a.words[*i].score));
    if words.is_empty() {
        return;
    }
    heading(out, "top words, by share of their unit");
    let most = words[0].1.words[words[0].2].score;
    for (unit, explained, index) in words.into_iter().take(TOP) {
        let word = &explained.words[index];
        let range = unit.range.start + word.range.start..unit.range.start + word.range.end;
        let place = report.snapshot.position(range.start, PositionEncoding::Utf8);
        let bar = "█".repeat(((word.score / most * 10.0).round() as usize).max(1));
        let share = match method {
            Method::Decomposition | Method::Surprisal => format!("{:5.1} %", word.score * 100.0),
            _ => format!("{:7.4}", word.score),
        };
        let name = unit
            .name
            .as_deref()
            .map(|name| format!(" in {}", clean(name)))
            .unwrap_or_default();
        let whereabouts = format!("line {}{name}", place.line + 1);
        let text = clean(&report.snapshot.text(range));
        let _ = write!(out, "  {share}  {bar:<10}  {text:<24}  ");
        out.dim(whereabouts);
        let _ = out.write_char('\n');
    }
}

fn similar_items(out: &mut Page, similar: &[SimilarPair]) {
    heading(out, "similar items in this file");
    if similar.is_empty() {
        let _ = writeln!(out, "  none");
    }
    for pair in similar {
        let ((a, line_a), (b, line_b)) = (&pair.a, &pair.b);
        let _ = writeln!(
            out,
            "  ≈ {:.2}  {} (line {line_a}) and {} (line {line_b})",
            pair.score,
            clean(a),
            clean(b)
        );
    }
}

fn figures(out: &mut Page, report: &DocumentReport, milliseconds: f32) {
    let units: Vec<&UnitReport> = analyzed(report).map(|(_, explained)| explained).collect();
    let tokens: usize = units.iter().map(|unit| unit.tokens).sum();
    let mean = |of: &dyn Fn(&UnitReport) -> f32| {
        units.iter().map(|unit| of(unit) * unit.tokens as f32).sum::<f32>() / tokens.max(1) as f32
    };
    let residual = largest(units.iter().map(|unit| unit.residual));
    let _ = out.write_char('\n');
    out.dim(format_args!(
            "{} units, {tokens} tokens, coverage {:.0} %, bias {:.1} %, special tokens {:.1} %, largest residual {residual:.0e}, \
             {milliseconds:.0} ms",
            units.len(),
            mean(&|unit| unit.coverage) * 100.0,
            mean(&|unit| unit.bias_share) * 100.0,
            mean(&|unit| unit.special_share) * 100.0,
    ));
    let _ = out.write_char('\n');
    if let Some(reason) = report.segments.unparsed {
        let _ = writeln!(out, "split by its lines: {reason}");
    }
    for (unit, explained) in analyzed(report).filter(|(_, explained)| explained.coverage < 1.0) {
        let line = report.snapshot.position(unit.range.start, PositionEncoding::Utf8).line + 1;
        let percent = explained.coverage * 100.0;
        let _ = match explained.coverage < UNDERSTOOD {
            true => writeln!(
                out,
                "line {line}: not understood: the model's vocabulary reads {percent:.0} % of the letters here, so its scores would \
                 mean nothing; a multilingual model reads more (--model DIR)"
            ),
            false => writeln!(
                out,
                "line {line}: the model's vocabulary reads {percent:.0} % of the letters here"
            ),
        };
    }
}

fn analyzed(report: &DocumentReport) -> impl Iterator<Item = (&Unit, &UnitReport)> {
    report
        .segments
        .units
        .iter()
        .zip(&report.units)
        .filter_map(|(unit, explained)| Some((unit, explained.as_deref()?)))
}
