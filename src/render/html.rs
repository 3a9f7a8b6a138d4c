//! A document's heat as one HTML page that needs nothing else: no script, nothing fetched, light and dark.

use std::fmt::Write;

use super::heat::{LEVELS, UNDERSTOOD, levels};
use crate::analysis::DocumentReport;
use crate::explain::Method;
use crate::model::{ModelInfo, largest};
use crate::render::readers::readers;

const STYLE: &str = "\
:root{color-scheme:light dark;--heat:240 96 72;--page:#fff;--ink:#1d1d1f;--dim:#6e6e73}
@media(prefers-color-scheme:dark){:root{--heat:214 84 20;--page:#1c1c1e;--ink:#e5e5e7;--dim:#98989d}}
body{margin:2rem auto;max-width:70rem;padding:0 1rem;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.1rem}p{color:var(--dim)}
pre{font:14px/1.6 ui-monospace,'DejaVu Sans Mono',monospace;white-space:pre-wrap;overflow-wrap:anywhere}
mark{color:inherit;border-radius:2px;background:rgb(var(--heat)/calc(var(--level)*.9))}
.unread{text-decoration:underline wavy var(--dim)}";

/// The page.
pub fn explain(report: &DocumentReport, model: &ModelInfo, method: Method, file: &str) -> String {
    let title = format!(
        "{} · {} · {} · {}",
        file,
        report.snapshot.language().name(),
        readers(report, &model.name),
        method.name()
    );
    let mut page = head(&title, STYLE) + "<pre>";
    for (unit, explained) in report.segments.units.iter().zip(&report.units) {
        let Some(explained) = explained.as_deref() else {
            page += &escape(&report.snapshot.text(unit.range.clone()));
            continue;
        };
        let text = report.snapshot.text(unit.range.clone());
        if explained.coverage < UNDERSTOOD {
            let percent = explained.coverage * 100.0;
            let _ = write!(
                page,
                "<span class=\"unread\" title=\"not understood: the model's vocabulary reads {percent:.0} % of the letters\">{}</span>",
                escape(&text)
            );
            continue;
        }
        let mut at = 0;
        for (word, level) in explained
            .words
            .iter()
            .zip(levels(explained))
            .filter(|(_, level)| *level > 0)
        {
            page += &escape(&text[at..word.range.start]);
            let _ = write!(
                page,
                "<mark style=\"--level:{:.2}\" title=\"{:.1} %, rank {} of {}\">{}</mark>",
                level as f32 / LEVELS as f32,
                word.score * 100.0,
                word.rank,
                explained.words.len(),
                escape(&text[word.range.clone()])
            );
            at = word.range.end;
        }
        page += &escape(&text[at..]);
    }
    let units: Vec<_> = report.units.iter().flatten().collect();
    let residual = largest(units.iter().map(|unit| unit.residual));
    let _ = writeln!(
        page,
        "</pre>\n<p>{} units, largest residual {residual:.0e}</p>\n</html>",
        units.len()
    );
    page
}

/// The beginning of a page without scripts, up to its heading.
pub(super) fn head(title: &str, style: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}</title>\n<style>{style}</style>\n<h1>{0}</h1>\n",
        escape(title)
    )
}

/// Text as HTML text or as the value of a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if c.is_control() && !matches!(c, '\n' | '\r' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_become_markup() {
        assert_eq!(
            escape("<img src=x onerror='a&b'>\u{0}"),
            "&lt;img src=x onerror=&#39;a&amp;b&#39;&gt;\u{fffd}"
        );
    }
}
