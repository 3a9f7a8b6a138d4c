//! Reports for a terminal: heat as background colours, in true colour, 256 colours or none.

use std::fmt::Write;

use super::heat::{LEVELS, UNDERSTOOD, levels};
use crate::analysis::{DocumentReport, UnitReport};
use crate::explain::{Method, PairReport};
use crate::model::ModelInfo;
use crate::segment::Unit;
use crate::text::{ByteRange, PositionEncoding, Snapshot};

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// No colours: salient words stand between marks instead.
    None,
    /// The 256 colours of xterm.
    Indexed(Background),
    /// 24-bit colours.
    True(Background),
}

/// What the terminal's own colours are: heat grows out of the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Light text on a dark ground.
    Dark,
    /// Dark text on a light ground.
    Light,
}

/// A line of a list below the heat map: two items that resemble each other.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarPair {
    /// Language-centred cosine.
    pub score: f32,
    /// Name and line (from 1) of the first.
    pub a: (String, u32),
    /// Name and line (from 1) of the second.
    pub b: (String, u32),
}

/// How many words the list of top words has.
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
) -> String {
    let paint = Paint(palette);
    let mut out = String::new();
    let head = format!(
        "{file} · {} · {} · {}",
        report.snapshot.language().name(),
        model.name,
        method.name()
    );
    let _ = writeln!(out, "{}", paint.bold(&head));
    heat_map(&mut out, report, paint);
    top_words(&mut out, report, method, paint);
    similar_items(&mut out, similar, paint);
    figures(&mut out, report, milliseconds, paint);
    out
}

fn heat_map(out: &mut String, report: &DocumentReport, paint: Paint) {
    let snapshot = &report.snapshot;
    let mut spans: Vec<(ByteRange, u32)> = Vec::new();
    for (unit, explained) in analysed(report).filter(|(_, explained)| explained.coverage >= UNDERSTOOD) {
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
        let _ = write!(out, "{} ", paint.dim(&format!("{:>digits$} │", line + 1)));
        let mut at = range.start;
        while let Some((span, level)) = spans.get(next).filter(|(span, _)| span.start < range.end) {
            let end = span.end.min(range.end);
            out.push_str(&printable(&snapshot.text(at..span.start.max(at))));
            out.push_str(&paint.heat(&printable(&snapshot.text(span.start.max(at)..end)), *level));
            at = end;
            next += 1;
        }
        out.push_str(&printable(&snapshot.text(at..range.end)));
        out.push('\n');
    }
}

fn top_words(out: &mut String, report: &DocumentReport, method: Method, paint: Paint) {
    let mut words: Vec<(&Unit, &UnitReport, usize)> = Vec::new();
    for (unit, explained) in analysed(report).filter(|(_, explained)| explained.coverage >= UNDERSTOOD) {
        words.extend((0..explained.words.len()).map(|index| (unit, explained, index)));
    }
    words.sort_by(|(_, a, i), (_, b, j)| b.words[*j].score.total_cmp(&a.words[*i].score));
    if words.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.bold("top words, by share of their unit"));
    let most = words[0].1.words[words[0].2].score;
    for (unit, explained, index) in words.into_iter().take(TOP) {
        let word = &explained.words[index];
        let range = unit.range.start + word.range.start..unit.range.start + word.range.end;
        let place = report.snapshot.position(range.start, PositionEncoding::Utf8);
        let bar = "█".repeat(((word.score / most * 10.0).round() as usize).max(1));
        let share = match method {
            Method::Decomposition => format!("{:5.1} %", word.score * 100.0),
            _ => format!("{:7.4}", word.score),
        };
        let name = unit
            .name
            .as_deref()
            .map(|name| format!(" in {name}"))
            .unwrap_or_default();
        let whereabouts = format!("line {}{name}", place.line + 1);
        let text = printable(&report.snapshot.text(range));
        let _ = writeln!(out, "  {share}  {bar:<10}  {text:<24}  {}", paint.dim(&whereabouts));
    }
}

fn similar_items(out: &mut String, similar: &[SimilarPair], paint: Paint) {
    let _ = writeln!(out, "\n{}", paint.bold("similar items in this file"));
    if similar.is_empty() {
        let _ = writeln!(out, "  none");
    }
    for pair in similar {
        let ((a, line_a), (b, line_b)) = (&pair.a, &pair.b);
        let _ = writeln!(
            out,
            "  ≈ {:.2}  {a} (line {line_a}) and {b} (line {line_b})",
            pair.score
        );
    }
}

fn figures(out: &mut String, report: &DocumentReport, milliseconds: f32, paint: Paint) {
    let units: Vec<&UnitReport> = analysed(report).map(|(_, explained)| explained).collect();
    let tokens: usize = units.iter().map(|unit| unit.tokens).sum();
    let mean = |of: &dyn Fn(&UnitReport) -> f32| {
        units.iter().map(|unit| of(unit) * unit.tokens as f32).sum::<f32>() / tokens.max(1) as f32
    };
    let residual = units.iter().map(|unit| unit.residual).fold(0.0, f32::max);
    let _ = writeln!(
        out,
        "\n{}",
        paint.dim(&format!(
            "{} units, {tokens} tokens, coverage {:.0} %, bias {:.1} %, special tokens {:.1} %, largest residual {residual:.0e}, \
             {milliseconds:.0} ms",
            units.len(),
            mean(&|unit| unit.coverage) * 100.0,
            mean(&|unit| unit.bias_share) * 100.0,
            mean(&|unit| unit.special_share) * 100.0,
        ))
    );
    for (unit, explained) in analysed(report).filter(|(_, explained)| explained.coverage < 1.0) {
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

/// A comparison: cosine, both passages with what their words add, the strongest pairs and the alignment.
pub fn compare(
    report: &PairReport,
    (a, in_a): (&Snapshot, &ByteRange),
    (b, in_b): (&Snapshot, &ByteRange),
    palette: Palette,
) -> String {
    let paint = Paint(palette);
    let mut out = String::new();
    let _ = writeln!(out, "{}", paint.bold(&format!("cosine {:.4}", report.cosine)));
    for (name, side, snapshot, at) in [("a", &report.a, a, in_a), ("b", &report.b, b, in_b)] {
        let text = snapshot.text(at.clone());
        let positive: f32 = side.scores.iter().map(|score| score.max(0.0)).sum();
        let _ = writeln!(out, "\n{}", paint.bold(name));
        let mut from = 0;
        for (range, score) in side.words.iter().zip(&side.scores) {
            let times = score * side.words.len() as f32 / positive;
            let level = if times > 0.0 {
                (4.0 + 4.0 * times.log2()).round().clamp(0.0, LEVELS as f32) as u32
            } else {
                0
            };
            out.push_str(&text[from..range.start]);
            out.push_str(&paint.heat(&text[range.clone()], level));
            from = range.end;
        }
        let _ = writeln!(out, "{}", &text[from..]);
        let _ = writeln!(
            out,
            "{}",
            paint.dim(&format!(
                "special tokens {:+.3}, biases {:+.3}",
                side.special, side.bias
            ))
        );
        if side.coverage < UNDERSTOOD {
            let _ = writeln!(
                out,
                "not understood: the model's vocabulary reads {:.0} % of its letters",
                side.coverage * 100.0
            );
        }
    }
    let word = |snapshot: &Snapshot, at: &ByteRange, range: &ByteRange| {
        printable(&snapshot.text(at.start + range.start..at.start + range.end))
    };
    let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
    for i in 0..report.a.words.len() {
        pairs.extend(
            report.row(i)[..report.b.words.len()]
                .iter()
                .enumerate()
                .map(|(j, v)| (*v, i, j)),
        );
    }
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0));
    let _ = writeln!(out, "\n{}", paint.bold("pairs that add most"));
    for (value, i, j) in pairs.into_iter().take(TOP) {
        let (left, right) = (word(a, in_a, &report.a.words[i]), word(b, in_b, &report.b.words[j]));
        let _ = writeln!(out, "  {value:+.4}  {left} × {right}");
    }
    let _ = writeln!(out, "\n{}", paint.bold("corresponding words"));
    for link in &report.alignment {
        let (left, right) = (
            word(a, in_a, &report.a.words[link.a]),
            word(b, in_b, &report.b.words[link.b]),
        );
        let weight = report.row(link.a)[link.b];
        let _ = writeln!(
            out,
            "  {left} ~ {right}  {}",
            paint.dim(&format!("cosine {:.2}, adds {weight:+.4}", link.cosine))
        );
    }
    let _ = writeln!(
        out,
        "\n{}",
        paint.dim(&format!("residual {:.0e}, {:.0} ms", report.residual, report.ms))
    );
    out
}

fn analysed(report: &DocumentReport) -> impl Iterator<Item = (&Unit, &UnitReport)> {
    report
        .segments
        .units
        .iter()
        .zip(&report.units)
        .filter_map(|(unit, explained)| Some((unit, explained.as_deref()?)))
}

/// Text without control characters: a document must not steer the terminal.
fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => "    ".to_owned(),
        c if c.is_control() => '\u{fffd}'.to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

#[derive(Clone, Copy)]
struct Paint(Palette);

impl Paint {
    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// A word on its level's background: a ramp that grows out of the terminal's own background, with text that stays readable on
    /// all of it.
    fn heat(self, text: &str, level: u32) -> String {
        if level == 0 || text.is_empty() {
            return text.to_owned();
        }
        let t = (level.min(LEVELS) - 1) as f32 / (LEVELS - 1) as f32;
        match self.0 {
            Palette::None if level >= 8 => format!("[{text}]"),
            Palette::None => text.to_owned(),
            Palette::Indexed(background) => {
                let (ramp, text_colour): ([u8; 6], u8) = match background {
                    Background::Dark => ([236, 52, 88, 94, 130, 166], 231),
                    Background::Light => ([230, 229, 222, 215, 209, 203], 16),
                };
                let colour = ramp[(t * (ramp.len() - 1) as f32).round() as usize];
                format!("\x1b[48;5;{colour};38;5;{text_colour}m{text}\x1b[0m")
            }
            Palette::True(background) => {
                let (from, to, ink) = match background {
                    Background::Dark => ([44.0, 36.0, 32.0], [190.0, 78.0, 16.0], "240;236;230"),
                    Background::Light => ([255.0, 247.0, 214.0], [240.0, 96.0, 72.0], "20;20;20"),
                };
                let [r, g, b] = [0, 1, 2].map(|i: usize| (from[i] + (to[i] - from[i]) * t).round() as u8);
                format!("\x1b[48;2;{r};{g};{b};38;2;{ink}m{text}\x1b[0m")
            }
        }
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 == Palette::None {
            text.to_owned()
        } else {
            format!("\x1b[{code}m{text}\x1b[0m")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[2J\u{9b}b\tc"), "a\u{fffd}[2J\u{fffd}b    c");
    }

    #[test]
    fn without_colours_strong_words_stand_between_marks() {
        assert_eq!(Paint(Palette::None).heat("config", 12), "[config]");
        assert_eq!(Paint(Palette::None).heat("the", 3), "the");
        assert_eq!(Paint(Palette::None).bold("head"), "head");
    }
}
