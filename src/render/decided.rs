//! What a model decided, and the words that decided, as one HTML page that needs nothing else: no script, nothing fetched, light and dark.

use std::fmt::Write;

use super::html::{escape, head};
use crate::text::ByteRange;

const STYLE: &str = "\
:root{color-scheme:light dark;--for:240 96 72;--against:58 124 214;--page:#fff;--ink:#1d1d1f;--dim:#6e6e73}
@media(prefers-color-scheme:dark){:root{--for:214 84 20;--against:48 96 176;--page:#1c1c1e;--ink:#e5e5e7;--dim:#98989d}}
body{margin:2rem auto;max-width:60rem;padding:0 1rem;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.1rem}h2{font-size:1rem;margin:2rem 0 .5rem}p{color:var(--dim);margin:.5rem 0}
pre{font:14px/1.7 ui-monospace,'DejaVu Sans Mono',monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:.5rem 0}
mark{color:inherit;border-radius:2px;background:rgb(var(--for)/calc(var(--level)*.6))}
mark.against{background:rgb(var(--against)/calc(var(--level)*.45));text-decoration:underline dotted}
table{border-spacing:0 2px}td{padding:0 .75rem 0 0;white-space:nowrap}td.number{text-align:right;font-variant-numeric:tabular-nums}
.bar{display:inline-block;height:.7rem;border-radius:2px;background:rgb(var(--for)/.8)}";

/// A result with its reasons.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Section {
    /// What it is.
    pub heading: String,
    /// Choices with their numbers, the first being the best.
    pub choices: Vec<Choice>,
    /// The text whose words are marked.
    pub text: String,
    /// Words of the text, in order, with what each adds: above 0 for, below 0 against.
    pub words: Vec<(ByteRange, f32)>,
    /// Sentences below the text.
    pub notes: Vec<String>,
}

/// A choice, such as a class or a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Its name.
    pub name: String,
    /// Its number as it is shown.
    pub number: String,
    /// The length of its bar, 0 to 1.
    pub share: f32,
}

/// The page.
pub fn page(title: &str, sections: &[Section]) -> String {
    let mut page = head(title, STYLE);
    for section in sections {
        let _ = writeln!(page, "<h2>{}</h2>", escape(&section.heading));
        choices(&mut page, &section.choices);
        marked(&mut page, section);
        for note in &section.notes {
            let _ = writeln!(page, "<p>{}</p>", escape(note));
        }
    }
    page + "</html>\n"
}

fn choices(page: &mut String, choices: &[Choice]) {
    if choices.is_empty() {
        return;
    }
    *page += "<table>\n";
    for choice in choices {
        let width = 12.0 * choice.share.clamp(0.0, 1.0);
        let _ = writeln!(
            page,
            "<tr><td class=\"number\">{}</td><td>{}</td><td><span class=\"bar\" style=\"width:{width:.2}rem\"></span></td></tr>",
            escape(&choice.number),
            escape(&choice.name)
        );
    }
    *page += "</table>\n";
}

/// Words below this share of the largest are not marked.
const MARKED: f32 = 0.05;

fn marked(page: &mut String, section: &Section) {
    if section.text.is_empty() {
        return;
    }
    let most = section
        .words
        .iter()
        .map(|(_, score)| score.abs())
        .fold(f32::MIN_POSITIVE, f32::max);
    *page += "<pre>";
    let mut at = 0;
    for (range, score) in &section.words {
        let level = score.abs() / most;
        let (Some(before), Some(word)) = (section.text.get(at..range.start), section.text.get(range.clone())) else {
            continue;
        };
        if level < MARKED {
            continue;
        }
        *page += &escape(before);
        let against = if *score < 0.0 { " class=\"against\"" } else { "" };
        let _ = write!(
            page,
            "<mark{against} style=\"--level:{level:.2}\" title=\"{score:+.3}\">{}</mark>",
            escape(word)
        );
        at = range.end;
    }
    *page += &escape(section.text.get(at..).unwrap_or_default());
    *page += "</pre>\n";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_and_against_are_marked_by_their_share_of_the_largest_and_text_is_no_markup() {
        let section = Section {
            heading: "why <b>".to_owned(),
            choices: vec![Choice {
                name: "a&b".to_owned(),
                number: "52.0 %".to_owned(),
                share: 0.52,
            }],
            text: "keep <it> safe, now".to_owned(),
            words: vec![(0..4, 2.0), (6..8, -1.0), (10..14, 0.01), (90..91, 1.0)],
            notes: vec!["all sum".to_owned()],
        };
        let page = page("title", &[section]);
        assert!(
            page.contains("<h2>why &lt;b&gt;</h2>") && page.contains("<td>a&amp;b</td>"),
            "{page}"
        );
        assert!(
            page.contains("<mark style=\"--level:1.00\" title=\"+2.000\">keep</mark> &lt;"),
            "{page}"
        );
        assert!(
            page.contains(
                "<mark class=\"against\" style=\"--level:0.50\" title=\"-1.000\">it</mark>&gt; safe, now</pre>"
            ),
            "{page}"
        );
        assert!(
            page.contains("width:6.24rem") && page.contains("<p>all sum</p>"),
            "{page}"
        );
        assert!(!page.contains("<script"));
    }
}
