//! Paragraphs and headings of text without a grammar.
//!
//! Headings of reStructuredText (a line of punctuation below the title, or also above it) and of AsciiDoc (`== Title`) are recognized in
//! all prose, because plain text underlines titles in the same way.

use super::UnitKind;
use super::outline::{Fragment, Outline};
use super::sections::{Block, BlockKind, outline};
use crate::text::{ByteRange, Language};

/// A line of prose without its line end.
struct Line<'a> {
    start: usize,
    text: &'a str,
}

/// Splits a text into paragraphs at blank lines, and finds titles in prose.
///
/// A blank line before an indented line ends no paragraph: in languages without a grammar, that line is inside a function; in prose, it is
/// an example.
pub(super) fn of_text(text: &str, language: Language) -> Outline {
    let kind = match language {
        Language::Json | Language::Toml | Language::Yaml => UnitKind::Data,
        _ if language.is_code() => UnitKind::Statements,
        _ => UnitKind::Paragraph,
    };
    let starts = paragraph_starts(text);
    let titles = if language == Language::Prose {
        titles(text)
    } else {
        Vec::new()
    };
    if titles.is_empty() {
        let ends = starts.iter().copied().skip(1).chain([text.len()]);
        let fragment = |(&start, end)| Fragment {
            range: start..end,
            kind,
            name: None,
            language,
        };
        return Outline {
            fragments: starts.iter().zip(ends).map(fragment).collect(),
            headings: Vec::new(),
        };
    }
    let mut blocks = Vec::with_capacity(starts.len() + titles.len());
    let mut paragraphs = starts.into_iter().peekable();
    for title in titles {
        while let Some(start) = paragraphs.next_if(|&start| start < title.range.start) {
            blocks.push(Block {
                start,
                kind: BlockKind::Text,
            });
        }
        // Text after the title in the same paragraph belongs to the title.
        while paragraphs.next_if(|&start| start < title.range.end).is_some() {}
        blocks.push(Block {
            start: title.range.start,
            kind: BlockKind::Heading {
                level: title.level,
                name: title.name,
            },
        });
        if paragraphs.peek() != Some(&title.range.end) && title.text_follows {
            blocks.push(Block {
                start: title.range.end,
                kind: BlockKind::Text,
            });
        }
    }
    blocks.extend(paragraphs.map(|start| Block {
        start,
        kind: BlockKind::Text,
    }));
    outline(text, &blocks, language)
}

/// The starts of the paragraphs; the first is the start of the text.
fn paragraph_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let (mut at, mut after_blank) = (0, false);
    for line in text.split_inclusive(['\n', '\r']) {
        let blank = line.trim().is_empty();
        if !blank && after_blank && !line.starts_with([' ', '\t']) {
            starts.push(at);
        }
        // The LF of a CRLF arrives as a separate line, which is not a blank line.
        let ends_crlf = line == "\n" && text[..at].ends_with('\r');
        after_blank = if ends_crlf { after_blank } else { blank };
        at += line.len();
    }
    starts
}

/// A title with its lines of punctuation.
struct Title {
    range: ByteRange,
    name: ByteRange,
    level: usize,
    /// Whether the line below it contains text.
    text_follows: bool,
}

fn titles(text: &str) -> Vec<Title> {
    let lines = lines(text);
    let marked: Vec<_> = (0..lines.len()).filter_map(|at| marked_title(&lines, at)).collect();
    let underlined = underlined_titles(text, &lines);
    // In AsciiDoc, punctuation below a line closes a block; in other text, a line may begin with `=` by chance.
    if marked.len() >= underlined.len() {
        return outside_of_blocks(&lines, marked);
    }
    underlined
}

fn underlined_titles(text: &str, lines: &[Line<'_>]) -> Vec<Title> {
    // The styles of titles in order of appearance: the first has the highest level.
    let mut styles: Vec<(char, bool)> = Vec::new();
    let mut titles = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some((sign, over, count)) = underlined(lines, at) else {
            at += 1;
            continue;
        };
        let style = (sign, over);
        let level = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
            styles.push(style);
            styles.len() - 1
        });
        let title = &lines[at + usize::from(over)];
        let name = title.start + (title.text.len() - title.text.trim_start().len());
        titles.push(Title {
            range: lines[at].start..lines.get(at + count).map_or(text.len(), |line| line.start),
            name: name..name + title.text.trim().len(),
            level: level + 1,
            text_follows: lines.get(at + count).is_some_and(|line| !line.text.trim().is_empty()),
        });
        at += count;
    }
    titles
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let ends_crlf = line == "\n" && text[..at].ends_with('\r');
        if !ends_crlf {
            lines.push(Line {
                start: at,
                text: line.trim_end_matches(['\n', '\r']),
            });
        }
        at += line.len();
    }
    lines
}

/// The title that starts here: its punctuation sign, whether it has an overline, its lines.
fn underlined(lines: &[Line<'_>], at: usize) -> Option<(char, bool, usize)> {
    let blank = |at: Option<usize>| at.is_none_or(|at| lines.get(at).is_none_or(|line| line.text.trim().is_empty()));
    if !blank(at.checked_sub(1)) {
        return None;
    }
    let line = |offset: usize| lines.get(at + offset).map(|line| line.text.trim_end());
    let first = line(0)?;
    if let Some(sign) = rule(first) {
        let title = line(1)?;
        let closed = rule(line(2)?) == Some(sign) && line(2)?.len() == first.len();
        return (closed && is_title(title.trim_start()) && width(title) <= first.len()).then_some((sign, true, 3));
    }
    let under = line(1)?;
    let sign = rule(under)?;
    (is_title(first) && width(first) <= under.len()).then_some((sign, false, 2))
}

/// The sign, if the line consists of at least three equal signs.
fn rule(line: &str) -> Option<char> {
    let sign = line.chars().next()?;
    let known = matches!(
        sign,
        '=' | '-' | '~' | '^' | '"' | '\'' | '`' | '+' | '*' | '#' | ':' | '.' | '_' | '<' | '>'
    );
    (known && line.len() >= 3 && line.chars().all(|c| c == sign)).then_some(sign)
}

/// Whether a line can be a title: not indented, with a letter or digit.
fn is_title(line: &str) -> bool {
    !line.starts_with([' ', '\t']) && line.chars().any(char::is_alphanumeric)
}

fn width(line: &str) -> usize {
    // In reStructuredText, wide characters count twice, but few authors follow this rule.
    line.chars().count()
}

/// The AsciiDoc title on this line: `== Title`.
fn marked_title(lines: &[Line<'_>], at: usize) -> Option<Title> {
    let line = &lines[at];
    let words = line.text.trim_start_matches('=');
    let level = line.text.len() - words.len();
    let name = words.strip_prefix(' ')?.trim();
    if !(1..=6).contains(&level)
        || !name.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '`' | '{' | '_' | '*'))
    {
        return None;
    }
    let start = line.start + line.text.find(name)?;
    let next = lines.get(at + 1);
    Some(Title {
        range: line.start..next.map_or(line.start + line.text.len(), |next| next.start),
        name: start..start + name.len(),
        level,
        text_follows: next.is_some_and(|next| !next.text.trim().is_empty()),
    })
}

/// The titles outside of code and text blocks. Lines of four or more signs delimit blocks.
fn outside_of_blocks(lines: &[Line<'_>], titles: Vec<Title>) -> Vec<Title> {
    let mut inside: Option<&str> = None;
    let mut titles = titles.into_iter().peekable();
    let mut outside = Vec::new();
    for line in lines {
        let delimiter = line.text.trim_end();
        let delimits = delimiter.len() >= 4 && matches!(rule(delimiter), Some('-' | '.' | '+' | '*' | '_' | '='));
        match inside {
            Some(open) if open == delimiter => inside = None,
            None if delimits => inside = Some(delimiter),
            _ => {}
        }
        if let Some(title) = titles.next_if(|title| title.range.start == line.start)
            && inside.is_none()
        {
            outside.push(title);
        }
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraphs(text: &str, language: Language) -> Vec<&str> {
        of_text(text, language)
            .fragments
            .into_iter()
            .map(|fragment| &text[fragment.range])
            .collect()
    }

    #[test]
    fn blank_lines_end_paragraphs() {
        assert_eq!(paragraphs("a\nb\n\n\nc\n", Language::Prose), ["a\nb\n\n\n", "c\n"]);
        assert_eq!(paragraphs("a\r\nb\r\n\r\nc", Language::Prose), ["a\r\nb\r\n\r\n", "c"]);
        assert_eq!(paragraphs("a\rb\r\rc", Language::Prose), ["a\rb\r\r", "c"]);
        assert_eq!(
            paragraphs("我爱编程。\n　\n　　你好。", Language::Prose),
            ["我爱编程。\n　\n", "　　你好。"]
        );
    }

    #[test]
    fn indented_lines_stay_with_what_is_above() {
        assert_eq!(
            paragraphs("func f {\n\n  x\n}\n\nfunc g", Language::Other),
            ["func f {\n\n  x\n}\n\n", "func g"]
        );
    }

    fn sections(text: &str) -> Vec<(&str, &str)> {
        let outline = of_text(text, Language::Prose);
        let covered: String = outline
            .fragments
            .iter()
            .map(|fragment| &text[fragment.range.clone()])
            .collect();
        assert_eq!(covered, text);
        let headings = outline.headings.into_iter();
        headings
            .map(|heading| (&text[heading.name_range], &text[heading.range]))
            .collect()
    }

    #[test]
    fn restructured_text_titles_have_nested_sections() {
        let text = "=====\nGuide\n=====\n\nWords.\n\nInstall\n-------\nText.\n\n::\n\n    Not\n    ---\n\nFrom source\n~~~~~~~~~~~\n\nMore.\n\nUse\n---\n\nEnd.\n";
        let names: Vec<_> = sections(text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Guide", "Install", "From source", "Use"]);
        assert_eq!(sections(text)[0].1, text);
        assert!(sections(text)[1].1.ends_with("More.\n\n") && sections(text)[1].1.starts_with("Install\n---"));
        assert_eq!(sections(text)[3].1, "Use\n---\n\nEnd.\n");
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(sections(&crlf).len(), 4);
    }

    #[test]
    fn ascii_doc_titles_have_nested_sections() {
        let text = "= Guide\nAn Author\n\nWords.\n\n== Install\n\n----\n== not a title\nlast line\n----\n\n=== From source\nMore.\n\n== Use\nEnd.\n";
        let names: Vec<_> = sections(text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Guide", "Install", "From source", "Use"]);
        assert!(sections(text)[1].1.ends_with("More.\n\n"));
    }

    #[test]
    fn punctuation_lines_without_a_title_are_ignored() {
        for text in [
            "A paragraph\nof two lines\n------------\nnext",
            "---\n\nText\n",
            "=====  =====\nA      B\n=====  =====\n",
            "Much longer than its line\n---\n",
            "======= theirs\n",
            "a == b\n",
            "-----\n-----\n",
        ] {
            assert_eq!(sections(text), [], "{text}");
        }
    }
}
