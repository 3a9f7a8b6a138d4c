//! Paragraphs, where there is no grammar to ask.

use super::UnitKind;
use super::outline::{Fragment, Outline};
use crate::text::Language;

/// Paragraphs by blank lines. A blank line before an indented line ends no paragraph: in languages without a grammar that line
/// stands inside a function, and in prose it is an example of what was just said.
pub(super) fn of_text(text: &str, language: Language) -> Outline {
    let kind = match language {
        Language::Json | Language::Toml | Language::Yaml => UnitKind::Data,
        _ if language.is_code() => UnitKind::Statements,
        _ => UnitKind::Paragraph,
    };
    let mut starts = vec![0];
    let (mut at, mut after_blank) = (0, false);
    for line in text.split_inclusive(['\n', '\r']) {
        let blank = line.trim().is_empty();
        if !blank && after_blank && !line.starts_with([' ', '\t']) {
            starts.push(at);
        }
        // The LF of a CRLF comes as a line of its own, which is no blank line.
        let ends_crlf = line == "\n" && text[..at].ends_with('\r');
        after_blank = if ends_crlf { after_blank } else { blank };
        at += line.len();
    }
    let ends = starts.iter().copied().skip(1).chain([text.len()]);
    let fragment = |(&start, end)| Fragment {
        range: start..end,
        kind,
        name: None,
        language,
    };
    Outline {
        fragments: starts.iter().zip(ends).map(fragment).collect(),
        headings: Vec::new(),
    }
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
}
