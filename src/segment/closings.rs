//! Lines that only close brackets: they belong to the text before them.

/// Whether a text only closes earlier brackets. A comment may follow a bracket: `} // namespace`.
pub(super) fn only_closes(text: &str) -> bool {
    text.lines().all(|line| {
        let remark = ["//", "/*"]
            .iter()
            .filter_map(|mark| line.find(mark))
            .min()
            .unwrap_or(line.len());
        let code = &line[..remark];
        let stands_alone = code.trim().is_empty() && remark < line.len();
        !stands_alone && code.split_whitespace().all(closes)
    })
}

fn closes(word: &str) -> bool {
    let word = word.trim_matches([')', ']', '}', '>', ';', ',']);
    matches!(
        word,
        "" | "end" | "fi" | "done" | "esac" | "?" | "#endif" | "```" | "~~~"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_distinguished_from_content() {
        for text in [
            "}\n",
            "  });\n]\n",
            "end\nend",
            "?>",
            "\n",
            "}  // namespace a",
            "#endif /* A_H */\n",
        ] {
            assert!(only_closes(text), "{text:?}");
        }
        for text in ["} else {", "x", "end_of", "(", "<div>", "---", "// end", "} // a\n// b"] {
            assert!(!only_closes(text), "{text:?}");
        }
    }
}
